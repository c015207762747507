// SPDX-License-Identifier: GPL-2.0
/*
 * The console, and complaints that do not kill.
 */

#include <linux/console.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include <os.h>

#include "../core/actors.h"

#define STDERR 2

/*
 * KASAN, WARN() and oopses panic (the harness says so on the command line).
 * Lockdep, RCU and the sleep-in-atomic check only print; how they begin:
 */
static const char * const splats[] = {
	"WARNING: ", "BUG: ", "INFO: task ", "INFO: rcu", "rcu: INFO: ",
	"INFO: trying to register non-static key", "refcount_t: ",
};

static bool is_splat(const char *line, const char *end)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(splats); i++) {
		size_t len = strlen(splats[i]);

		if (end - line >= len && !memcmp(line, splats[i], len))
			return true;
	}
	return false;
}

/*
 * Straight to the host, like results: a console on a tty would wait for the
 * host now and then. One record may hold several lines.
 */
static void nslab_console_write(struct console *con, const char *text,
				unsigned int len)
{
	const char *end = text + len;

	os_write_file(STDERR, text, len);
	while (text < end) {
		const char *eol = memchr(text, '\n', end - text);

		if (is_splat(text, end))
			nslab_splat();
		if (!eol)
			break;
		text = eol + 1;
	}
}

static struct console watcher = {
	.name = "nslab",
	.write = nslab_console_write,
	.flags = CON_ENABLED | CON_ANYTIME | CON_PRINTBUFFER,
	.index = -1,
};

static int __init watcher_init(void)
{
	register_console(&watcher);
	return 0;
}
console_initcall(watcher_init);

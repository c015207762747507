// SPDX-License-Identifier: GPL-2.0
/*
 * Results to the host, and what is said when the kernel complains or dies.
 */

#include <linux/console.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/string.h>

#include <os.h>

#include "../nslab.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "nslab."

/* === To the host === */

/*
 * A descriptor that the harness leaves open for us. A write there is one
 * system call of the host's: no console, no tty, nothing that waits, so the
 * guest's clock does not notice, and what is written outlives the guest.
 */
#define STDERR 2

static int result_fd = -1;
module_param(result_fd, int, 0400);

/**
 * nslab_host_write() - hand bytes to the harness
 * @buf: the bytes
 * @len: how many
 *
 * Return: @len, or a negative errno; -ENODEV without nslab.result_fd=.
 */
ssize_t nslab_host_write(const char *buf, size_t len)
{
	size_t done = 0;

	if (result_fd < 0)
		return -ENODEV;
	while (done < len) {
		int n = os_write_file(result_fd, buf + done, len - done);

		if (n <= 0)
			return n ?: -EIO;
		done += n;
	}
	return len;
}

/**
 * nslab_host_printf() - a formatted line for the harness
 */
void nslab_host_printf(const char *fmt, ...)
{
	/* Static: also used by a panic, on whatever stack is left to it. */
	static char line[1024];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	nslab_host_write(line, len);
}

/**
 * nslab_emit_points() - write how often each point was met since boot, and by
 * how many executions
 */
void nslab_emit_points(void)
{
	unsigned int i;

	nslab_host_printf("{\"event\":\"points\",\"hits\":{");
	for (i = 0; i < NSLAB_NR_POINTS; i++)
		nslab_host_printf("%s\"%s\":%llu", i ? "," : "",
				  nslab_points[i].name, nslab_point_hits(i));
	nslab_host_printf("},");
	nslab_coverage_emit();
	nslab_host_printf("}\n");
}

/* === The console, and complaints that do not kill === */

/*
 * KASAN, WARN() and oopses panic (the harness says so on the command line).
 * Lockdep, RCU and the sleep-in-atomic check only print; how they begin:
 */
static const char * const splats[] = {
	"WARNING: ", "BUG: ", "INFO: task ", "INFO: rcu", "rcu: INFO: ",
	"INFO: trying to register non-static key", "refcount_t: ",
};

static bool splat_seen;

bool nslab_splat_seen(void)
{
	return READ_ONCE(splat_seen);
}

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
static void watch(struct console *con, const char *text, unsigned int len)
{
	const char *end = text + len;

	os_write_file(STDERR, text, len);
	while (text < end) {
		const char *eol = memchr(text, '\n', end - text);

		if (is_splat(text, end)) {
			WRITE_ONCE(splat_seen, true);
			nslab_freeze();
		}
		if (!eol)
			break;
		text = eol + 1;
	}
}

static struct console watcher = {
	.name = "nslab",
	.write = watch,
	.flags = CON_ENABLED | CON_ANYTIME | CON_PRINTBUFFER,
	.index = -1,
};

static int __init watcher_init(void)
{
	register_console(&watcher);
	return 0;
}
console_initcall(watcher_init);

/* === Death === */

static int on_panic(struct notifier_block *nb, unsigned long action, void *msg)
{
	const struct nslab_run *run = nslab_current_run();

	if (!run) {
		pr_emerg("nslab: died outside of an execution\n");
		return NOTIFY_DONE;
	}
	pr_emerg("nslab: token=%s\n", run->token);
	pr_emerg("nslab: trace hash=%016llx points=%u\n", nslab_trace_hash(),
		 nslab_trace_points());
	if (run->flags & NSLAB_RUN_TRACE)
		nslab_trace_emit(run->execution);
	nslab_emit_points();
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = {
	.notifier_call = on_panic,
	/* Before UML's own notifier, which ends the process. */
	.priority = INT_MAX,
};

int __init nslab_report_init(void)
{
	return atomic_notifier_chain_register(&panic_notifier_list,
					      &panic_block);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Results to the host.
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>

#include <os.h>

#include "host.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "nslab."

/*
 * A descriptor that the harness leaves open for us. A write there is one
 * system call of the host's: no console, no tty, nothing that waits, so the
 * guest's clock does not notice, and what is written outlives the guest.
 */
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

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Results to the host.
 */
#ifndef KERNEL_NSLAB_REPORT_HOST_H
#define KERNEL_NSLAB_REPORT_HOST_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

ssize_t nslab_host_write(const char *buf, size_t len);
__printf(1, 2) void nslab_host_printf(const char *fmt, ...);

#endif /* KERNEL_NSLAB_REPORT_HOST_H */

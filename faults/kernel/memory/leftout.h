/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text whose accesses do not count.
 */
#ifndef KERNEL_NSLAB_MEMORY_LEFTOUT_H
#define KERNEL_NSLAB_MEMORY_LEFTOUT_H

#include <linux/types.h>

int nslab_leave_out(char *text);
bool nslab_left_out(unsigned long ip);

#endif /* KERNEL_NSLAB_MEMORY_LEFTOUT_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Each execution starts from the same state: what counts on is set back.
 */
#ifndef KERNEL_NSLAB_CORE_RESTART_H
#define KERNEL_NSLAB_CORE_RESTART_H

#include <linux/types.h>

void nslab_restart(void);
void nslab_counter_seen(void *variable, size_t size);

#endif /* KERNEL_NSLAB_CORE_RESTART_H */

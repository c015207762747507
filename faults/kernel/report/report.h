/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is written to the results, as lines of JSON.
 */
#ifndef KERNEL_NSLAB_REPORT_REPORT_H
#define KERNEL_NSLAB_REPORT_REPORT_H

#include <linux/types.h>

void nslab_emit_points(void);
void nslab_trace_emit(u64 execution);
int nslab_emit_stack(u64 id);

#endif /* KERNEL_NSLAB_REPORT_REPORT_H */

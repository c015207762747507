/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the lab's own oracles report.
 */
#ifndef KERNEL_NSLAB_CORE_COMPLAINT_H
#define KERNEL_NSLAB_CORE_COMPLAINT_H

void nslab_oracle_begin(const char *what);
void nslab_oracle_end(void);

#endif /* KERNEL_NSLAB_CORE_COMPLAINT_H */

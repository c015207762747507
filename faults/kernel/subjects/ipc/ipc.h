/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of this subject share.
 */
#ifndef KERNEL_NSLAB_SUBJECTS_IPC_IPC_H
#define KERNEL_NSLAB_SUBJECTS_IPC_IPC_H

#include "../../core/subject.h"

#define NSLAB_IPC_COUNTERS	6
#define NSLAB_IPC_ATTRIBUTES	2

extern const struct nslab_counter nslab_ipc_counters[NSLAB_IPC_COUNTERS];
extern const struct nslab_attribute nslab_ipc_attributes[NSLAB_IPC_ATTRIBUTES];

#endif /* KERNEL_NSLAB_SUBJECTS_IPC_IPC_H */

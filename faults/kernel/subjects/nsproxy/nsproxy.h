/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of this subject share.
 */
#ifndef KERNEL_NSLAB_SUBJECTS_NSPROXY_NSPROXY_H
#define KERNEL_NSLAB_SUBJECTS_NSPROXY_NSPROXY_H

#include "../../core/subject.h"

struct nsproxy;

#define NSLAB_NSPROXY_COUNTERS		17
#define NSLAB_NSPROXY_ATTRIBUTES	17

extern const struct nslab_counter nslab_nsproxy_counters[NSLAB_NSPROXY_COUNTERS];
extern const struct nslab_attribute nslab_nsproxy_attributes[NSLAB_NSPROXY_ATTRIBUTES];
extern const struct nslab_subject nslab_subject_nsproxy;

void nslab_nsproxy_alloc(const void *object, unsigned long ip);
void nslab_nsproxy_free(const void *object, unsigned long ip);
void nslab_nsproxy_counting_begins(void);
void nslab_nsproxy_counting_ends(void);
u64 nslab_nsproxy_references(const struct nsproxy *nsproxy);

#endif /* KERNEL_NSLAB_SUBJECTS_NSPROXY_NSPROXY_H */

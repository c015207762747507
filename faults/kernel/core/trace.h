/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the actors did in this execution, and a hash over it.
 */
#ifndef KERNEL_NSLAB_CORE_TRACE_H
#define KERNEL_NSLAB_CORE_TRACE_H

#include <linux/atomic.h>

#include "actors.h"

/* For gdb: use the functions. */
extern struct nslab_event *nslab_events;
extern atomic_t nslab_nr_events;

void nslab_trace_reset(void);
struct nslab_event *nslab_trace_add(const struct nslab_event *event);
struct nslab_event *nslab_trace_point(struct nslab_actor *actor,
				      const struct nslab_event *event);
const struct nslab_event *nslab_trace_events(unsigned int *n);
bool nslab_trace_truncated(void);
u64 nslab_trace_hash(void);
unsigned int nslab_trace_count(unsigned int kind);
unsigned int nslab_trace_delays(void);
unsigned int nslab_trace_points(void);
u32 nslab_trace_number(const struct nslab_event *event);
u32 nslab_text_offset(unsigned long ip);
u64 nslab_mix(u64 hash, u64 word);

#endif /* KERNEL_NSLAB_CORE_TRACE_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Delays: a fault that costs guest time in place of failing a call.
 */
#ifndef KERNEL_NSLAB_CORE_DELAY_H
#define KERNEL_NSLAB_CORE_DELAY_H

#include <linux/fault-inject.h>
#include <linux/time64.h>

#include "actors.h"
#include "list.h"

/**
 * struct nslab_delay - the delays at the points of one class
 * @attr: how often
 * @name: in debugfs
 * @min_ns: how long at least, guest time
 * @max_ns: how long at most
 */
struct nslab_delay {
	struct fault_attr attr;
	const char *name;
	u64 min_ns;
	u64 max_ns;
};

NSLAB_LIST(nslab_delays, struct nslab_delay *const);

/**
 * NSLAB_DELAY() - define a class of points
 * @id: as points.def has it
 * @_name: of its fault attribute
 */
#define NSLAB_DELAY(id, _name)						\
extern struct nslab_delay nslab_delay_##id;				\
struct nslab_delay nslab_delay_##id = {					\
	.attr = {							\
		.interval = 1,						\
		.times = ATOMIC_INIT(-1),				\
		.require_end = ULONG_MAX,				\
		.stacktrace_depth = 32,					\
		.ratelimit_state = RATELIMIT_STATE_INIT_DISABLED,	\
	},								\
	.name = _name,							\
	.min_ns = NSEC_PER_USEC,					\
	.max_ns = NSEC_PER_MSEC,					\
};									\
NSLAB_LISTED(nslab_delays, struct nslab_delay *const, nslab_delay_##id)

bool nslab_is_delay(const struct fault_attr *attr);
u64 nslab_draw_delay(struct nslab_actor *actor, struct nslab_delay *delay);
void nslab_delay_current(struct nslab_actor *actor, u64 ns);

#endif /* KERNEL_NSLAB_CORE_DELAY_H */

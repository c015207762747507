// SPDX-License-Identifier: GPL-2.0
/*
 * The subject of 2007: any task may look at another task's namespaces under
 * rcu_read_lock() alone.
 */

#include <linux/sched.h>
#include <linux/stddef.h>

#include "nsproxy.h"

#define NUMBER	1

enum {
#define NSLAB_POINT(id, name, class, effect, about) POINT_##id,
#include "points.def"
#undef NSLAB_POINT
};

NSLAB_DELAY(SWITCH, "delay_switch_task_namespaces");

#define NSLAB_POINT(id, name, class, effect, about)			\
	NSLAB_DEFINE_POINT(id, name, class, effect, NUMBER, POINT_##id);
#include "points.def"
#undef NSLAB_POINT

#define NSLAB_VARIANT(id, name, about)	NSLAB_DEFINE_VARIANT(id, name);
#include "variants.def"
#undef NSLAB_VARIANT

NSLAB_SUBJECT(nsproxy) = {
	.name = "nsproxy",
	.number = NUMBER,
	.noun = "nsproxy",
	.means = "namespaces",
	.cache = "nsproxy",
	.publishes = true,
	.published = offsetof(struct task_struct, nsproxy),
	.null_is_final = true,
	.counters = nslab_nsproxy_counters,
	.ncounters = NSLAB_NSPROXY_COUNTERS,
	.counting_begins = nslab_nsproxy_counting_begins,
	.counting_ends = nslab_nsproxy_counting_ends,
	.attributes = nslab_nsproxy_attributes,
	.nattributes = NSLAB_NSPROXY_ATTRIBUTES,
	.object_alloc = nslab_nsproxy_alloc,
	.object_free = nslab_nsproxy_free,
};

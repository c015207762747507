// SPDX-License-Identifier: GPL-2.0
/*
 * What happens when an actor comes to a named point.
 */

#include <linux/export.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>

#include "nslab.h"

const struct nslab_point_info nslab_points[NSLAB_NR_POINTS] = {
#define NSLAB_POINT(id, _name, _class, about) \
	[NSLAB_##id] = { .name = _name, .class = NSLAB_CLASS_##_class },
#include "points.def"
#undef NSLAB_POINT
};

static u64 hits[NSLAB_NR_POINTS];

/**
 * nslab_point_hits() - how often actors met @point since boot
 */
u64 nslab_point_hits(enum nslab_point point)
{
	return hits[point];
}

/*
 * A point counts only where the scheduler could take the CPU away: a point in
 * an interrupt or under a spinlock is no scheduling point.
 */
static bool can_be_delayed(void)
{
	return in_task() && preemptible();
}

/**
 * __nslab_point() - current, an actor, has come to a point
 * @point: which one
 * @ip: where in the kernel's text
 *
 * Records it and, if the fault attribute of its class says so, delays.
 */
void __nslab_point(enum nslab_point point, unsigned long ip)
{
	struct nslab_actor *actor = current->nslab;
	struct nslab_event event;

	if (actor->hidden || !nslab_running() || !can_be_delayed())
		return;

	actor->hidden++;
	event = (struct nslab_event) {
		.kind = NSLAB_EVENT_POINT,
		.actor = nslab_actor_index(actor),
		.nesting = rcu_preempt_depth(),
		.what = point,
		.ip = ip,
		.delay_ns = nslab_draw_delay(actor, nslab_points[point].class),
	};
	hits[point]++;
	nslab_trace_add(&event);
	if (event.delay_ns)
		nslab_delay(actor, event.delay_ns);
	actor->hidden--;
}
EXPORT_SYMBOL_GPL(__nslab_point);

/**
 * nslab_hide() - see nslab_hidden()
 *
 * Return: what nslab_show() needs to know.
 */
int nslab_hide(void)
{
	struct nslab_actor *actor = current->nslab;

	if (!actor)
		return 0;
	actor->hidden++;
	return 1;
}

/**
 * nslab_show() - end of a block with nslab_hidden()
 * @hidden: what nslab_hide() returned
 */
void nslab_show(int *hidden)
{
	if (*hidden)
		current->nslab->hidden--;
}

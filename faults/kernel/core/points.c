// SPDX-License-Identifier: GPL-2.0
/*
 * What happens when an actor comes to a point.
 */

#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>

#include "../nslab.h"
#include "strategies/strategy.h"

const struct nslab_point_info nslab_points[NSLAB_NR_POINTS] = {
#define NSLAB_POINT(id, _name, _class, about) \
	[NSLAB_##id] = { .name = _name, .class = NSLAB_CLASS_##_class },
#include "../subjects/nsproxy/points.def"
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

/* Where the function was called that has the point; there are frame pointers. */
#define CALLER_IP	((unsigned long)__builtin_return_address(1))

/*
 * A point counts only where the scheduler could take the CPU away: a point in
 * an interrupt or under a spinlock is no scheduling point.
 */
static bool can_be_preempted(void)
{
	return in_task() && preemptible();
}

/* The last write to a pointer has been made by now: see what it points to. */
static void look_at_written(struct nslab_actor *actor)
{
	if (actor->written)
		actor->written->value = nslab_pointee(actor->written_to);
	actor->written = NULL;
}

/**
 * nslab_meet() - current, an actor, is about to do something
 * @actor: current
 * @event: what; actor and nesting are filled in
 * @point: it is a scheduling point, if current can be preempted
 * @pointer: the pointer that is about to be read or written, NULL for none
 */
void nslab_meet(struct nslab_actor *actor, struct nslab_event *event,
		bool point, const void *pointer)
{
	struct nslab_op op = {
		.object = event->object,
		.offset = event->offset,
		.size = event->size,
		.write = event->flags & NSLAB_EVENT_IS_WRITE,
	};
	struct nslab_event *kept;

	actor->hidden++;
	look_at_written(actor);
	actor->loops = 0;
	event->actor = nslab_actor_index(actor);
	event->nesting = rcu_preempt_depth();
	event->next = NSLAB_NOBODY;
	if (point && nslab_steering() && can_be_preempted()) {
		event->flags |= NSLAB_EVENT_IS_POINT;
		kept = nslab_trace_point(actor, event);
		nslab_steer_point(actor, kept, &op);
	} else {
		kept = nslab_trace_add(event);
	}

	/* Others may have run: only what is there now is what current sees. */
	if (pointer && op.write) {
		actor->written = kept;
		actor->written_to = pointer;
	} else if (pointer) {
		kept->value = nslab_pointee(pointer);
	}
	actor->hidden--;
}

static void meet_named(struct nslab_actor *actor, enum nslab_point point,
		       unsigned long ip)
{
	struct nslab_event event;

	actor->hidden++;
	event = (struct nslab_event) {
		.kind = NSLAB_EVENT_POINT,
		.what = point,
		.ip = nslab_text_offset(ip),
	};
	if (!nslab_steering())
		event.delay_ns = nslab_draw_delay(actor,
						  nslab_points[point].class);
	hits[point]++;
	nslab_meet(actor, &event,
		   !(nslab_current_run()->flags & NSLAB_RUN_UNNAMED), NULL);
	if (event.delay_ns)
		nslab_delay(actor, event.delay_ns);
	actor->hidden--;
}

/**
 * __nslab_point() - current, an actor, has come to a named point
 * @point: which one
 * @ip: where in the kernel's text
 *
 * It is recorded. Where no strategy decides, the fault attribute of its class
 * may delay current.
 */
void __nslab_point(enum nslab_point point, unsigned long ip)
{
	struct nslab_actor *actor = current->nslab;

	if (nslab_is_hidden(actor) || !in_task() || !nslab_running())
		return;
	if (point == NSLAB_RCU_READ_LOCK && rcu_preempt_depth() == 1)
		nslab_order_section(actor);
	if (can_be_preempted()) {
		nslab_coverage_point(point);
		if (point == NSLAB_TASK_NSPROXY)
			nslab_coverage_reader(_RET_IP_, CALLER_IP);
		meet_named(actor, point, ip);
	}
	/* Others may have run, but the section has not ended yet. */
	if (point == NSLAB_RCU_READ_UNLOCK && rcu_preempt_depth() == 1 &&
	    nslab_running())
		nslab_lifetime_section_ends(actor);
}
EXPORT_SYMBOL_GPL(__nslab_point);

/**
 * __nslab_lock() - current, an actor, takes or releases a lock
 * @lock: it
 * @taken: whether it is about to be taken
 *
 * Only of locks for which a task may have to wait while others run.
 */
void __nslab_lock(struct lockdep_map *lock, bool taken)
{
	struct nslab_actor *actor = current->nslab;
	struct nslab_event event = {
		.kind = taken ? NSLAB_EVENT_LOCK : NSLAB_EVENT_UNLOCK,
	};

	if (lock->wait_type_inner != LD_WAIT_SLEEP || !in_task() ||
	    nslab_is_hidden(actor) || !nslab_running() ||
	    !(nslab_current_run()->flags & NSLAB_RUN_SYNC))
		return;
	event.object = nslab_lock_number(lock);
	nslab_meet(actor, &event, false, NULL);
}

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

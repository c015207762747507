// SPDX-License-Identifier: GPL-2.0
/*
 * Delays: a fault that costs guest time in place of failing a call. Each class of
 * points has an ordinary fault attribute (struct fault_attr,
 * Documentation/fault-injection) that says how often and how long.
 */

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/timekeeping.h>
#include <linux/time64.h>
#include <uapi/linux/sched/types.h>

#include "delay.h"
#include "random.h"

NSLAB_DELAY(READER, "delay_rcu_read_lock");
NSLAB_DELAY(EXIT, "delay_exit");

/**
 * nslab_is_delay() - does that attribute delay, in place of failing a call?
 */
bool nslab_is_delay(const struct fault_attr *attr)
{
	struct nslab_delay *const *delay;

	nslab_for_each(delay, nslab_delays)
		if (attr == &(*delay)->attr)
			return true;
	return false;
}

/**
 * nslab_draw_delay() - is there a fault at this point, and how long is it?
 * @actor: current
 * @delay: of the class of the point
 *
 * Return: ns of guest time, 0 for no delay.
 */
u64 nslab_draw_delay(struct nslab_actor *actor, struct nslab_delay *delay)
{
	unsigned int nth = current->fail_nth;
	bool fail;

	/* fail-nth counts allocations; a point is none. */
	current->fail_nth = 0;
	fail = should_fail(&delay->attr, 1);
	current->fail_nth = nth;

	if (!fail)
		return 0;
	return nslab_random_between(&actor->rnd, delay->min_ns, delay->max_ns);
}

static const struct sched_param idle_param = { .sched_priority = 0 };
static const struct sched_param fifo_param = {
	.sched_priority = NSLAB_ACTOR_PRIO
};

/* After each of these parts of a delay, a task that has woken up gets the CPU. */
#define SLICES	4

/*
 * End the delays that are over. The actor that spins does it for all: the others
 * wait for the CPU, and could not see that their time has come.
 *
 * Return: when the next one ends, U64_MAX if no actor is delayed.
 */
static u64 end_delays(u64 now)
{
	u64 next = U64_MAX;
	unsigned int i;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		struct nslab_actor *actor = &nslab_actors[i];
		u64 until = READ_ONCE(actor->delayed_until);

		if (!until)
			continue;
		if (until > now) {
			next = min(next, until);
			continue;
		}
		WRITE_ONCE(actor->delayed_until, 0);
		sched_setscheduler_nocheck(actor->task, SCHED_FIFO,
					   &fifo_param);
	}
	return next;
}

/**
 * nslab_delay_current() - let all others go first for a while
 * @actor: current
 * @ns: how long, in guest time
 *
 * Works inside an RCU read section, where sleeping is forbidden: current
 * gives up its priority and spins, so any other task that can run preempts it. With
 * time-travel=inf-cpu a spin costs no time but what ndelay() adds to the clock.
 */
void nslab_delay_current(struct nslab_actor *actor, u64 ns)
{
	u64 now = ktime_get_ns(), slice = max_t(u64, ns / SLICES, 1);

	WRITE_ONCE(actor->delayed_until, now + ns);
	sched_setscheduler_nocheck(current, SCHED_IDLE, &idle_param);
	for (;;) {
		u64 next;

		now = ktime_get_ns();
		next = end_delays(now);
		if (!READ_ONCE(actor->delayed_until))
			break;
		/* ndelay() itself cannot be preempted ... */
		ndelay(min(slice, next - now));
		/* ... and UML does not preempt on return from an interrupt. */
		preempt_check_resched();
	}
}

/*
 * Put the attributes into debugfs. After all others: the number of an attribute is
 * part of the trace, and must not depend on how many classes there are.
 */
static int __init nslab_delay_init(void)
{
	struct nslab_delay *const *delay;

	nslab_for_each(delay, nslab_delays) {
		struct dentry *dir;

		dir = fault_create_debugfs_attr((*delay)->name, NULL,
						&(*delay)->attr);
		debugfs_create_u64("min-delay-ns", 0600, dir,
				   &(*delay)->min_ns);
		debugfs_create_u64("max-delay-ns", 0600, dir,
				   &(*delay)->max_ns);
	}
	return 0;
}
late_initcall_sync(nslab_delay_init);

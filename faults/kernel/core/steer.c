// SPDX-License-Identifier: GPL-2.0
/*
 * Controlled scheduling: one actor has the floor, and at each scheduling point
 * the strategy says who has it next.
 *
 * All are of one real-time priority, so whoever has the floor keeps the CPU
 * until it is its turn to wait. Then it lets the others go first, by preemption:
 * within an RCU read section nobody may sleep. So does everybody who gets the
 * CPU without having the floor.
 *
 * An actor that has to wait leaves the floor to nobody. Who gets it is decided
 * by the first actor that runs again, after all that stands above the actors
 * (RCU's kthreads) has had its turn: a grace period that can end has ended by
 * then, and whoever waited for it can be chosen.
 */

#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "../nslab.h"
#include "strategies/strategy.h"

static const struct nslab_strategy * const strategies[NSLAB_NR_STRATEGIES] = {
	[NSLAB_STRATEGY_RANDOM] = &nslab_strategy_random,
	[NSLAB_STRATEGY_PCT] = &nslab_strategy_pct,
	[NSLAB_STRATEGY_POS] = &nslab_strategy_pos,
	[NSLAB_STRATEGY_SCHEDULE] = &nslab_strategy_schedule,
};

static struct nslab_search search;
static struct nslab_op ops[NSLAB_MAX_ACTORS];
static u32 step;
static bool steering;

/* Who has the floor. */
static unsigned int floor;

/* The event at which the floor was left to nobody, if it was. */
static struct nslab_event *undecided;

/**
 * nslab_steering() - does a strategy decide who runs?
 */
bool nslab_steering(void)
{
	return READ_ONCE(steering);
}

static bool can_run(unsigned int index)
{
	struct nslab_actor *actor = nslab_actor_at(index);

	return actor->task && !actor->done && READ_ONCE(actor->task->on_rq);
}

static u32 enabled(void)
{
	unsigned int i;
	u32 mask = 0;

	for (i = 0; i < search.run->nactors; i++)
		if (can_run(i))
			mask |= 1U << i;
	return mask;
}

static void decide(struct nslab_event *event)
{
	struct nslab_choice choice = {
		.step = step++,
		.at = event->actor,
		.local = event->local,
		.enabled = enabled(),
		.free = event->flags & NSLAB_EVENT_IS_FREE,
		.next = ops,
	};
	u32 next, by_hand;

	event->enabled = choice.enabled;
	nslab_gdb_at(decides, event);
	next = search.strategy->pick(&search, &choice);
	if (WARN_ON_ONCE(!(choice.enabled & 1U << next)))
		next = nslab_default_pick(&choice);
	by_hand = nslab_gdb_choice(event);
	if (by_hand != NSLAB_NOBODY) {
		next = by_hand;
		/* What a schedule says of later points is of another execution. */
		search.nswitches = search.next_switch;
	}
	event->next = next;
	floor = next;
}

/* Whoever has the floor can stop for a reason that no point has told of. */
static void notice_waiting(void)
{
	struct nslab_event event = {
		.kind = NSLAB_EVENT_BLOCK,
		.flags = NSLAB_EVENT_IS_POINT | NSLAB_EVENT_IS_FREE,
		.next = NSLAB_NOBODY,
	};

	if (!undecided && floor != NSLAB_NOBODY && !can_run(floor))
		undecided = nslab_trace_point(nslab_actor_at(floor), &event);
}

/* Go on when it is our turn. */
static void await_floor(struct nslab_actor *actor)
{
	unsigned int me = nslab_actor_index(actor);

	while (nslab_running()) {
		notice_waiting();
		if (undecided) {
			struct nslab_event *event = undecided;

			undecided = NULL;
			decide(event);
		}
		if (floor == me) {
			nslab_gdb_at(goes_on, actor);
			break;
		}
		nslab_yield();
	}
}

/*
 * When the end of a read section lets a grace period end, RCU may put off to
 * say so until the next switch of tasks, and its kthread gets the CPU when
 * current next enables preemption. Where that is depends on which caches are
 * warm. Who can run at a point must not: all of that is done before.
 */
static void settle_rcu(void)
{
	if (!rcu_preempt_depth() && current->rcu_read_unlock_special.s)
		set_tsk_need_resched(current);
	preempt_check_resched();
}

/**
 * __nslab_quiesce() - current, an actor, is about to enter a read section
 */
void __nslab_quiesce(void)
{
	struct nslab_actor *actor = current->nslab;

	if (nslab_steering() && nslab_running() && !nslab_is_hidden(actor) &&
	    in_task() && preemptible())
		settle_rcu();
}

/**
 * nslab_steer_point() - current, an actor, is at a scheduling point
 * @actor: current
 * @event: in the trace, a point
 * @op: what it does next
 */
void nslab_steer_point(struct nslab_actor *actor, struct nslab_event *event,
		       const struct nslab_op *op)
{
	settle_rcu();
	ops[nslab_actor_index(actor)] = *op;
	decide(event);
	await_floor(actor);
}

/**
 * nslab_steer_begin() - an execution is about to begin, no actor runs yet
 * @run: what is asked, with its switches in kernel memory
 * @switches: of @run
 */
void nslab_steer_begin(const struct nslab_run *run,
		       const struct nslab_switch *switches)
{
	bool warm_up = run->flags & NSLAB_RUN_WARM_UP;
	struct nslab_event event = {
		.kind = NSLAB_EVENT_BEGIN,
		.actor = NSLAB_NOBODY,
		.next = NSLAB_NOBODY,
		.flags = NSLAB_EVENT_IS_POINT | NSLAB_EVENT_IS_FREE,
	};

	if (run->strategy == NSLAB_STRATEGY_NONE)
		return;
	/* A schedule without switches is as quiet as it gets. */
	search = (struct nslab_search) {
		.run = run,
		.strategy = strategies[warm_up ? NSLAB_STRATEGY_SCHEDULE :
						 run->strategy],
		.switches = switches,
		.nswitches = run->nswitches,
	};
	search.strategy->begin(&search);
	memset(ops, 0, sizeof(ops));
	step = 0;
	floor = NSLAB_NOBODY;
	undecided = nslab_trace_add(&event);
	WRITE_ONCE(steering, true);
}

/**
 * nslab_steer_end() - it is over
 *
 * Return: how many decisions there were.
 */
unsigned int nslab_steer_end(void)
{
	if (!steering)
		return 0;
	WRITE_ONCE(steering, false);
	if (search.strategy->end)
		search.strategy->end(&search);
	return step;
}

/**
 * nslab_steer_diverged() - did the execution that has ended not fit its schedule?
 */
bool nslab_steer_diverged(void)
{
	return search.diverged;
}

/* === An actor waits, goes on, comes and goes === */

/* It leaves the floor to nobody. */
static void leave_floor(struct nslab_actor *actor, unsigned int kind)
{
	struct nslab_event event = {
		.kind = kind,
		.nesting = rcu_preempt_depth(),
		.next = NSLAB_NOBODY,
		.flags = NSLAB_EVENT_IS_POINT | NSLAB_EVENT_IS_FREE,
	};

	undecided = nslab_trace_point(actor, &event);
	floor = NSLAB_NOBODY;
	memset(&ops[nslab_actor_index(actor)], 0, sizeof(ops[0]));
}

/**
 * nslab_steer_joined() - current, an actor, runs for the first time
 */
void nslab_steer_joined(struct nslab_actor *actor)
{
	if (nslab_steering())
		await_floor(actor);
}

/**
 * nslab_steer_left() - current is through with its part
 */
void nslab_steer_left(struct nslab_actor *actor)
{
	leave_floor(actor, NSLAB_EVENT_END);
}

/**
 * __nslab_block() - schedule() is about to put current, an actor, to sleep
 */
void __nslab_block(void)
{
	struct nslab_actor *actor = current->nslab;

	if (!nslab_running() || !nslab_steering() || actor->waits ||
	    floor != nslab_actor_index(actor))
		return;
	actor->hidden++;
	actor->waits = true;
	leave_floor(actor, NSLAB_EVENT_BLOCK);
	actor->hidden--;
}

/**
 * __nslab_resume() - schedule() has woken current, an actor
 */
void __nslab_resume(void)
{
	struct nslab_actor *actor = current->nslab;
	struct nslab_event event = {
		.kind = NSLAB_EVENT_RESUME,
		.actor = nslab_actor_index(actor),
		.nesting = rcu_preempt_depth(),
		.next = NSLAB_NOBODY,
	};

	if (!actor->waits)
		return;
	actor->waits = false;
	if (!nslab_running() || !nslab_steering())
		return;
	actor->hidden++;
	await_floor(actor);
	nslab_trace_add(&event);
	actor->hidden--;
}

/* Nobody comes here as often without meeting a point, unless it loops. */
#define MAX_LOOPS	1000

/**
 * __nslab_may_sleep() - current, an actor, says that it may sleep here
 *
 * Some loops of the kernel wait for what another task is about to do, and only
 * offer to be preempted (shrink_dcache_parent(), for a dentry that is on its
 * way out). That task is held back, and time does not go on, so the loop would
 * have no end. Let it sleep, and it is one that waits.
 */
void __nslab_may_sleep(void)
{
	struct nslab_actor *actor = current->nslab;

	if (actor->hidden || !in_task() || !preemptible() ||
	    rcu_preempt_depth() || !task_is_running(current) ||
	    !nslab_running() || ++actor->loops < MAX_LOOPS)
		return;
	actor->loops = 0;
	schedule_timeout_uninterruptible(1);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Controlled scheduling: it is one actor's turn, and at each scheduling point the
 * strategy chooses the actor whose turn comes next.
 *
 * All actors have one real-time priority, so the one whose turn it is keeps the CPU
 * until it has to let another one go first. It does that by preemption: within an RCU
 * read section no task may sleep. So does every actor that gets the CPU when it is
 * not its turn.
 *
 * When an actor has to wait, no actor has the turn. The first actor that runs again
 * has the next one chosen, after all tasks above the actors (RCU's kthreads) have
 * run: a grace period that can end has ended by then, and the actor that waited for
 * it can be chosen.
 *
 * There is one CPU (Kconfig: !SMP), and no lock in the lab. One actor runs at a time,
 * and what only actors touch needs no more: @search, @ops, @step, @turn and
 * @undecided are written by the explorer before the first actor runs, then by the
 * actor that runs. What an interrupt or a callback may touch, too, is changed with
 * interrupts off (oracles/lifetime.c), which serves as a lock on one CPU only.
 */

#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "locks.h"
#include "observer.h"
#include "points.h"
#include "steer.h"
#include "strategies/strategy.h"
#include "trace.h"

static const struct nslab_strategy * const strategies[NSLAB_NR_STRATEGIES] = {
	[NSLAB_STRATEGY_RANDOM] = &nslab_strategy_random,
	[NSLAB_STRATEGY_PCT] = &nslab_strategy_pct,
	[NSLAB_STRATEGY_POS] = &nslab_strategy_pos,
	[NSLAB_STRATEGY_SCHEDULE] = &nslab_strategy_schedule,
};

static struct nslab_search search;
static struct nslab_op ops[NSLAB_MAX_ACTORS];
static u32 step;
/* Written by the explorer; pairs with the READ_ONCE() of nslab_steering() in actors. */
static bool steering;

/* The actor whose turn it is; NSLAB_NOBODY: the next one is to be chosen. */
static unsigned int turn;

/* The event at which the turn became free, until the next actor is chosen. */
static struct nslab_event *undecided;

/**
 * nslab_steering() - does a strategy choose the next actor?
 */
bool nslab_steering(void)
{
	return READ_ONCE(steering);
}

static bool can_run(unsigned int index)
{
	struct nslab_actor *actor = &nslab_actors[index];

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

static void nslab_decide(struct nslab_event *event)
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
	nslab_tell_debugger(decides, event);
	next = search.strategy->pick(&search, &choice);
	if (WARN_ON_ONCE(!(choice.enabled & 1U << next)))
		next = nslab_default_pick(&choice);
	by_hand = nslab_debugged() ? nslab_debugger->choice(event) :
				     NSLAB_NOBODY;
	if (by_hand != NSLAB_NOBODY) {
		next = by_hand;
		/* What a schedule says of later points is of another execution. */
		search.nswitches = search.next_switch;
	}
	event->next = next;
	turn = next;
}

/* What struct nslab_event.what says of an actor that has to wait. */
static u16 reason_of(const struct nslab_actor *actor)
{
	if (!(search.run->flags & NSLAB_RUN_SHARED))
		return 0;
	return actor->waits_for ?: NSLAB_WAITS_OTHER;
}

/* The actor whose turn it is may have stopped for a reason that is no point. */
static void notice_waiting(void)
{
	struct nslab_event event = {
		.kind = NSLAB_EVENT_BLOCK,
		.flags = NSLAB_EVENT_IS_POINT | NSLAB_EVENT_IS_FREE,
		.next = NSLAB_NOBODY,
	};

	if (undecided || turn == NSLAB_NOBODY || can_run(turn))
		return;
	event.what = reason_of(&nslab_actors[turn]);
	undecided = nslab_trace_point(&nslab_actors[turn], &event);
}

/* Let the other actors run until it is the turn of current. */
static void nslab_await_turn(struct nslab_actor *actor)
{
	unsigned int me = nslab_actor_index(actor);

	while (nslab_running()) {
		notice_waiting();
		if (undecided) {
			struct nslab_event *event = undecided;

			undecided = NULL;
			nslab_decide(event);
		}
		if (turn == me) {
			nslab_tell_debugger(goes_on, actor);
			break;
		}
		nslab_yield();
	}
}

/*
 * When the end of a read section lets a grace period end, RCU may put off to
 * say so until the next switch of tasks, and its kthread gets the CPU when
 * current next enables preemption. Where that is depends on which caches are
 * warm. Which actors can run at a point must not: all of that is done before.
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
	nslab_decide(event);
	nslab_await_turn(actor);
}

/**
 * nslab_steer_begin() - an execution is about to begin, no actor runs yet
 * @run: what is asked, with its switches in kernel memory
 * @switches: of @run
 */
void nslab_steer_begin(const struct nslab_run *run,
		       const struct nslab_switch *switches)
{
	bool warm_up = run->flags & NSLAB_RUN_WARM_UP && !(run->flags & NSLAB_RUN_PROFILE);
	struct nslab_event event = {
		.kind = NSLAB_EVENT_BEGIN,
		.actor = NSLAB_NOBODY,
		.next = NSLAB_NOBODY,
		.flags = NSLAB_EVENT_IS_POINT | NSLAB_EVENT_IS_FREE,
	};

	if (run->strategy == NSLAB_STRATEGY_NONE)
		return;
	/* Only to warm up, follow a schedule without switches. */
	search = (struct nslab_search) {
		.run = run,
		.strategy = strategies[warm_up ? NSLAB_STRATEGY_SCHEDULE :
						 run->strategy],
		.switches = switches,
		.nswitches = run->nswitches,
		.nkinds = nslab_memory ? nslab_memory->nr_kinds() : 0,
		.named = nslab_memory && nslab_memory->named(),
	};
	search.strategy->begin(&search);
	memset(ops, 0, sizeof(ops));
	step = 0;
	turn = NSLAB_NOBODY;
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

/* Its turn is over, and the next actor is to be chosen. */
static void leave_turn(struct nslab_actor *actor, unsigned int kind)
{
	struct nslab_event event = {
		.kind = kind,
		.nesting = rcu_preempt_depth(),
		.next = NSLAB_NOBODY,
		.flags = NSLAB_EVENT_IS_POINT | NSLAB_EVENT_IS_FREE,
	};

	nslab_note_unlock(actor);
	if (kind == NSLAB_EVENT_BLOCK)
		event.what = reason_of(actor);
	undecided = nslab_trace_point(actor, &event);
	turn = NSLAB_NOBODY;
	memset(&ops[nslab_actor_index(actor)], 0, sizeof(ops[0]));
}

/**
 * nslab_steer_joined() - current, an actor, runs for the first time
 */
void nslab_steer_joined(struct nslab_actor *actor)
{
	if (nslab_steering())
		nslab_await_turn(actor);
}

/**
 * nslab_steer_left() - current has left, or exits
 */
void nslab_steer_left(struct nslab_actor *actor)
{
	leave_turn(actor, NSLAB_EVENT_END);
}

/**
 * __nslab_block() - schedule() is about to put current, an actor, to sleep
 */
void __nslab_block(void)
{
	struct nslab_actor *actor = current->nslab;

	if (!nslab_running() || !nslab_steering() || actor->waits ||
	    turn != nslab_actor_index(actor))
		return;
	actor->hidden++;
	actor->waits = true;
	leave_turn(actor, NSLAB_EVENT_BLOCK);
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
	nslab_await_turn(actor);
	nslab_trace_add(&event);
	actor->hidden--;
}

/* No actor comes here as often without reaching a point, unless it loops. */
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

static struct nslab_actor *acting_if_shared(void)
{
	struct nslab_actor *actor = nslab_acting();

	if (!actor || nslab_waits_for_grace(actor) ||
	    !(nslab_current_run()->flags & NSLAB_RUN_SHARED))
		return NULL;
	return actor;
}

/**
 * __nslab_waking() - current, an actor, is about to wake another one
 * @sleeper: that one. It may not be asleep, or not yet
 */
void __nslab_waking(struct nslab_actor *sleeper)
{
	struct nslab_actor *actor = acting_if_shared();
	struct nslab_event event = {
		.kind = NSLAB_EVENT_WAKE,
		.what = nslab_actor_index(sleeper),
	};

	if (actor && actor != sleeper)
		actor->waking = nslab_reach(actor, &event, true, NULL);
}

/**
 * __nslab_woken() - it has tried
 * @woken: the other one was asleep. If it was not, it may have got a signal, and what it
 *	does next is something else for that
 */
void __nslab_woken(bool woken)
{
	struct nslab_actor *actor = current->nslab;

	if (!in_task() || !actor->waking)
		return;
	actor->waking->value = !woken;
	actor->waking = NULL;
}

/**
 * nslab_going_to_sleep() - current, an actor, is about to say in which state it is
 * @state: that; TASK_RUNNING if it does not go to sleep after all
 */
void nslab_going_to_sleep(unsigned int state)
{
	struct nslab_actor *actor = acting_if_shared();
	struct nslab_event event = {
		.kind = NSLAB_EVENT_SLEEP,
		.what = state,
		.ip = nslab_text_offset(_RET_IP_),
	};

	if (actor && state != TASK_RUNNING && !nslab_is_machinery(_RET_IP_))
		nslab_reach(actor, &event, true, NULL);
}
EXPORT_SYMBOL_GPL(nslab_going_to_sleep);

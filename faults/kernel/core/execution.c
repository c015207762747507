// SPDX-License-Identifier: GPL-2.0
/*
 * One execution: actors join, the explorer lets them go, waits until all have left
 * or none can go on, and takes the result.
 */

#define pr_fmt(fmt) "nslab: " fmt

#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/sched/debug.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <uapi/linux/sched/types.h>

#include "calls.h"
#include "coverage.h"
#include "execution.h"
#include "faults.h"
#include "locks.h"
#include "observer.h"
#include "random.h"
#include "steer.h"
#include "trace.h"

/* === Data === */

struct nslab_switch nslab_switches[NSLAB_MAX_SWITCHES];

/*
 * Actors wait here for the start and after the end, the explorer for actors. What they
 * wait for is written before the wake-up; the READ_ONCE() in each condition pairs with
 * that.
 */
static DECLARE_WAIT_QUEUE_HEAD(actors_wq);
static unsigned int releases;

/*
 * What is freed goes to the allocator at once, and comes out with the next allocation of
 * its size: not into KASAN's quarantine, nor, if its type stays, to the end of a grace
 * period (SLUB_RCU_DEBUG).
 */
bool nslab_reuse;
static DECLARE_WAIT_QUEUE_HEAD(explorer_wq);

/* How long the explorer waits for an actor to join; guest time. */
#define JOIN_TIMEOUT	(10 * HZ)

/* Two ticks (HZ is 100 on UML), and where between two of these periods it ends. */
#define SETTLE_NS	(20 * NSEC_PER_MSEC)
#define SETTLE_PHASE_NS	(10 * NSEC_PER_MSEC)

/* === Actors === */

static void become_fifo(int prio)
{
	struct sched_param param = { .sched_priority = prio };

	if (current->policy != SCHED_FIFO || current->rt_priority != prio)
		sched_setscheduler_nocheck(current, SCHED_FIFO, &param);
}

/* As if there were no lab. */
static void become_ordinary(struct nslab_actor *actor)
{
	struct sched_param param = { .sched_priority = 0 };

	sched_setscheduler_nocheck(current, SCHED_NORMAL, &param);
	actor->hidden = 1;
}

static void record_kind(struct nslab_actor *actor, unsigned int kind)
{
	struct nslab_event event = {
		.kind = kind,
		.actor = nslab_actor_index(actor),
		.next = NSLAB_NOBODY,
	};

	nslab_trace_add(&event);
}

/**
 * nslab_actor_join() - current takes part in the next execution
 * @join: under which index and name
 *
 * Sleeps until the execution begins.
 *
 * Return: 0 when it has begun, -EBUSY if the index is taken, -EINVAL if it is
 * out of range or current is an actor already, -ERESTARTSYS when killed.
 */
int nslab_actor_join(const struct nslab_join *join)
{
	struct nslab_actor *actor;
	int ret;

	if (join->index >= NSLAB_MAX_ACTORS || join->reserved || current->nslab)
		return -EINVAL;
	actor = &nslab_actors[join->index];
	if (actor->task)
		return -EBUSY;

	/* Before the start, or the first to become real-time runs to its end. */
	become_fifo(NSLAB_ACTOR_PRIO);

	strscpy(actor->name, join->name, sizeof(actor->name));
	actor->go = false;
	actor->hidden = 0;
	actor->delayed_until = 0;
	actor->faults = 0;
	actor->throws = 0;
	actor->call = 0;
	actor->nth = 0;
	actor->points = 0;
	actor->loops = 0;
	actor->loop_words = 0;
	actor->written = NULL;
	actor->locking = NULL;
	actor->tried = NULL;
	actor->unlocking = NULL;
	actor->waking = NULL;
	actor->waits_for = 0;
	actor->in_call = false;
	actor->waits = false;
	actor->task = current;
	wake_up(&explorer_wq);

	ret = wait_event_killable(actors_wq, READ_ONCE(actor->go));
	if (ret) {
		actor->task = NULL;
		return ret;
	}
	if (nslab_state.run.flags & NSLAB_RUN_UNSTEERED)
		become_ordinary(actor);
	nslab_steer_joined(actor);
	record_kind(actor, NSLAB_EVENT_START);
	current->make_it_fail = 1;
	current->nslab = actor;
	return 0;
}

/**
 * nslab_actor_leave() - current leaves the execution
 * @exits: it will never return to user space
 *
 * Otherwise sleeps until the execution is over and has been judged, so that
 * what the actor does then does not get into the way of the others.
 *
 * Return: 0, -EINVAL if current is no actor, -ERESTARTSYS when killed.
 */
int nslab_actor_leave(bool exits)
{
	struct nslab_actor *actor = current->nslab;
	unsigned int before = releases;

	if (!actor)
		return -EINVAL;
	actor->hidden++;
	current->nslab = NULL;
	current->make_it_fail = 0;
	if (nslab_steering())
		nslab_steer_left(actor);
	else
		record_kind(actor, NSLAB_EVENT_END);
	actor->task = NULL;
	actor->exited = exits;
	actor->done = true;
	wake_up(&explorer_wq);
	if (exits)
		return 0;
	return wait_event_killable(actors_wq, READ_ONCE(releases) != before);
}

/**
 * __nslab_task_exit() - current, an actor, is about to die
 */
void __nslab_task_exit(void)
{
	nslab_actor_leave(true);
}

/* === The explorer's side === */

static bool all_joined(unsigned long mask)
{
	unsigned int i;

	for_each_set_bit(i, &mask, NSLAB_MAX_ACTORS)
		if (!READ_ONCE(nslab_actors[i].task))
			return false;
	return true;
}

static bool all_done(unsigned int n)
{
	while (n--)
		if (!READ_ONCE(nslab_actors[n].done))
			return false;
	return true;
}

/**
 * nslab_settle() - wait until no callback and no work is pending
 *
 * The clock stands still while anything can run, so that is so when it has
 * reached the period after next (RCU callbacks, work queues), and every
 * execution starts at the same phase of the tick: it does not matter what ran
 * before. No second begins then: of time stamps the nanoseconds are never zero,
 * which eight bytes of a trace would show as NULL.
 */
void nslab_settle(void)
{
	ktime_t start;

	rcu_barrier();
	start = (div_u64(ktime_get_ns(), SETTLE_NS) + 2) * SETTLE_NS +
		SETTLE_PHASE_NS;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_hrtimeout(&start, HRTIMER_MODE_ABS);
}

/* All in one go, in an order that the seed decides (Fisher and Yates). */
static void start_actors(const struct nslab_run *run)
{
	unsigned int order[NSLAB_MAX_ACTORS];
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, run->seed);
	for (i = 0; i < run->nactors; i++) {
		/* Where a strategy decides, the order must not depend on it. */
		bool drawn = run->strategy == NSLAB_STRATEGY_NONE &&
			     !(run->flags & NSLAB_RUN_CALLS);
		unsigned int j = drawn ? nslab_random_below(&rnd, i + 1) : i;

		order[i] = order[j];
		order[j] = i;
	}
	if (run->flags & NSLAB_RUN_CALLS)
		swap(order[0], order[run->first]);

	for (i = 0; i < run->nactors; i++) {
		nslab_seed_actor(&nslab_actors[i], run->seed, i + 1);
		/* Not when joining: an actor that has left may join for the next. */
		nslab_actors[i].done = false;
		nslab_actors[i].exited = false;
	}

	/* The explorer outranks them: none runs before all are awake. */
	for (i = 0; i < run->nactors; i++) {
		struct nslab_actor *actor = &nslab_actors[order[i]];

		WRITE_ONCE(actor->go, true);
		wake_up_process(actor->task);
	}
}

static void show_unfinished(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (nslab_actors[i].done)
			continue;
		pr_emerg("hang: actor %s does not go on\n",
			 nslab_actors[i].name);
		sched_show_task(nslab_actors[i].task);
	}
}

/**
 * nslab_release_actors() - the last execution has been judged
 * @mask: the actors that come back for the next, a bit each
 *
 * Sleeps until they have.
 *
 * Return: 0, or -ETIMEDOUT if one does not.
 */
int nslab_release_actors(unsigned long mask)
{
	WRITE_ONCE(releases, releases + 1);
	wake_up_all(&actors_wq);
	if (!wait_event_timeout(explorer_wq, all_joined(mask), JOIN_TIMEOUT))
		return -ETIMEDOUT;
	return 0;
}

static bool makes_sense(const struct nslab_run *run)
{
	return run->nactors && run->nactors <= NSLAB_MAX_ACTORS &&
	       !run->padding && !run->shared_new && run->timeout_ns &&
	       run->flags < NSLAB_RUN_REUSE << 1 &&
	       run->strategy < NSLAB_NR_STRATEGIES &&
	       run->nswitches <= NSLAB_MAX_SWITCHES &&
	       run->nfailures <= NSLAB_MAX_FAILURES &&
	       run->first < run->nactors;
}

static int copy_lists(const struct nslab_run *run)
{
	if (copy_from_user(nslab_switches, u64_to_user_ptr(run->switches),
			   run->nswitches * sizeof(*nslab_switches)) ||
	    copy_from_user(nslab_state.failures, u64_to_user_ptr(run->failures),
			   run->nfailures * sizeof(*nslab_state.failures)))
		return -EFAULT;
	return 0;
}

static void take_result(struct nslab_run *run)
{
	if (nslab_splat_seen())
		run->status |= NSLAB_STATUS_SPLAT;
	if (nslab_steer_end() && nslab_steer_diverged())
		run->status |= NSLAB_STATUS_DIVERGED;
	if (nslab_trace_truncated())
		run->status |= NSLAB_STATUS_TRUNCATED;
	if (nslab_calls_incomplete())
		run->status |= NSLAB_STATUS_MORE_SITES;
	nslab_calls_sites(&run->nsites);
	run->hash = nslab_trace_hash();
	run->points = nslab_trace_points();
	run->faults = nslab_trace_delays() +
		      nslab_trace_count(NSLAB_EVENT_FAULT);
	nslab_trace_events(&run->nevents);
}

/**
 * nslab_execute() - one execution
 * @run: what is asked, and on return what came out
 *
 * Sleeps until it is over.
 *
 * Return: 0 (see @run->status), -EINVAL for a request that makes no sense,
 * -EFAULT or -ENOMEM for one that there is no memory of or for, -ETIMEDOUT if
 * not all actors joined.
 */
int nslab_execute(struct nslab_run *run)
{
	u64 start;
	int ret;

	if (!makes_sense(run))
		return -EINVAL;
	run->token[NSLAB_TOKEN_LEN - 1] = '\0';
	ret = copy_lists(run) ?: nslab_calls_begin(run);
	if (ret)
		return ret;

	if (!wait_event_timeout(explorer_wq,
				all_joined(BIT(run->nactors) - 1),
				JOIN_TIMEOUT))
		return -ETIMEDOUT;

	become_fifo(NSLAB_EXPLORER_PRIO);
	/* With a clock that goes on by itself this would cost real time. */
	if (!(run->flags & (NSLAB_RUN_UNSTEERED | NSLAB_RUN_SETTLED)))
		nslab_settle();
	nslab_trace_reset();
	nslab_faults_reset();
	nslab_coverage_begin(!(run->flags & (NSLAB_RUN_WARM_UP | NSLAB_RUN_REPEATED)));
	nslab_state.run = *run;
	run->status = 0;
	start = ktime_get_ns();
	nslab_locks_begin();
	nslab_tell_observers(begins, run);
	nslab_steer_begin(&nslab_state.run, nslab_switches);

	WRITE_ONCE(nslab_reuse, run->flags & NSLAB_RUN_REUSE);
	WRITE_ONCE(nslab_state.running, true);
	start_actors(run);
	if (!wait_event_timeout(explorer_wq, all_done(run->nactors),
				nsecs_to_jiffies(run->timeout_ns) + 1)) {
		run->status |= NSLAB_STATUS_HANG;
		show_unfinished(run->nactors);
	}
	WRITE_ONCE(nslab_state.running, false);
	WRITE_ONCE(nslab_reuse, false);
	run->virtual_ns = ktime_get_ns() - start;
	take_result(run);
	nslab_tell_observers(ends, run);
	return 0;
}

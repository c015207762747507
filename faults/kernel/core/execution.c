// SPDX-License-Identifier: GPL-2.0
/*
 * One execution: actors join, the explorer lets them go, waits until all are
 * through or none can go on, and takes the result.
 */

#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/sched/debug.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <uapi/linux/sched/types.h>

#include "../nslab.h"
#include "variants.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "nslab."

/* === Data === */

static struct nslab_actor actors[NSLAB_MAX_ACTORS];
static struct nslab_run current_run;
static struct nslab_switch switches[NSLAB_MAX_SWITCHES];
static struct nslab_failure failures[NSLAB_MAX_FAILURES];
static bool running;
static bool frozen;

/* Actors wait here for the start and after the end, the explorer for actors. */
static DECLARE_WAIT_QUEUE_HEAD(actors_wq);
static unsigned int rests;
static DECLARE_WAIT_QUEUE_HEAD(explorer_wq);

/* How long the explorer waits for an actor to join; guest time. */
#define JOIN_TIMEOUT	(10 * HZ)

/* Two ticks (HZ is 100 on UML). */
#define SETTLE_NS	(20 * NSEC_PER_MSEC)

/**
 * nslab_running() - do points count?
 */
bool nslab_running(void)
{
	return READ_ONCE(running) && !READ_ONCE(frozen);
}

/**
 * nslab_freeze() - the kernel complains: what comes now is no part of the trace
 */
void nslab_freeze(void)
{
	WRITE_ONCE(frozen, true);
}

/**
 * nslab_kasan_reports() - KASAN is about to report something
 *
 * A function of its own for gdb, which stops here.
 */
void nslab_kasan_reports(void)
{
	nslab_freeze();
}

struct nslab_actor *nslab_actor_at(unsigned int index)
{
	return &actors[index];
}

unsigned int nslab_actor_index(const struct nslab_actor *actor)
{
	return actor - actors;
}

const char *nslab_actor_name(unsigned int index)
{
	return actors[index].name;
}

/**
 * nslab_current_run() - the execution under way, NULL between two
 */
const struct nslab_run *nslab_current_run(void)
{
	return READ_ONCE(running) ? &current_run : NULL;
}

/* === Variants === */

enum nslab_variant nslab_variant_chosen __read_mostly;
EXPORT_SYMBOL_GPL(nslab_variant_chosen);

static const char * const variant_names[NSLAB_NR_VARIANTS] = {
	[NSLAB_VARIANT_NONE] = "none",
#define NSLAB_VARIANT(id, name, about) [NSLAB_VARIANT_##id] = name,
#include "../subjects/nsproxy/variants.def"
#undef NSLAB_VARIANT
};

static int variant_set(const char *val, const struct kernel_param *kp)
{
	int i = sysfs_match_string(variant_names, val);

	/* Going on without the defect would be a pass that means nothing. */
	if (i < 0)
		panic("nslab: there is no variant \"%s\"\n", val);
	WRITE_ONCE(nslab_variant_chosen, i);
	return 0;
}

static int variant_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", variant_names[nslab_variant_chosen]);
}

static const struct kernel_param_ops variant_ops = {
	.set = variant_set,
	.get = variant_get,
};
module_param_cb(variant, &variant_ops, NULL, 0444);

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

static void record(struct nslab_actor *actor, unsigned int kind)
{
	struct nslab_event event = {
		.kind = kind,
		.actor = nslab_actor_index(actor),
		.next = NSLAB_NOBODY,
	};

	nslab_trace_add(&event);
}

/**
 * nslab_join() - current takes part in the next execution
 * @join: under which index and name
 *
 * Sleeps until the execution begins.
 *
 * Return: 0 when it has begun, -EBUSY if the index is taken, -EINVAL if it is
 * out of range or current is an actor already, -ERESTARTSYS when killed.
 */
int nslab_join(const struct nslab_join *join)
{
	struct nslab_actor *actor;
	int ret;

	if (join->index >= NSLAB_MAX_ACTORS || join->reserved || current->nslab)
		return -EINVAL;
	actor = &actors[join->index];
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
	actor->written = NULL;
	actor->waits = false;
	actor->task = current;
	wake_up(&explorer_wq);

	ret = wait_event_killable(actors_wq, READ_ONCE(actor->go));
	if (ret) {
		actor->task = NULL;
		return ret;
	}
	if (current_run.flags & NSLAB_RUN_UNSTEERED)
		become_ordinary(actor);
	nslab_steer_joined(actor);
	record(actor, NSLAB_EVENT_START);
	current->make_it_fail = 1;
	current->nslab = actor;
	return 0;
}

/**
 * nslab_leave() - current is through with its part
 * @exits: it will never return to user space
 *
 * Otherwise sleeps until the execution is over and has been judged, so that
 * what the actor does then does not get into the way of the others.
 *
 * Return: 0, -EINVAL if current is no actor, -ERESTARTSYS when killed.
 */
int nslab_leave(bool exits)
{
	struct nslab_actor *actor = current->nslab;
	unsigned int before = rests;

	if (!actor)
		return -EINVAL;
	actor->hidden++;
	current->nslab = NULL;
	current->make_it_fail = 0;
	if (nslab_steering())
		nslab_steer_left(actor);
	else
		record(actor, NSLAB_EVENT_END);
	actor->task = NULL;
	actor->exited = exits;
	actor->done = true;
	wake_up(&explorer_wq);
	if (exits)
		return 0;
	return wait_event_killable(actors_wq, READ_ONCE(rests) != before);
}

/**
 * nslab_faults() - may a call of current have failed because of a fault?
 *
 * Return: how many of its allocations failed in this execution; 0 if it is no
 * actor.
 */
unsigned int nslab_faults(void)
{
	return current->nslab ? current->nslab->faults : 0;
}

/**
 * __nslab_task_exit() - current, an actor, is about to die
 */
void __nslab_task_exit(void)
{
	nslab_leave(true);
}

/**
 * nslab_listed_failure() - is this allocation one of those that are to fail?
 * @actor: current, with its throws counted up to this one
 */
bool nslab_listed_failure(const struct nslab_actor *actor)
{
	unsigned int i;

	for (i = 0; i < current_run.nfailures; i++)
		if (failures[i].actor == nslab_actor_index(actor) &&
		    failures[i].nth == actor->throws)
			return true;
	return false;
}

/* === The explorer's side === */

static bool all_joined(unsigned long mask)
{
	unsigned int i;

	for_each_set_bit(i, &mask, NSLAB_MAX_ACTORS)
		if (!READ_ONCE(actors[i].task))
			return false;
	return true;
}

static bool all_done(unsigned int n)
{
	while (n--)
		if (!READ_ONCE(actors[n].done))
			return false;
	return true;
}

/**
 * nslab_settle() - let everything that is under way come to rest
 *
 * The clock stands still while anything can run, so that is so when it has
 * reached the period after next (RCU callbacks, work queues), and every
 * execution starts at the same phase of the tick: it does not matter what ran
 * before.
 */
void nslab_settle(void)
{
	ktime_t start;

	rcu_barrier();
	start = (div_u64(ktime_get_ns(), SETTLE_NS) + 2) * SETTLE_NS;
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
		nslab_seed_actor(&actors[i], run->seed, i + 1);
		/* Not when joining: who has left may join for the next. */
		actors[i].done = false;
		actors[i].exited = false;
	}

	/* The explorer outranks them: none runs before all are awake. */
	for (i = 0; i < run->nactors; i++) {
		struct nslab_actor *actor = &actors[order[i]];

		WRITE_ONCE(actor->go, true);
		wake_up_process(actor->task);
	}
}

static void show_unfinished(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (actors[i].done)
			continue;
		pr_emerg("nslab: hang: actor %s does not go on\n",
			 actors[i].name);
		sched_show_task(actors[i].task);
	}
}

/**
 * nslab_rest() - the last execution has been judged
 * @mask: the actors that come back for the next, a bit each
 *
 * Sleeps until they have.
 *
 * Return: 0, or -ETIMEDOUT if one does not.
 */
int nslab_rest(unsigned long mask)
{
	WRITE_ONCE(rests, rests + 1);
	wake_up_all(&actors_wq);
	if (!wait_event_timeout(explorer_wq, all_joined(mask), JOIN_TIMEOUT))
		return -ETIMEDOUT;
	return 0;
}

static bool makes_sense(const struct nslab_run *run)
{
	return run->nactors && run->nactors <= NSLAB_MAX_ACTORS &&
	       !run->padding && run->timeout_ns &&
	       run->flags < NSLAB_RUN_SETTLED << 1 &&
	       run->strategy < NSLAB_NR_STRATEGIES &&
	       run->nswitches <= NSLAB_MAX_SWITCHES &&
	       run->nfailures <= NSLAB_MAX_FAILURES &&
	       run->first < run->nactors;
}

static int copy_lists(const struct nslab_run *run)
{
	if (copy_from_user(switches, u64_to_user_ptr(run->switches),
			   run->nswitches * sizeof(*switches)) ||
	    copy_from_user(failures, u64_to_user_ptr(run->failures),
			   run->nfailures * sizeof(*failures)))
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
	/* Of one to warm up only if it is the last. */
	if (run->flags & NSLAB_RUN_TRACE &&
	    (!(run->flags & NSLAB_RUN_WARM_UP) ||
	     run->status & (NSLAB_STATUS_HANG | NSLAB_STATUS_SPLAT)))
		nslab_trace_emit(run->execution);
}

/**
 * nslab_run() - one execution
 * @run: what is asked, and on return what came out
 *
 * Sleeps until it is over.
 *
 * Return: 0 (see @run->status), -EINVAL for a request that makes no sense,
 * -EFAULT or -ENOMEM for one that there is no memory of or for, -ETIMEDOUT if
 * not all actors joined.
 */
int nslab_run(struct nslab_run *run)
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
	nslab_coverage_begin(!(run->flags & NSLAB_RUN_WARM_UP));
	current_run = *run;
	run->status = 0;
	start = ktime_get_ns();
	nslab_gdb_begins(run);
	nslab_watch_begin(run);
	nslab_lifetime_begin();
	nslab_order_begin();
	nslab_steer_begin(&current_run, switches);

	WRITE_ONCE(running, true);
	start_actors(run);
	if (!wait_event_timeout(explorer_wq, all_done(run->nactors),
				nsecs_to_jiffies(run->timeout_ns) + 1)) {
		run->status |= NSLAB_STATUS_HANG;
		show_unfinished(run->nactors);
	}
	WRITE_ONCE(running, false);
	nslab_watch_end();
	run->virtual_ns = ktime_get_ns() - start;
	take_result(run);
	nslab_gdb_at(ends, run);
	return 0;
}

static int __init nslab_init(void)
{
	int ret = nslab_trace_init();

	if (!ret)
		ret = nslab_report_init();
	if (ret)
		return ret;
	nslab_delay_init();
	return nslab_control_init();
}
late_initcall(nslab_init);

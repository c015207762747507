/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest tasks that take part in the schedule, and whether an execution is
 * under way.
 */
#ifndef KERNEL_NSLAB_CORE_ACTORS_H
#define KERNEL_NSLAB_CORE_ACTORS_H

#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "../hooks.h"
#include "../uapi.h"

/*
 * Actors are all of one real-time priority, so none takes the CPU from
 * another unless a delay or a strategy says so. The explorer stands above them, the RCU
 * kthreads above it (rcutree.kthread_prio), or grace periods would starve.
 */
#define NSLAB_ACTOR_PRIO	10
#define NSLAB_EXPLORER_PRIO	20

/**
 * struct nslab_actor - a guest task that takes part in the schedule
 * @task: the task, NULL while none has joined under this index
 * @name: its name in the trace
 * @rnd: its own random numbers, so that no other actor's draws shift them
 * @delayed_until: guest time in ns when its delay ends, 0 while it has none
 * @faults: how many of its allocations failed in this execution
 * @throws: how many of its allocations could have failed
 * @call: the last marked call in which it asked for memory
 * @nth: how often it did in that call
 * @points: how many scheduling points it has reached in this execution
 * @loops: how often it said that it may sleep since it last did something new
 * @loop_words: what it has accessed since then, a bit for each hash of a word
 * @written: the event of its last write to a pointer, until the value that was
 *	written has been read
 * @written_to: where that pointer is
 * @locking: the lock that it has said to be about to take, until lockdep is told
 * @tried: the event of that, if it was a trylock that has not come back yet
 * @unlocking: the lock that it is about to release, until it has, or until its next
 *	event
 * @unlock: the event of that, not recorded yet
 * @unlock_point: that may be a point
 * @waking: the event of the task that it is about to wake
 * @waits_for: NSLAB_WAITS_* if it has to wait now, 0: anything else
 * @in_call: it is in a system call whose entry was recorded
 * @go: the execution has begun
 * @done: it has left, or exited
 * @exited: it is about to die, and may not have finished that
 * @waits: it sleeps, and the next actor is to be chosen
 * @hidden: above 0 it reaches no points and no faults: it runs the lab's own code,
 *	or a block with guard(nslab_hidden)()
 */
struct nslab_actor {
	struct task_struct *task;
	char name[NSLAB_NAME_LEN];
	struct rnd_state rnd;
	u64 delayed_until;
	unsigned int faults;
	unsigned int throws;
	unsigned int call;
	unsigned int nth;
	unsigned int points;
	unsigned int loops;
	u64 loop_words;
	struct nslab_event *written;
	const void *written_to;
	const void *locking;
	struct nslab_event *tried;
	const void *unlocking;
	struct nslab_event unlock;
	bool unlock_point;
	struct nslab_event *waking;
	u8 waits_for;
	bool in_call;
	bool go;
	bool done;
	bool exited;
	bool waits;
	int hidden;
};

extern struct nslab_actor nslab_actors[NSLAB_MAX_ACTORS];

/**
 * struct nslab_state - the execution that is under way, or was the last
 * @run: what was asked
 * @failures: the allocations that are to fail, @run.nfailures of them
 * @running: it is under way. Written by the explorer; pairs with the READ_ONCE()
 *	of nslab_running() and nslab_current_run() in actors, callbacks and
 *	the panic
 * @frozen: the kernel has complained, and what comes now is no part of the trace.
 *	Written wherever that happens, in interrupts, too; pairs with the
 *	READ_ONCE() of nslab_running()
 * @splat: it has complained on the console. Written by the console, pairs with the
 *	READ_ONCE() of nslab_splat_seen() in the explorer
 */
struct nslab_state {
	struct nslab_run run;
	struct nslab_failure failures[NSLAB_MAX_FAILURES];
	bool running;
	bool frozen;
	bool splat;
};

extern struct nslab_state nslab_state;
extern struct nslab_calls *nslab_calls;

/**
 * nslab_running() - do points count?
 */
static inline bool nslab_running(void)
{
	return READ_ONCE(nslab_state.running) && !READ_ONCE(nslab_state.frozen);
}

/**
 * nslab_current_run() - the execution under way, NULL between two
 */
static inline const struct nslab_run *nslab_current_run(void)
{
	return READ_ONCE(nslab_state.running) ? &nslab_state.run : NULL;
}

static inline unsigned int nslab_actor_index(const struct nslab_actor *actor)
{
	return actor - nslab_actors;
}

/**
 * nslab_is_hidden() - is what that actor does no part of the execution?
 *
 * The actor stores to the page without a system call. Pairs with that store, and
 * with the WRITE_ONCE() of nslab_calls_map().
 */
static inline bool nslab_is_hidden(const struct nslab_actor *actor)
{
	const struct nslab_calls *calls = READ_ONCE(nslab_calls);

	return actor->hidden ||
	       (calls && READ_ONCE(calls->actors[nslab_actor_index(actor)].hidden));
}

/**
 * nslab_waits_for_grace() - is that actor in the middle of RCU's waiting?
 *
 * What that calls is machinery then, whatever file it is in: a point in there would
 * have the grace period end in a step that has nothing to do with it.
 */
static inline bool nslab_waits_for_grace(const struct nslab_actor *actor)
{
	return actor->waits_for == NSLAB_WAITS_GRACE;
}

void nslab_freeze(void);
void nslab_splat(void);
bool nslab_splat_seen(void);
const char *nslab_actor_name(unsigned int index);
struct nslab_actor *nslab_acting(void);
unsigned int nslab_acting_index(void);
bool nslab_is_quiet(void);
bool nslab_listed_failure(const struct nslab_actor *actor);
unsigned int nslab_faults(void);

#endif /* KERNEL_NSLAB_CORE_ACTORS_H */

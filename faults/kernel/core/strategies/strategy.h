/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Strategies: which actor runs next. One file each, compiled into the kernel, which
 * asks at every scheduling point, and into the tests on the host, which ask
 * with toys. So: no allocation, no kernel headers, no state but struct
 * nslab_search.
 *
 *   random.c    uniform over the actors that can run, at a pace
 *   pct.c       priorities and change points
 *   pos.c       partial order sampling
 *   schedule.c  what a list says: for "bounded" and "replay"
 */
#ifndef KERNEL_NSLAB_STRATEGY_H
#define KERNEL_NSLAB_STRATEGY_H

#include "../../uapi.h"

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#endif

/**
 * struct nslab_op - what an actor is about to do
 * @offset: in the object, bytes
 * @object: number of the watched object it accesses, 0 for none; of a lock that it
 *	takes: its number and NSLAB_LOCK_OBJECT
 * @size: bytes
 * @write: whether it writes there, or no other may have the lock at the same time
 * @kind: of memory: see enum nslab_focus; 0: of none
 */
#define NSLAB_LOCK_OBJECT	0x8000
struct nslab_op {
	__u32 offset;
	__u16 object;
	__u16 size;
	__u8 write;
	__u16 kind;
};

/**
 * struct nslab_choice - a scheduling point: one of the actors has to run
 * @step: how many there were before it in this execution
 * @at: the actor whose point it is, NSLAB_NOBODY at the very start
 * @local: the number of this point among the points of @at, from 1 (0 at the
 *	start)
 * @enabled: the actors that can run, a bit each; never 0
 * @free: @at has ended or has had to wait, so running another
 *	actor is no preemption
 * @next: by actor, what each does when it goes on
 */
struct nslab_choice {
	__u32 step;
	__u32 at;
	__u32 local;
	__u32 enabled;
	bool free;
	const struct nslab_op *next;
};

#define NSLAB_MAX_CHANGES	16

/*
 * What an execution can be about: all memory; what the user has named, which is memory
 * watched by hand, and named points; from the third on one kind that is found to be
 * shared.
 */
enum nslab_focus {
	NSLAB_FOCUS_ALL,
	NSLAB_FOCUS_NAMED,
	NSLAB_FOCUS_KINDS,
};

/**
 * struct nslab_search - all that a strategy keeps while an execution runs
 * @strategy: which
 * @run: what was asked; strategy, seed, nactors, depth, length
 * @switches: of the schedule, for NSLAB_STRATEGY_SCHEDULE
 * @nswitches: how many
 * @nkinds: kinds of memory that are found to be shared, from NSLAB_FOCUS_KINDS on
 * @named: there is memory that the user has named
 * @rnd: state of the random numbers
 * @diverged: the schedule does not fit the execution
 * @next_switch: the first of @switches that has not been taken
 * @focus: what this execution is about: see enum nslab_focus
 * @steps: scheduling points that were about it so far
 * @priority: by actor; the highest runs. For random, the first is the pace
 * @changes: the steps after which the priority falls, as they were drawn
 * @nchanges: how many
 * @last: the actor that was chosen last, NSLAB_NOBODY at the start
 * @op: what @last was about to do then
 */
struct nslab_search {
	const struct nslab_strategy *strategy;
	const struct nslab_run *run;
	const struct nslab_switch *switches;
	__u32 nswitches;
	__u32 nkinds;
	bool named;
	__u64 rnd;
	bool diverged;
	__u32 next_switch;
	__u32 focus;
	__u32 steps;
	__u64 priority[NSLAB_MAX_ACTORS];
	__u32 changes[NSLAB_MAX_CHANGES];
	__u32 nchanges;
	__u32 last;
	struct nslab_op op;
};

/**
 * struct nslab_strategy - one way to search
 * @begin: an execution begins; @search is zero but for strategy, run, switches,
 *	nswitches, nkinds and named
 * @pick: the actor that runs next, one of the enabled
 * @end: all actors have ended; may be NULL
 */
struct nslab_strategy {
	void (*begin)(struct nslab_search *search);
	__u32 (*pick)(struct nslab_search *search,
		      const struct nslab_choice *choice);
	void (*end)(struct nslab_search *search);
};

extern const struct nslab_strategy nslab_strategy_random;
extern const struct nslab_strategy nslab_strategy_pct;
extern const struct nslab_strategy nslab_strategy_pos;
extern const struct nslab_strategy nslab_strategy_schedule;

/* Random numbers of a strategy: splitmix64 (Vigna 2015). */
static inline __u64 nslab_search_random(struct nslab_search *search)
{
	__u64 x = search->rnd += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/*
 * Begin the random numbers. The seed of the execution serves others as well:
 * what they draw from it and what a strategy draws shall not be related.
 */
static inline void nslab_search_seed(struct nslab_search *search)
{
	search->rnd = search->run->seed ^ 0x7374726174656779ULL;
	search->rnd = nslab_search_random(search);
}

/* Uniform in 0 ... @ceil - 1, @ceil below 2^32. */
static inline __u32 nslab_search_below(struct nslab_search *search, __u32 ceil)
{
	return ((nslab_search_random(search) >> 32) * ceil) >> 32;
}

/*
 * The default: the actor that runs already, else the first that can.
 */
static inline __u32 nslab_default_pick(const struct nslab_choice *choice)
{
	__u32 i = 0;

	if (choice->at < NSLAB_MAX_ACTORS && choice->enabled & 1U << choice->at)
		return choice->at;
	while (!(choice->enabled & 1U << i))
		i++;
	return i;
}

/*
 * Of the bugs that people study, two thirds are about one variable (Lu, Park, Seo, Zhou,
 * "Learning from mistakes", ASPLOS 2008). But there are hundreds of points, and most of
 * what is drawn at them is drawn in vain. So every second execution is about memory of
 * one kind, and at the points of all other memory the actor that runs goes on; what the
 * user has named is the kind in half of these. (Zhao, Wolff, Mathur, Roychoudhury,
 * "Selectively Uniform Concurrency Testing", ASPLOS 2025, choose one variable.)
 */
static inline void nslab_draw_focus(struct nslab_search *search)
{
	if (!search->nkinds || nslab_search_below(search, 2))
		return;
	search->focus = search->named && nslab_search_below(search, 2) ?
			NSLAB_FOCUS_NAMED :
			NSLAB_FOCUS_KINDS + nslab_search_below(search, search->nkinds);
}

/* Is there something to be decided at this point? */
static inline bool nslab_in_focus(const struct nslab_search *search,
				  const struct nslab_choice *choice)
{
	return !search->focus || choice->free || choice->at >= NSLAB_MAX_ACTORS ||
	       !(choice->enabled & 1U << choice->at) ||
	       choice->next[choice->at].kind == search->focus;
}

#endif /* KERNEL_NSLAB_STRATEGY_H */

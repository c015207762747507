/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a step of an actor does, and which steps depend on each other: for the
 * pruning of the search.
 */
#ifndef SCENARIOS_LIB_EFFECTS_H
#define SCENARIOS_LIB_EFFECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../faults/kernel/uapi.h"

#define EFFECTS_MAX_ACCESSES	48
#define EFFECTS_MAX_LOCKS	16

#define EFFECTS_BOUNDARY	1	/* of an outermost RCU read section */
#define EFFECTS_BLOCKING	2	/* the actor waits, or has waited */
#define EFFECTS_ENDING		4	/* the actor ends */
#define EFFECTS_HEAP		8	/* a watched object is allocated or freed */
#define EFFECTS_GLOBAL		16	/* anything: depends on every step */
#define EFFECTS_STRANGE		32	/* not all of it was this actor's */
#define EFFECTS_SLEEPS		64	/* a lock that a task sleeps for */

#define EFFECTS_ANY_HEAP	UINT64_MAX

/* In struct effects.locks: whether no other may have it at the same time. */
#define EFFECTS_EXCLUSIVE	1

struct effects_access {
	uint32_t start, end;
	uint16_t object, write;
};

/**
 * struct effects - what a step does
 * @heaps: slab caches of which watched objects are allocated or freed, a bit for the
 *	number of each; all of them if one is not known
 * @known: objects with numbers above this one were first reached in the step, or
 *	later: in another execution another object may have that number.
 *	UINT16_MAX if there are none
 * @known_locks: likewise of locks
 * @flags: EFFECTS_*
 * @naccesses: how many @accesses
 * @nlocks: how many @locks
 * @actor: whose step it is
 * @wakes: actors that it wakes, or would have if they had been asleep, a bit each
 * @padding: zero
 * @locks: twice the number of each, plus EFFECTS_EXCLUSIVE
 * @accesses: of watched objects
 *
 * All of it is set, so that two can be compared byte for byte.
 */
struct effects {
	uint64_t heaps;
	uint16_t known, known_locks;
	uint8_t flags, naccesses, nlocks, actor;
	uint8_t wakes, padding[7];
	uint16_t locks[EFFECTS_MAX_LOCKS];
	struct effects_access accesses[EFFECTS_MAX_ACCESSES];
};

/**
 * struct effects_walk - goes through a trace, step by step; zero at first
 * @last: by actor, its last point so far
 * @exits: actors that have begun to exit, a bit each
 * @waits: by actor, what it waited for the last time: NSLAB_WAITS_*, 0 unknown
 * @known: the highest number of an object so far
 * @known_locks: likewise of a lock
 * @freed: numbers of objects that are no more, a bit each
 */
struct effects_walk {
	const struct nslab_event *last[NSLAB_MAX_ACTORS];
	unsigned int exits;
	uint8_t waits[NSLAB_MAX_ACTORS];
	uint16_t known, known_locks;
	uint64_t freed[(UINT16_MAX + 1) / 64];
};

unsigned int effects_of_step(struct effects *effects,
			     struct effects_walk *walk,
			     const struct nslab_event *events, unsigned int n,
			     unsigned int at);
bool effects_empty(const struct effects *effects);
unsigned int effects_unexplained(const struct effects *effects,
				 const struct effects_walk *walk,
				 unsigned int changed);
bool effects_depend(const struct effects *asleep, const struct effects *step);

#endif /* SCENARIOS_LIB_EFFECTS_H */

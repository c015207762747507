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

struct effects_access {
	uint32_t start, end;
	uint16_t object, write;
};

/**
 * struct effects - what a step does
 * @flags: EFFECTS_*
 * @naccesses: how many @accesses
 * @nlocks: how many @locks
 * @known: objects with numbers above this one were first reached in the step, or
 *	later: in another execution another object may have that number.
 *	UINT16_MAX if there are none
 * @accesses: of watched objects
 * @locks: numbers
 *
 * All of it is set, so that two can be compared byte for byte.
 */
struct effects {
	uint8_t flags, naccesses, nlocks, padding;
	uint16_t known;
	uint16_t locks[EFFECTS_MAX_LOCKS];
	struct effects_access accesses[EFFECTS_MAX_ACCESSES];
};

/**
 * struct effects_walk - goes through a trace, step by step; zero at first
 * @last: by actor, its last point so far
 * @exits: actors that have begun to exit, a bit each
 * @known: the highest number of an object so far
 * @freed: numbers of objects that are no more, a bit each
 */
struct effects_walk {
	const struct nslab_event *last[NSLAB_MAX_ACTORS];
	unsigned int exits;
	uint16_t known;
	uint64_t freed[(UINT16_MAX + 1) / 64];
};

unsigned int effects_of_step(struct effects *effects,
			     struct effects_walk *walk,
			     const struct nslab_event *events, unsigned int n,
			     unsigned int at);
bool effects_empty(const struct effects *effects);
bool effects_can_wake(const struct effects *effects);
bool effects_depend(const struct effects *asleep, const struct effects *step);

#endif /* SCENARIOS_LIB_EFFECTS_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A toy in the kernel's place, for the tests of the strategies and of the
 * search: actors that are little programs, scheduled and recorded by the
 * rules of the kernel (faults/kernel/core/steer.c).
 */
#ifndef SCENARIOS_LIB_TOY_H
#define SCENARIOS_LIB_TOY_H

#include <stdbool.h>
#include <stdint.h>

#include "../faults/kernel/core/strategies/strategy.h"

#define TOY_ACTORS	3
#define TOY_OPS		10
#define TOY_OBJECTS	4
#define TOY_LOCKS	3
#define TOY_SPINS	2
#define TOY_CACHES	2
#define TOY_EVENTS	512

enum toy_code {
	TOY_END,		/* the program is over */
	TOY_READ,		/* the register is bytes of an object; @arg - 1
				 * is one that it points to
				 */
	TOY_WRITE,		/* bytes of an object are @arg */
	TOY_ADD,		/* bytes of an object are the register + @arg */
	TOY_ALLOC,		/* the object gets the next address and lives */
	TOY_FREE,		/* the object is dead: who reads it crashes */
	TOY_LOCK,
	TOY_UNLOCK,
	TOY_RCU_LOCK,
	TOY_RCU_UNLOCK,
	TOY_SYNC,		/* wait for a grace period */
	TOY_POINT,		/* a named point, nothing more */
	TOY_LOOK,		/* the register is what no access shows */
	TOY_EXIT,		/* a point of the exit path; changes that */
	TOY_SKIP,		/* skip an operation if the register is @arg */
	TOY_BUG,		/* crash if the register is @arg */
	/* Only where struct toy.shared says so: */
	TOY_KEEP,		/* under a spinlock, change what no access shows */
	TOY_GIVE,		/* the register is that; the lock is one for reading */
	TOY_WAIT,		/* until it was posted once more, or for a signal;
				 * quiet: until it was posted, ever
				 */
	TOY_POST,
	TOY_KILL,		/* a signal for the actor after this one */
	TOY_NR_CODES
};

/**
 * struct toy_op - an operation
 * @code: which
 * @object: of an access, from 0; of a lock, or of what is waited for: which
 * @offset: of an access, bytes
 * @size: of an access, bytes, 0 for one
 * @arg: depends on @code
 * @quiet: the access, or the lock, is no scheduling point; of TOY_WAIT and TOY_POST
 *	nothing is recorded but who waits and who is woken
 */
struct toy_op {
	enum toy_code code;
	uint8_t object;
	uint8_t offset;
	uint8_t size;
	uint8_t arg;
	bool quiet;
};

/**
 * struct toy - a program for each actor
 * @nactors: how many
 * @ops: of each
 * @handoff: a lock goes to who has waited longest, else to who comes first
 * @eager: a grace period ends when it can, else at the next BLOCK or END
 * @shared: recorded as with NSLAB_RUN_SHARED
 * @caches: objects with odd numbers have a slab cache of their own
 */
struct toy {
	unsigned int nactors;
	struct toy_op ops[TOY_ACTORS][TOY_OPS];
	bool handoff;
	bool eager;
	bool shared;
	bool caches;
};

/**
 * struct toy_trace - what happened
 * @n: how many
 * @events: as the kernel has them
 */
struct toy_trace {
	unsigned int n;
	struct nslab_event events[TOY_EVENTS];
};

struct toy_actor {
	uint8_t pc, reg, nesting, local;
	bool started, at_point, done, waits_lock, waits_gp, waits_post, has_waited;
	bool signalled;
	uint8_t blockers;	/* whose read sections it waits for */
};

/**
 * struct toy_state - an execution that is under way
 * @at: whose point it is, NSLAB_NOBODY at the start
 * @free: no choice is a preemption
 * @enabled: who can run
 * @over: nobody runs any more
 * @crashed: an actor has hit a bug
 */
struct toy_state {
	const struct toy *toy;
	struct toy_actor actors[TOY_ACTORS];
	uint8_t bytes[TOY_OBJECTS][2];
	uint8_t address[TOY_OBJECTS], addresses[TOY_CACHES], freed[TOY_CACHES];
	uint8_t number[TOY_OBJECTS], numbers;
	bool dead[TOY_OBJECTS];
	uint8_t owner[TOY_LOCKS];
	uint8_t queue[TOY_LOCKS][TOY_ACTORS], nqueue[TOY_LOCKS];
	uint8_t lock_number[TOY_LOCKS], lock_numbers;
	uint8_t spin_number[TOY_SPINS], kept[TOY_SPINS], posted[TOY_SPINS];
	uint8_t sleeper[TOY_ACTORS], nsleepers;
	uint8_t hidden;
	uint8_t crash_actor, crash_pc;
	unsigned int at, local, enabled;
	bool free, over, crashed;
};

void toy_begin(struct toy_state *state, const struct toy *toy,
	       struct toy_trace *trace);
void toy_step(struct toy_state *state, unsigned int actor,
	      struct toy_trace *trace);
uint64_t toy_outcome(const struct toy_state *state);
struct nslab_op toy_next_op(const struct toy_state *state, unsigned int actor);
uint64_t toy_run(const struct toy *toy, struct nslab_search *search,
		 struct toy_trace *trace);
uint64_t toy_random(uint64_t *rnd);
void toy_random_program(struct toy *toy, uint64_t seed);

#endif /* SCENARIOS_LIB_TOY_H */

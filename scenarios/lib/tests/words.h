/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A second toy in the kernel's place: actors that share words of memory, some
 * of which are watched. Where its scheduling points are is up to whoever runs
 * it: at every operation, which is what the machine can do, or only where the
 * kernel has them.
 */
#ifndef SCENARIOS_LIB_WORDS_H
#define SCENARIOS_LIB_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/tests/toy.h"

#define WORDS_ACTORS	3
#define WORDS_OPS	10
#define WORDS_MEMORY	5	/* words that programs name */
#define WORDS_LOCKS	4	/* the first two for sleepers, then spinlocks */
#define WORDS_SLEEPING	2

/* The state of each task is a word, too: who it sleeps for is decided there. */
#define WORDS_STATE(a)	(WORDS_MEMORY + (a))
#define WORDS_ALL	(WORDS_MEMORY + WORDS_ACTORS)

enum words_code {
	WORDS_END,		/* the program is over */
	WORDS_READ,		/* the register is the word */
	WORDS_WRITE,		/* the word is @arg */
	WORDS_ADD,		/* the word is the register + @arg */
	WORDS_INC,		/* the word grows by @arg, so does the register:
				 * one access
				 */
	WORDS_AT,		/* the word behind @word by the register, not
				 * more than @arg, is written
				 */
	WORDS_FREE,		/* the word is dead: who accesses it hits a bug */
	WORDS_LOCK,
	WORDS_UNLOCK,
	WORDS_TRYLOCK,		/* the register is 1 if the lock was free */
	WORDS_SPIN,		/* a lock that is held without preemption */
	WORDS_UNSPIN,
	WORDS_OFF,		/* no preemption from here */
	WORDS_ON,
	WORDS_RCU_LOCK,
	WORDS_RCU_UNLOCK,
	WORDS_SYNC,		/* wait for a grace period */
	WORDS_PREPARE,		/* say that one is about to sleep */
	WORDS_SLEEP,		/* sleep, if nobody has woken one since then */
	WORDS_WAKE,		/* wake the actor @word */
	WORDS_SKIP,		/* skip @word operations if the register is @arg */
	WORDS_POINT,		/* a point with a name, nothing more */
	WORDS_BUG,		/* hit a bug if the register is @arg */
	WORDS_NR_CODES
};

/**
 * struct words_op - an operation
 * @code: which
 * @word: of an access; of a lock: which
 * @arg: depends on @code
 */
struct words_op {
	uint8_t code;
	uint8_t word;
	uint8_t arg;
};

/**
 * struct words_program - a program for each actor
 * @nactors: how many
 * @handoff: a lock goes to who has waited longest, else to who comes first
 * @ops: of each
 */
struct words_program {
	uint8_t nactors;
	bool handoff;
	struct words_op ops[WORDS_ACTORS][WORDS_OPS];
};

/* Where there are points, besides before accesses to some words. */
#define WORDS_EVERYWHERE	1	/* before each operation */
#define WORDS_BEFORE_LOCK	2
#define WORDS_BEFORE_UNLOCK	4	/* of a lock for sleepers */
#define WORDS_AFTER_UNLOCK	8	/* of any lock */
#define WORDS_BEFORE_RCU_LOCK	16
#define WORDS_AFTER_RCU_LOCK	32
#define WORDS_BEFORE_RCU_UNLOCK	64
#define WORDS_AFTER_RCU_UNLOCK	128
#define WORDS_BEFORE_SYNC	256
#define WORDS_BEFORE_OFF	512
#define WORDS_AFTER_ACCESS	1024	/* to a word with a point before it */
#define WORDS_AFTER_LOCK	2048	/* of a lock for sleepers */
#define WORDS_NAMED		4096	/* at points with a name */

/**
 * struct words_policy - what the lab sees of a machine
 * @points: WORDS_*: where others may be chosen
 * @watched: words whose accesses are in the trace, a bit each
 * @racy: of those, words with points before their accesses
 */
struct words_policy {
	unsigned int points;
	unsigned int watched;
	unsigned int racy;
};

struct words_actor {
	uint8_t pc, reg, nesting, off, held, local;
	uint8_t blockers;	/* whose read sections it waits for */
	uint16_t complaints;	/* where it hit a bug, a bit each */
	bool started, at_point, done, sleeps;
	bool waits_lock, waits_gp, waits_wake, has_waited, point_due;
};

/**
 * struct words_state - an execution that is under way
 * @at: whose point it is, NSLAB_NOBODY at the start
 * @local: its number
 * @enabled: who can run, a bit each
 * @free: no choice is a preemption
 * @over: nobody runs any more
 * @memory: what is in each word
 * @dead: words that were freed, a bit each
 * @readers: by word, a bit each
 * @writers: by word, a bit each
 * @common: by word, the locks that all who accessed it held, a bit each
 */
struct words_state {
	const struct words_program *program;
	const struct words_policy *policy;
	struct words_actor actors[WORDS_ACTORS];
	uint8_t memory[WORDS_MEMORY];
	uint8_t dead;
	uint8_t owner[WORDS_LOCKS];
	uint8_t queue[WORDS_LOCKS][WORDS_ACTORS], nqueue[WORDS_LOCKS];
	uint8_t at, local, enabled;
	bool free, over;
	uint8_t readers[WORDS_ALL], writers[WORDS_ALL], common[WORDS_ALL];
};

void words_begin(struct words_state *state,
		 const struct words_program *program,
		 const struct words_policy *policy, struct toy_trace *trace);
void words_step(struct words_state *state, unsigned int actor,
		struct toy_trace *trace);
void words_run(struct words_state *state, const struct words_program *program,
	       const struct words_policy *policy, struct nslab_search *search,
	       struct toy_trace *trace);
uint64_t words_outcome(const struct words_state *state);
unsigned int words_shared(const struct words_state *state);
unsigned int words_racy(const struct words_state *state);
void words_random(struct words_program *program, uint64_t seed);
void words_print(const struct words_program *program);

#endif /* SCENARIOS_LIB_WORDS_H */

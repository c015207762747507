/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What programs that share words can come to: all interleavings, tried without
 * the search.
 */
#ifndef SCENARIOS_LIB_WORDS_ALL_H
#define SCENARIOS_LIB_WORDS_ALL_H

#include "lib/search/bounded.h"
#include "lib/tests/words.h"

#define MAX_OUTCOMES	8192

/* How many by chance; more with NSLAB_TEST_TOYS=N in the environment. */
#define NR_PROGRAMS	3000

/* The points that the search needs: see lib/search/bounded.c. */
#define NEEDED	(WORDS_BEFORE_LOCK | WORDS_BEFORE_UNLOCK | \
		 WORDS_BEFORE_RCU_LOCK | WORDS_BEFORE_OFF)

/* Operations of programs. */
#define R(w)	{ .code = WORDS_READ, .word = (w) }
#define W(w, v)	{ .code = WORDS_WRITE, .word = (w), .arg = (v) }
#define ADD(w)	{ .code = WORDS_ADD, .word = (w), .arg = 1 }
#define INC(w)	{ .code = WORDS_INC, .word = (w), .arg = 1 }
#define DEC(w)	{ .code = WORDS_INC, .word = (w), .arg = 255 }
#define FREE(w)	{ .code = WORDS_FREE, .word = (w) }
#define L(l)	{ .code = WORDS_LOCK, .word = (l) }
#define U(l)	{ .code = WORDS_UNLOCK, .word = (l) }
#define TRY(l)	{ .code = WORDS_TRYLOCK, .word = (l) }
#define SPIN(l)	{ .code = WORDS_SPIN, .word = WORDS_SLEEPING + (l) }
#define UNSPIN(l) { .code = WORDS_UNSPIN, .word = WORDS_SLEEPING + (l) }
#define WAKE(a)	{ .code = WORDS_WAKE, .word = (a) }
#define OP(c)	{ .code = WORDS_##c }
#define SKIP(n, v) { .code = WORDS_SKIP, .word = (n), .arg = (v) }
#define BUG(v)	{ .code = WORDS_BUG, .arg = (v) }

/**
 * struct found - what executions of a program come to
 * @shared: words that were shared in one of them, a bit each
 * @racy: of those, words that no lock protected there
 * @n: how many @outcomes
 * @outcomes: each once, with the fewest preemptions that it needs
 */
struct found {
	unsigned int shared, racy, n;
	struct {
		uint64_t outcome;
		unsigned int preemptions;
	} outcomes[MAX_OUTCOMES];
};

void found_add(struct found *found, const struct words_state *state,
	       unsigned int preemptions);
unsigned int not_found(const struct found *found, const struct found *all);
void by_hand(struct found *found, const struct words_program *program,
	     const struct words_policy *policy, unsigned int bound);
void everywhere(struct found *found, const struct words_program *program,
		unsigned int bound);
void run_schedule(struct words_state *state,
		  const struct words_program *program,
		  const struct words_policy *policy,
		  const struct nslab_switch *switches, unsigned int n,
		  struct toy_trace *trace);
void by_search(struct found *found, struct bounded_stats *stats,
	       const struct words_program *program,
	       const struct words_policy *policy,
	       const struct bounded_config *config);
unsigned long words_programs(void);

#endif /* SCENARIOS_LIB_WORDS_ALL_H */

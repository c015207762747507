// SPDX-License-Identifier: GPL-2.0
/*
 * What programs that share words can come to, see words_all.h.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/search/steps.h"
#include "lib/tests/words_all.h"

/* === What was found === */

/**
 * found_add() - one more execution
 */
void found_add(struct found *found, const struct words_state *state,
	       unsigned int preemptions)
{
	uint64_t outcome = words_outcome(state);
	unsigned int i;

	found->shared |= words_shared(state);
	found->racy |= words_racy(state);
	for (i = 0; i < found->n; i++)
		if (found->outcomes[i].outcome == outcome)
			break;
	assert_true(i < MAX_OUTCOMES);
	if (i < found->n && found->outcomes[i].preemptions <= preemptions)
		return;
	found->outcomes[i].outcome = outcome;
	found->outcomes[i].preemptions = preemptions;
	if (i == found->n)
		found->n++;
}

static int found_at(const struct found *found, uint64_t outcome)
{
	unsigned int i;

	for (i = 0; i < found->n; i++)
		if (found->outcomes[i].outcome == outcome)
			return found->outcomes[i].preemptions;
	return -1;
}

/**
 * not_found() - compare two sets of executions
 *
 * Return: how many outcomes of @all are not in @found, or only with more
 * preemptions.
 */
unsigned int not_found(const struct found *found, const struct found *all)
{
	unsigned int i, n = 0;

	for (i = 0; i < all->n; i++) {
		int at = found_at(found, all->outcomes[i].outcome);

		n += at < 0 || at > (int)all->outcomes[i].preemptions;
	}
	return n;
}

/* === All interleavings === */

/* Hashes of the states that were tried, open addressing; 0 is a free slot. */
static uint64_t *tried;
static unsigned int nr_tried, tried_slots;

static uint64_t *tried_slot(uint64_t hash)
{
	unsigned int slot = hash % tried_slots;

	while (tried[slot] && tried[slot] != hash)
		slot = (slot + 1) % tried_slots;
	return &tried[slot];
}

static void more_slots(void)
{
	unsigned int i, n = tried_slots;
	uint64_t *old = tried;

	tried_slots = n ? n * 2 : 1 << 14;
	tried = calloc(tried_slots, sizeof(*tried));
	assert_non_null(tried);
	for (i = 0; i < n; i++)
		if (old[i])
			*tried_slot(old[i]) = old[i];
	free(old);
}

static bool tried_already(const struct words_state *state,
			  unsigned int preemptions)
{
	struct words_state copy = *state;
	uint64_t hash = preemptions, word, *slot;
	unsigned int i;

	copy.local = 0;
	for (i = 0; i < WORDS_ACTORS; i++)
		copy.actors[i].local = 0;
	for (i = 0; i < sizeof(copy) / sizeof(word); i++) {
		memcpy(&word, (char *)&copy + i * sizeof(word), sizeof(word));
		hash = hash_word(hash, word);
	}
	slot = tried_slot(hash | 1);
	if (*slot)
		return true;
	*slot = hash | 1;
	if (++nr_tried * 2 > tried_slots)
		more_slots();
	return false;
}

static void try_all(struct found *found, const struct words_state *state,
		    unsigned int preemptions, unsigned int bound)
{
	unsigned int i;

	if (state->over) {
		found_add(found, state, preemptions);
		return;
	}
	if (tried_already(state, preemptions))
		return;
	for (i = 0; i < state->program->nactors; i++) {
		unsigned int cost = !state->free && i != state->at;
		struct words_state next = *state;

		if (!(state->enabled & 1U << i) || preemptions + cost > bound)
			continue;
		words_step(&next, i, NULL);
		try_all(found, &next, preemptions + cost, bound);
	}
}

/**
 * by_hand() - try all interleavings; no schedules, no replay, the state is copied
 * @found: what they come to
 * @program: what the actors do
 * @policy: where there are points
 * @bound: preemptions at the most
 */
void by_hand(struct found *found, const struct words_program *program,
	     const struct words_policy *policy, unsigned int bound)
{
	struct words_state state;

	found->shared = 0;
	found->racy = 0;
	found->n = 0;
	if (!tried)
		more_slots();
	memset(tried, 0, tried_slots * sizeof(*tried));
	nr_tried = 0;
	words_begin(&state, program, policy, NULL);
	try_all(found, &state, 0, bound);
}

/**
 * everywhere() - likewise, with a point before each operation
 */
void everywhere(struct found *found, const struct words_program *program,
		unsigned int bound)
{
	static const struct words_policy policy = {
		.points = WORDS_EVERYWHERE,
	};

	by_hand(found, program, &policy, bound);
}

/* === The search === */

/**
 * run_schedule() - one execution of a search
 */
void run_schedule(struct words_state *state,
		  const struct words_program *program,
		  const struct words_policy *policy,
		  const struct nslab_switch *switches, unsigned int n,
		  struct toy_trace *trace)
{
	struct nslab_run run = { .nactors = program->nactors };
	struct nslab_search search = {
		.strategy = &nslab_strategy_schedule, .run = &run,
		.switches = switches, .nswitches = n,
	};

	words_run(state, program, policy, &search, trace);
	assert_false(search.diverged);
	assert_true(trace->n < TOY_EVENTS);
}

/**
 * by_search() - what the strategy "bounded" comes to
 * @found: filled
 * @stats: likewise
 * @program: what the actors do
 * @policy: where there are points
 * @config: of the search
 */
void by_search(struct found *found, struct bounded_stats *stats,
	       const struct words_program *program,
	       const struct words_policy *policy,
	       const struct bounded_config *config)
{
	struct bounded *b = bounded_new(config);
	const struct nslab_switch *switches;
	static struct toy_trace trace;
	struct words_state state;
	unsigned int n;

	found->shared = 0;
	found->racy = 0;
	found->n = 0;
	while (bounded_next(b, &switches, &n)) {
		run_schedule(&state, program, policy, switches, n, &trace);
		found_add(found, &state, bounded_preemptions(b));
		if (bounded_ran(b, trace.events, trace.n))
			fail_msg("%s", bounded_stats(b)->message);
	}
	*stats = *bounded_stats(b);
	assert_int_equal(config->max_preemptions, stats->complete);
	bounded_free(b);
}

/* === Tests === */

/**
 * words_programs() - how many programs by chance a test tries
 */
unsigned long words_programs(void)
{
	const char *env = getenv("NSLAB_TEST_TOYS");

	return env ? strtoul(env, NULL, 0) : NR_PROGRAMS;
}

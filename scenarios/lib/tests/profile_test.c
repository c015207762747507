// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: which words are shared is found out by profile executions, as
 * the kernel's are, and searched then; and what becomes of a search that does not
 * know all of them.
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

#define BOUND	2

static struct found truth, seen;

/* === Profiles === */

/* Which executions of a search are profiled again. */
enum rule {
	SAMPLED,		/* the 1st, 2nd, 4th, 8th, ... and each 256th */
	NEW_TRACES,		/* and those in which actors do anything new */
	EACH,
	NR_RULES
};

static const char * const rule_names[NR_RULES] = {
	"sampled", "new traces", "each",
};

/**
 * struct profile - what profile executions of a program have found
 * @shared: words that are shared, a bit each
 * @racy: of those, words that no lock protects
 * @profiled: how many executions of the last search
 * @executions: how many it had
 * @growths: how often one of them had found more
 */
struct profile {
	unsigned int shared, racy;
	uint64_t profiled, executions;
	unsigned int growths;
};

/* Returns whether there is anything new. */
static bool take_profile(struct profile *profile,
			 const struct words_state *state)
{
	unsigned int shared = profile->shared | words_shared(state);
	unsigned int racy = profile->racy | words_racy(state);
	bool more = shared != profile->shared || racy != profile->racy;

	profile->shared = shared;
	profile->racy = racy;
	return more;
}

/* Each actor is the first once, then there are some by chance. */
static void warm_up(struct profile *profile,
		    const struct words_program *program)
{
	const struct words_policy policy = { .points = NEEDED };
	struct nslab_run run = { .nactors = program->nactors };
	static struct toy_trace trace;
	struct words_state state;
	unsigned int i;

	for (i = 0; i < program->nactors; i++) {
		const struct nslab_switch first = {
			.at = NSLAB_NOBODY, .next = i,
		};

		run_schedule(&state, program, &policy, &first, 1, &trace);
		take_profile(profile, &state);
	}
	for (run.seed = 1; run.seed <= 8; run.seed++) {
		struct nslab_search search = {
			.strategy = &nslab_strategy_random, .run = &run,
		};

		words_run(&state, program, &policy, &search, &trace);
		take_profile(profile, &state);
	}
}

/* === Which executions are new? === */

/* What actors did in earlier ones, by hash; 0 is a free slot. */
static uint64_t histories[1 << 16];
static unsigned int nr_histories;

static bool is_new(uint64_t hash)
{
	unsigned int slot = hash % (1 << 16);

	hash |= 1;
	while (histories[slot] && histories[slot] != hash)
		slot = (slot + 1) % (1 << 16);
	if (histories[slot])
		return false;
	assert_true(++nr_histories < 1 << 15);
	histories[slot] = hash;
	return true;
}

/* What each actor does for itself; in which order they do it is no matter. */
static bool do_anything_new(const struct toy_trace *trace)
{
	uint64_t hash[WORDS_ACTORS] = {}, all = 0;
	unsigned int i;

	for (i = 0; i < trace->n; i++) {
		const struct nslab_event *event = &trace->events[i];

		if (event->actor >= WORDS_ACTORS)
			continue;
		hash[event->actor] = hash_word(hash[event->actor],
					       event->kind | event->ip << 8 |
					       (uint64_t)event->object << 48);
	}
	for (i = 0; i < WORDS_ACTORS; i++)
		all = hash_word(all, hash[i]);
	return is_new(all);
}

static bool is_profiled(enum rule rule, uint64_t n,
			const struct toy_trace *trace)
{
	bool new = rule == NEW_TRACES && do_anything_new(trace);

	return rule == EACH || new || !(n & (n - 1)) || !(n % 256);
}

/* === A search that looks again now and then === */

/* Returns whether the set held. */
static bool search_once(struct found *found, struct profile *profile,
			const struct words_program *program, enum rule rule)
{
	const struct words_policy policy = {
		.points = NEEDED,
		.watched = profile->shared, .racy = profile->racy,
	};
	const struct bounded_config config = {
		.nactors = program->nactors, .max_preemptions = BOUND,
		.prune = true,
	};
	struct bounded *b = bounded_new(&config);
	const struct nslab_switch *switches;
	static struct toy_trace trace;
	struct words_state state;
	bool held = true;
	unsigned int n;

	*found = (struct found) {};
	profile->profiled = 0;
	profile->executions = 0;
	memset(histories, 0, sizeof(histories));
	nr_histories = 0;
	while (held && bounded_next(b, &switches, &n)) {
		run_schedule(&state, program, &policy, switches, n, &trace);
		found_add(found, &state, bounded_preemptions(b));
		assert_int_equal(0, bounded_ran(b, trace.events, trace.n));
		if (!is_profiled(rule, ++profile->executions, &trace))
			continue;
		profile->profiled++;
		held = !take_profile(profile, &state);
		if (!held)
			bounded_unknown(b);
	}
	assert_int_equal(held ? BOUND : -1, bounded_stats(b)->complete);
	assert_int_equal(held ? BOUNDED_CUT_NOTHING : BOUNDED_CUT_UNKNOWN,
			 bounded_stats(b)->cut);
	bounded_free(b);
	return held;
}

static void search_until_held(struct found *found, struct profile *profile,
			      const struct words_program *program,
			      enum rule rule)
{
	*profile = (struct profile) {};
	warm_up(profile, program);
	while (!search_once(found, profile, program, rule))
		profile->growths++;
}

/**
 * struct sums - over many programs
 * @grew: sets that grew
 * @claims: searches with each execution profiled: those are complete, all others
 *	only if there was nothing to see in the executions that were not
 * @wrong_claims: of those, sets that are wrong, or a bug that was missed
 * @wrong: sets without all that is shared, or not as unprotected as it is
 * @missed: programs with a bug that was missed
 * @profiled: executions
 * @executions: all of them
 */
struct sums {
	unsigned long grew, claims, wrong_claims, wrong, missed;
	uint64_t profiled, executions;
};

static void compare(struct sums *sums, const struct words_program *program,
		    enum rule rule)
{
	struct profile profile;
	bool wrong, missed;

	search_until_held(&seen, &profile, program, rule);
	sums->profiled += profile.profiled;
	sums->executions += profile.executions;
	sums->grew += !!profile.growths;
	wrong = truth.shared & ~profile.shared || truth.racy & ~profile.racy;
	missed = not_found(&seen, &truth);
	sums->wrong += wrong;
	sums->missed += missed;
	if (profile.profiled == profile.executions) {
		sums->claims++;
		sums->wrong_claims += wrong || missed;
	}
	/* What chance has found besides needs more preemptions. */
	if (profile.shared == truth.shared && profile.racy == truth.racy)
		return;
	everywhere(&seen, program, 16);
	assert_int_equal(0, profile.shared & ~seen.shared);
	assert_int_equal(0, profile.racy & ~seen.racy);
}

static void the_set_is_what_is_shared(void **state)
{
	unsigned long i, n = words_programs();
	struct sums sums[NR_RULES] = {};
	struct words_program program;
	enum rule rule;

	for (i = 0; i < n; i++) {
		words_random(&program, i);
		everywhere(&truth, &program, BOUND);
		for (rule = 0; rule < NR_RULES; rule++)
			compare(&sums[rule], &program, rule);
	}
	for (rule = 0; rule < NR_RULES; rule++)
		print_message("%s: %lu of %lu executions profiled, %lu sets grew, %lu of %lu wrong, %lu programs with a bug missed, %lu claims, %lu wrong\n",
			      rule_names[rule], sums[rule].profiled,
			      sums[rule].executions, sums[rule].grew,
			      sums[rule].wrong, n, sums[rule].missed,
			      sums[rule].claims, sums[rule].wrong_claims);
	for (rule = 0; rule < NR_RULES; rule++)
		assert_int_equal(0, sums[rule].wrong_claims);
	assert_int_equal(n, sums[EACH].claims);
	/* Else there would be no need to tell how many were profiled. */
	assert_true(n < NR_PROGRAMS || sums[SAMPLED].wrong);
}

/* === Words that are not watched === */

/*
 * Each adds to a counter that is not watched, with a point with a name in
 * between; the points before and after touch what is watched.
 */
static const struct words_program static_counter = {
	.nactors = 2,
	.ops = { { R(0), R(1), OP(POINT), ADD(1), W(0, 1) },
		 { R(0), R(1), OP(POINT), ADD(1), W(0, 2) } },
};

/* Two where each was to add one: how many preemptions that takes, or -1. */
static int lost_update_at(const struct words_program *program,
			  unsigned int watched, bool prune, bool unknown)
{
	const struct words_policy policy = {
		.points = NEEDED | WORDS_NAMED,
		.watched = watched, .racy = watched,
	};
	const struct bounded_config config = {
		.nactors = program->nactors, .max_preemptions = BOUND,
		.prune = prune, .unknown = unknown,
	};
	struct bounded *b = bounded_new(&config);
	const struct nslab_switch *switches;
	static struct toy_trace trace;
	struct words_state state;
	unsigned int n;
	int at = -1;

	while (at < 0 && bounded_next(b, &switches, &n)) {
		run_schedule(&state, program, &policy, switches, n, &trace);
		assert_int_equal(0, bounded_ran(b, trace.events, trace.n));
		if (state.memory[1] != program->nactors)
			at = bounded_preemptions(b);
	}
	bounded_free(b);
	return at;
}

static void nothing_is_left_out_across_unknown_words(void **state)
{
	/* As long as it passes for all there is, it is pruned away. */
	assert_int_equal(-1, lost_update_at(&static_counter, 1, true, false));
	assert_int_equal(1, lost_update_at(&static_counter, 1, false, false));

	assert_int_equal(1, lost_update_at(&static_counter, 1, true, true));
	assert_int_equal(1, lost_update_at(&static_counter, 3, true, false));
}

/* Whatever is watched, as much is found as without any pruning. */
static void pruning_is_sound_with_any_watch(void **state)
{
	unsigned long i, n = words_programs(), pruned = 0, needed = 0;
	static struct found all;
	struct words_program program;
	struct bounded_stats stats;

	for (i = 0; i < n; i++) {
		unsigned int watch = i * 0x9e3779b1U >> 24, outside;
		struct words_policy policy = { .points = NEEDED | WORDS_NAMED };
		struct bounded_config config = {
			.max_preemptions = BOUND, .prune = true,
		};

		words_random(&program, i);
		everywhere(&truth, &program, BOUND);
		config.nactors = program.nactors;
		policy.watched = truth.shared & watch;
		policy.racy = truth.racy & watch;
		by_hand(&all, &program, &policy, BOUND);

		/* What a lock protects need not be known: that is in the trace. */
		outside = truth.racy & ~watch;
		config.unknown = outside;
		by_search(&seen, &stats, &program, &policy, &config);
		if (not_found(&seen, &all)) {
			words_print(&program);
			fail_msg("program %lu: watched %#x, racy %#x", i,
				 policy.watched, truth.racy);
		}
		pruned += !!stats.pruned;
		if (!outside)
			continue;
		config.unknown = false;
		by_search(&seen, &stats, &program, &policy, &config);
		needed += !!not_found(&seen, &all);
	}
	print_message("%lu of %lu programs pruned, in %lu it would have left out a bug\n",
		      pruned, n, needed);
	assert_true(pruned > 0 && needed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_set_is_what_is_shared),
		cmocka_unit_test(nothing_is_left_out_across_unknown_words),
		cmocka_unit_test(pruning_is_sound_with_any_watch),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: the search over shared words, against toys that can be preempted
 * everywhere (words.h) and whose every interleaving was tried.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/search/bounded.h"
#include "lib/tests/words_all.h"

/* === Programs === */

static const struct words_program lost_update = {
	.nactors = 2,
	.ops = { { R(0), ADD(0) }, { R(0), ADD(0) } },
};

static const struct words_program lost_update_between_locks = {
	.nactors = 2,
	.ops = { { L(0), R(0), U(0), L(0), ADD(0), U(0) },
		 { L(0), R(0), ADD(0), U(0) } },
};

static const struct words_program check_then_act = {
	.nactors = 3,
	.ops = { { R(1), SKIP(3, 1), W(1, 1), R(1), FREE(2) },
		 { R(1), SKIP(3, 1), W(1, 1), R(1), FREE(2) },
		 { SPIN(0), INC(3), UNSPIN(0) } },
};

static const struct words_program published_too_early = {
	.nactors = 2,
	.ops = { { W(3, 1), W(4, 7) },
		 { R(3), SKIP(2, 0), R(4), BUG(0) } },
};

static const struct words_program put_twice = {
	.nactors = 2,
	.ops = { { DEC(0), R(0), SKIP(1, 255), FREE(1) },
		 { DEC(0), R(0), SKIP(1, 255), FREE(1) } },
};

/* An atomic operation says that it is the last, the lock comes after it. */
static const struct words_program last_one_before_lock = {
	.nactors = 2,
	.ops = { { W(0, 1), DEC(0), SKIP(3, 1), L(0), FREE(1), U(0) },
		 { L(0), R(1), INC(0), U(0), R(1) } },
};

static const struct words_program freed_while_read = {
	.nactors = 2,
	.ops = { { OP(RCU_LOCK), R(0), SKIP(1, 1), R(1), OP(RCU_UNLOCK) },
		 { W(0, 1), FREE(1) } },
};

static const struct words_program freed_after_readers = {
	.nactors = 2,
	.ops = { { OP(RCU_LOCK), R(0), SKIP(1, 1), R(1), OP(RCU_UNLOCK) },
		 { W(0, 1), OP(SYNC), FREE(1) } },
};

static const struct words_program wake_up_missed = {
	.nactors = 2,
	.ops = { { R(0), SKIP(2, 1), OP(PREPARE), OP(SLEEP), R(0) },
		 { W(0, 1), WAKE(0) } },
};

static const struct words_program wake_up_heard = {
	.nactors = 2,
	.ops = { { OP(PREPARE), R(0), SKIP(1, 1), OP(SLEEP), R(0) },
		 { W(0, 1), WAKE(0) } },
};

static const struct words_program two_locks = {
	.nactors = 2,
	.ops = { { L(0), L(1), R(0), ADD(0), U(1), U(0) },
		 { L(1), L(0), R(0), ADD(0), U(0), U(1) } },
};

/* Blocking on a lock that is held costs nothing, leaving it alone does. */
static const struct words_program blocks_on_held = {
	.nactors = 2,
	.ops = { { W(0, 1), L(1), W(0, 2), U(1) },
		 { { .code = WORDS_ADD, .arg = 2 }, L(1), U(1), R(0) } },
};

static const struct words_program tries_held = {
	.nactors = 2,
	.ops = { { L(0), U(0) }, { TRY(0), U(0) } },
};

static const struct words_program preemption_is_off = {
	.nactors = 2,
	.ops = { { INC(0) }, { ADD(0), OP(OFF), W(0, 2), OP(ON) } },
};

/* It has read before it begins the section, so none is waited for. */
static const struct words_program reads_before_section = {
	.nactors = 2,
	.ops = { { R(0), OP(RCU_LOCK), ADD(0), OP(RCU_UNLOCK) },
		 { INC(0), OP(SYNC), INC(0) } },
};

static const struct {
	const char *name;
	const struct words_program *program;
} programs[] = {
	{ "lost update", &lost_update },
	{ "lost update between locks", &lost_update_between_locks },
	{ "check, then act", &check_then_act },
	{ "published too early", &published_too_early },
	{ "put twice", &put_twice },
	{ "last one before lock", &last_one_before_lock },
	{ "freed while read", &freed_while_read },
	{ "freed after readers", &freed_after_readers },
	{ "wake-up missed", &wake_up_missed },
	{ "wake-up heard", &wake_up_heard },
	{ "two locks", &two_locks },
	{ "blocks on a held lock", &blocks_on_held },
	{ "tries a held lock", &tries_held },
	{ "preemption is off", &preemption_is_off },
	{ "reads before the section", &reads_before_section },
};

#define NR_HAND_WRITTEN	(sizeof(programs) / sizeof(programs[0]))

/* === Where points have to be === */

static struct found truth, seen;

/* How many outcomes are lost, or need more preemptions, with these points. */
static unsigned int lost(const struct words_program *program,
			 unsigned int points, unsigned int not_racy,
			 unsigned int bound)
{
	struct words_policy policy = { .points = points };

	everywhere(&truth, program, bound);
	policy.watched = truth.shared;
	policy.racy = truth.racy & ~not_racy;
	by_hand(&seen, program, &policy, bound);
	assert_int_equal(0, not_found(&truth, &seen));
	return not_found(&seen, &truth);
}

static void points_before_what_others_notice_are_enough(void **state)
{
	unsigned long i, n = words_programs();
	struct words_program program;
	unsigned int bound;

	for (bound = 0; bound <= 3; bound++) {
		for (i = 0; i < NR_HAND_WRITTEN; i++)
			if (lost(programs[i].program, NEEDED, 0, bound))
				fail_msg("%s: %u preemptions", programs[i].name,
					 bound);
		for (i = 0; i < n; i++) {
			words_random(&program, i);
			if (!lost(&program, NEEDED, 0, bound))
				continue;
			words_print(&program);
			fail_msg("program %lu: %u preemptions", i, bound);
		}
	}
}

static void all_of_these_points_are_needed(void **state)
{
	static const unsigned int states = 7U << WORDS_STATE(0);

	/* What is there in place of the one left out does not serve. */
	assert_int_not_equal(0, lost(&blocks_on_held,
				     (NEEDED & ~WORDS_BEFORE_UNLOCK) |
				     WORDS_AFTER_UNLOCK, 0, 1));
	assert_int_not_equal(0, lost(&tries_held,
				     (NEEDED & ~WORDS_BEFORE_UNLOCK) |
				     WORDS_AFTER_UNLOCK, 0, 3));
	assert_int_not_equal(0, lost(&reads_before_section,
				     (NEEDED & ~WORDS_BEFORE_RCU_LOCK) |
				     WORDS_AFTER_RCU_LOCK |
				     WORDS_BEFORE_RCU_UNLOCK, 0, 2));
	assert_int_not_equal(0, lost(&preemption_is_off,
				     NEEDED & ~WORDS_BEFORE_OFF, 0, 1));
	assert_int_not_equal(0, lost(&lost_update_between_locks,
				     NEEDED & ~WORDS_BEFORE_LOCK, 0, 1));
	assert_int_not_equal(0, lost(&lost_update, NEEDED, 1U << 0, 3));
	assert_int_not_equal(0, lost(&wake_up_missed, NEEDED, states, 3));

	/* Without points before what cannot be preempted, those after do. */
	assert_int_equal(0, lost(&preemption_is_off,
				 (NEEDED & ~WORDS_BEFORE_OFF) |
				 WORDS_AFTER_ACCESS, 0, 1));
}

/* === No bug is missed === */

struct sums {
	uint64_t all, run;
};

static void check_search(const char *name, unsigned long number,
			 const struct words_program *program,
			 unsigned int bound, struct sums *sums)
{
	struct bounded_config config = {
		.nactors = program->nactors, .max_preemptions = bound,
	};
	struct words_policy policy = { .points = NEEDED };
	struct bounded_stats stats;
	unsigned int i;

	everywhere(&truth, program, bound);
	policy.watched = truth.shared;
	policy.racy = truth.racy;
	for (i = 0; i < 2; i++) {
		config.prune = i;
		by_search(&seen, &stats, program, &policy, &config);
		if (not_found(&seen, &truth) || not_found(&truth, &seen)) {
			words_print(program);
			fail_msg("%s %lu, bound %u, %s: %u of %u outcomes",
				 name, number, bound,
				 config.prune ? "pruned" : "not pruned",
				 not_found(&seen, &truth), truth.n);
		}
		/* It saw all that is shared, and nothing else. */
		assert_int_equal(truth.shared, seen.shared);
		assert_int_equal(truth.racy, seen.racy);
		*(i ? &sums->run : &sums->all) += stats.schedules;
	}
}

static void no_bug_on_any_word_is_missed(void **state)
{
	unsigned long i, n = words_programs();
	struct words_program program;
	struct sums sums = {};
	unsigned int bound;

	for (i = 0; i < NR_HAND_WRITTEN; i++)
		for (bound = 0; bound <= 3; bound++)
			check_search(programs[i].name, 0, programs[i].program,
				     bound, &sums);
	for (i = 0; i < n; i++) {
		words_random(&program, i);
		check_search("program", i, &program, 1 + i % 2, &sums);
	}
	print_message("%lu programs: %lu of %lu schedules\n", n, sums.run,
		      sums.all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_before_what_others_notice_are_enough),
		cmocka_unit_test(all_of_these_points_are_needed),
		cmocka_unit_test(no_bug_on_any_word_is_missed),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}

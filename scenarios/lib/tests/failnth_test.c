// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: which allocation fails when.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/internal.h"

#define SITE(_actor, _call, _nth, _stack)				\
	{ .actor = _actor, .call = _call, .nth = _nth, .stack = _stack, .again = 1 }

/* Two actors: one with two calls, between which the other has its only one. */
static const struct nslab_site sites[] = {
	SITE(0, 1, 1, 11), SITE(0, 1, 2, 12), SITE(1, 1, 1, 13),
	SITE(0, 2, 1, 11),
};

static const unsigned int ncalls[SCENARIO_MAX_ACTORS] = { 2, 1 };

static void count(unsigned int setups)
{
	unsigned int i;

	assert_int_equal(0, failnth_start(setups));
	for (i = 0; i < setups; i++)
		assert_int_equal(0, failnth_counted(i, sites, 4, ncalls));
}

static void check(uint64_t n, unsigned int actor, unsigned int call,
		  uint64_t stack)
{
	const struct nslab_site *aim = failnth_aim(n);

	assert_non_null(aim);
	assert_int_equal(actor, aim->actor);
	assert_int_equal(call, aim->call);
	assert_int_equal(stack, aim->stack);
}

static void each_call_is_gone_through(void **state)
{
	count(1);
	assert_int_equal(4 + 3, failnth_round());
	check(1, 0, 1, 11);
	check(2, 0, 1, 12);
	/* Then one execution in which the call meets no failure. */
	check(3, 0, 1, 0);
	check(4, 0, 2, 11);
	check(5, 0, 2, 0);
	check(6, 1, 1, 13);
	check(7, 1, 1, 0);
}

static void setups_take_turns(void **state)
{
	static const unsigned int one[SCENARIO_MAX_ACTORS] = { 1 };

	count(2);
	assert_int_equal(0, failnth_counted(1, sites + 3, 0, one));
	assert_int_equal(2 * 7, failnth_round());
	check(1, 0, 1, 11);
	check(2, 0, 1, 0);
	check(3, 0, 1, 12);
	check(4, 0, 1, 0);
}

/* However many lists of whatever length there are. */
static void every_round_has_all(void **state)
{
	unsigned int round, i, seen;

	count(3);
	assert_int_equal(0, failnth_counted(1, sites, 1, ncalls));
	for (round = 0; round < 3; round++) {
		uint64_t n = 1 + round * failnth_round();

		for (seen = 0, i = 0; i < failnth_round(); i++) {
			const struct nslab_site *aim = failnth_aim(n + i);

			if ((n + i - 1) % 3 == 2 && aim->stack)
				seen |= 1 << (aim->stack - 11 + 4 * (aim->call - 1));
		}
		assert_int_equal(0x17, seen);
	}
}

static void rounds_begin_elsewhere(void **state)
{
	count(1);
	assert_true(failnth_aim(1) != failnth_aim(8));
	assert_true(failnth_aim(8) != failnth_aim(15));
	/* What depends on n does so however it is come to. */
	assert_true(failnth_aim(8) == failnth_aim(8));
}

static void without_marked_calls_nothing_is_aimed_at(void **state)
{
	static const unsigned int none[SCENARIO_MAX_ACTORS];

	assert_int_equal(0, failnth_start(2));
	assert_int_equal(0, failnth_counted(0, sites, 0, none));
	assert_int_equal(0, failnth_counted(1, sites, 0, none));
	assert_int_equal(0, failnth_round());
	assert_null(failnth_aim(1));
}

static void what_comes_once_in_a_while_is_left_out(void **state)
{
	struct nslab_site first[] = {
		SITE(0, 1, 1, 11), SITE(0, 1, 2, 99), SITE(0, 1, 3, 12),
	};
	/* The number in the call shifts, and the second from a place counts. */
	const struct nslab_site second[] = {
		SITE(0, 1, 1, 11), SITE(0, 1, 2, 12), SITE(0, 2, 1, 99),
		{ .actor = 0, .call = 1, .nth = 3, .stack = 99, .again = 2 },
	};

	assert_int_equal(2, failnth_both(first, 3, second, 4));
	assert_int_equal(11, first[0].stack);
	assert_int_equal(12, first[1].stack);
	assert_int_equal(0, failnth_both(first, 2, second, 0));
}

static void what_was_seen_is_known(void **state)
{
	struct nslab_site site = SITE(0, 1, 1, 11);
	unsigned int i;

	count(1);
	assert_true(failnth_is_new(0, &site));
	assert_false(failnth_is_new(0, &site));
	site.nth = 7;
	assert_false(failnth_is_new(0, &site));
	assert_true(failnth_is_new(1, &site));
	site.again = 2;
	assert_true(failnth_is_new(0, &site));
	site.call = 2;
	assert_true(failnth_is_new(0, &site));
	site.actor = 1;
	assert_true(failnth_is_new(0, &site));
	/* However many there are. */
	for (i = 0; i < 5000; i++) {
		site.stack = 1000 + i;
		assert_true(failnth_is_new(0, &site));
	}
	for (i = 0; i < 5000; i++) {
		site.stack = 1000 + i;
		assert_false(failnth_is_new(0, &site));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_is_gone_through),
		cmocka_unit_test(setups_take_turns),
		cmocka_unit_test(every_round_has_all),
		cmocka_unit_test(rounds_begin_elsewhere),
		cmocka_unit_test(without_marked_calls_nothing_is_aimed_at),
		cmocka_unit_test(what_comes_once_in_a_while_is_left_out),
		cmocka_unit_test(what_was_seen_is_known),
	};

	return cmocka_run_group_tests_name("failnth", tests, NULL, NULL);
}

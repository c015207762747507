// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: reading plans.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/internal.h"

static struct plan plan;
static char error[256];

static int parse(const char *text)
{
	static char copy[8192];

	error[0] = '\0';
	snprintf(copy, sizeof(copy), "%s", text);
	return plan_parse(&plan, copy, error, sizeof(error));
}

static void whole_plan(void **state)
{
	assert_int_equal(0, parse("scenario=a-b\nseed=0xffffffffffffffff\n"
				  "first=7\ncount=9\ntrace=1\nstrategy=none\n"
				  "token=T.1\ntimeout_ms=5\n"
				  "knob=failslab/probability=10\n"
				  "knob=x/y=Y\n"));
	assert_string_equal("a-b", plan.scenario);
	assert_true(plan.seed == UINT64_MAX);
	assert_int_equal(7, plan.first);
	assert_int_equal(9, plan.count);
	assert_true(plan.trace);
	assert_string_equal("none", plan.strategy);
	assert_string_equal("T.1", plan.token);
	assert_int_equal(5, plan.timeout_ms);
	assert_int_equal(2, plan.nknobs);
	assert_string_equal("failslab/probability=10", plan.knobs[0]);
}

static void empty_lines_and_no_last_newline(void **state)
{
	assert_int_equal(0, parse("\n\nscenario=x\n\ncount=3"));
	assert_int_equal(3, plan.count);
}

static void errors_name_line_and_key(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "scenario=x\nnonsense\n", "plan:2: no '=' in \"nonsense\"" },
		{ "sceanrio=x\n", "plan:1: bad sceanrio \"x\"" },
		{ "scenario=\n", "plan:1: bad scenario \"\"" },
		{ "scenario=x\ncount=-1\n", "plan:2: bad count \"-1\"" },
		{ "scenario=x\ncount=1z\n", "plan:2: bad count \"1z\"" },
		{ "seed=18446744073709551616\n",
		  "plan:1: bad seed \"18446744073709551616\"" },
		{ "trace=2\n", "plan:1: bad trace \"2\"" },
		{ "knob=failslab\n", "plan:1: bad knob \"failslab\"" },
		{ "count=1\n", "plan: names no scenario" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(-1, parse(bad[i].text));
		assert_string_equal(bad[i].error, error);
	}
}

static void of_a_long_line_the_beginning_is_shown(void **state)
{
	char text[1024], shown[128];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(-1, parse(text));
	snprintf(shown, sizeof(shown), "plan:1: no '=' in \"%.80s\"", text);
	assert_string_equal(shown, error);
}

static void what_strategies_need(void **state)
{
	assert_int_equal(0, parse("scenario=a\nstrategy=bounded\ndepth=3\n"
				  "length=400\npreemptions=2\nunnamed=1\n"
				  "failures=a3\nschedule=0\nschedule=a1b\n"));
	assert_int_equal(3, plan.depth);
	assert_int_equal(400, plan.length);
	assert_int_equal(2, plan.preemptions);
	assert_true(plan.unnamed);
	assert_false(plan.all_points);
	assert_false(plan.shared);
	assert_false(plan.unpruned);
	assert_false(plan.measure);
	assert_string_equal("a3", plan.failures);
	assert_int_equal(2, plan.nschedules);
	assert_string_equal("a1b", plan.schedules[1]);
}

static void what_is_shared_is_watched(void **state)
{
	assert_int_equal(0, parse("scenario=a\nall_points=1\n"
				  "knob=nslab/watch=shared\n"));
	assert_true(plan.all_points);
	assert_false(plan.reuse);
	assert_true(plan.shared);
	assert_int_equal(1, plan.nknobs);
	assert_int_equal(0, parse("scenario=a\nknob=nslab/watch=shared_x:0:8\n"));
	assert_false(plan.shared);
	assert_int_equal(-1, parse("scenario=a\nall_points=2\n"));
	assert_int_equal(0, parse("scenario=a\nreuse=1\n"));
	assert_true(plan.reuse);
}

static void too_many_schedules(void **state)
{
	static char text[16 * (PLAN_MAX_SCHEDULES + 2)];
	int i;

	strcpy(text, "scenario=a\n");
	for (i = 0; i < PLAN_MAX_SCHEDULES + 1; i++)
		strcat(text + strlen(text), "schedule=0\n");
	assert_int_equal(-1, plan_parse(&plan, text, error, sizeof(error)));
	assert_string_equal("plan:4098: bad schedule \"0\"", error);
}

static void too_many_knobs(void **state)
{
	char text[16 * (PLAN_MAX_KNOBS + 2)] = "";
	int i;

	for (i = 0; i <= PLAN_MAX_KNOBS; i++)
		strcat(text, "knob=a/b=1\n");
	assert_int_equal(-1, parse(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_plan),
		cmocka_unit_test(empty_lines_and_no_last_newline),
		cmocka_unit_test(errors_name_line_and_key),
		cmocka_unit_test(of_a_long_line_the_beginning_is_shown),
		cmocka_unit_test(what_strategies_need),
		cmocka_unit_test(what_is_shared_is_watched),
		cmocka_unit_test(too_many_schedules),
		cmocka_unit_test(too_many_knobs),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}

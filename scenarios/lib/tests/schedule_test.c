// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: schedules as text.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/internal.h"

static struct schedule schedule;
static char text[SCHEDULE_TEXT_MAX];

static void there_and_back(void **state)
{
	static const char * const texts[] = {
		"0", "a1b", "z0b", "z0ba12bb3a", "0-a7", "a65535h-h65535a1",
	};
	unsigned int i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(0, schedule_parse(&schedule, texts[i]));
		assert_string_equal(texts[i], schedule_text(text, &schedule));
	}
}

static void parts_mean_what_they_say(void **state)
{
	assert_int_equal(0, schedule_parse(&schedule, "z0ba12c-b7"));
	assert_int_equal(2, schedule.nswitches);
	assert_int_equal(NSLAB_NOBODY, schedule.switches[0].at);
	assert_int_equal(1, schedule.switches[0].next);
	assert_int_equal(0, schedule.switches[1].at);
	assert_int_equal(12, schedule.switches[1].local);
	assert_int_equal(2, schedule.switches[1].next);
	assert_int_equal(1, schedule.nfailures);
	assert_int_equal(1, schedule.failures[0].actor);
	assert_int_equal(7, schedule.failures[0].nth);
}

static void what_is_none_is_refused(void **state)
{
	static const char * const texts[] = {
		"a", "a1", "1b", "a1z", "a1i", "i1a", "a65536b", "00", "0a1b",
		"a1b-", "a1b-a", "a1b-1", "a1b-z1", "a1b a2b", "a-1b", "A1b",
	};
	unsigned int i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!schedule_parse(&schedule, texts[i]))
			fail_msg("\"%s\" was taken", texts[i]);
}

static void too_many_are_refused(void **state)
{
	static char many[4 * NSLAB_MAX_SWITCHES + 8];
	int i;

	for (i = 0; i < NSLAB_MAX_SWITCHES; i++)
		strcat(many, "a1b");
	assert_int_equal(0, schedule_parse(&schedule, many));
	strcat(many, "a1b");
	assert_int_not_equal(0, schedule_parse(&schedule, many));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(parts_mean_what_they_say),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(too_many_are_refused),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}

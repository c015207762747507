// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: what the program says of its scenarios.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/internal.h"

SCENARIO("one", "a \"scenario\" with everything");

SUBJECT("widgets");
INPUTS(3);
REACHES("find_widget", "widget_commit");

STATE {
	int unused;
};

ACTOR(reader, KEPT)
{
}

ACTOR(target, FRESH)
{
}

static struct scenario two = {
	.name = "two", .given = 3, .about = "says nothing", .file = "two.c",
};

static char *listed(void)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	json_list(file);
	fclose(file);
	return text;
}

static void scenarios_say_what_they_reach(void **state)
{
	static const char expected[] =
		"{\"scenarios\":["
		"{\"name\":\"one\","
		"\"about\":\"a \\\"scenario\\\" with everything\","
		"\"subject\":\"widgets\","
		"\"file\":\"lib/tests/json_test.c\","
		"\"actors\":[\"reader\",\"target\"],\"inputs\":3,"
		"\"reaches\":[\"find_widget\",\"widget_commit\"]},"
		"{\"name\":\"two\",\"about\":\"says nothing\","
		"\"subject\":\"\",\"file\":\"two.c\","
		"\"actors\":[],\"inputs\":1,\"reaches\":[]}"
		"],\"strategies\":[";
	char *text = listed();

	assert_memory_equal(expected, text, strlen(expected));
	free(text);
}

static void the_list_is_one_line(void **state)
{
	char *text = listed();

	assert_ptr_equal(text + strlen(text) - 1, strchr(text, '\n'));
	assert_non_null(strstr(text, "{\"name\":\"bounded\""));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_say_what_they_reach),
		cmocka_unit_test(the_list_is_one_line),
	};

	scenario_register(&two);
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

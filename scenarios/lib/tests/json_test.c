// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: what the program says of its scenarios, and the writer of JSON.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/internal.h"
#include "lib/protocol/json.h"

SCENARIO("one", "a \"scenario\" with everything");

SUBJECT("widgets");
INPUTS(3);
CARRIES_ON();
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
		"\"carries_on\":true,"
		"\"reaches\":[\"find_widget\",\"widget_commit\"]},"
		"{\"name\":\"two\",\"about\":\"says nothing\","
		"\"subject\":\"\",\"file\":\"two.c\","
		"\"actors\":[],\"inputs\":1,"
		"\"carries_on\":false,\"reaches\":[]}"
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

static void values_are_escaped_and_parted_by_commas(void **state)
{
	struct json json = json_growing();

	json_event(&json, "x");
	json_string(&json, "text", "a \"b\" \\ \n");
	json_string(&json, "none", NULL);
	json_open(&json, "list", '[');
	json_number(&json, NULL, UINT64_MAX);
	json_open(&json, NULL, '{');
	json_close(&json, '}');
	json_close(&json, ']');
	json_signed(&json, "less", -1);
	json_hash(&json, "hash", 0xab);
	json_bool(&json, "bool", false);
	json_end(&json);
	assert_string_equal("{\"event\":\"x\""
			    ",\"text\":\"a \\\"b\\\" \\\\ \\u000a\""
			    ",\"none\":null"
			    ",\"list\":[18446744073709551615,{}]"
			    ",\"less\":-1"
			    ",\"hash\":\"00000000000000ab\""
			    ",\"bool\":false}\n", json.buf);
	free(json.buf);
}

static void nothing_is_written_behind_the_buffer(void **state)
{
	char buf[24];
	size_t size;

	for (size = 1; size < sizeof(buf); size++) {
		struct json json = json_line(memset(buf, '#', sizeof(buf)), size);

		json_event(&json, "a long word");
		json_end(&json);
		assert_true(strlen(buf) < size);
		assert_int_equal('#', buf[size]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_say_what_they_reach),
		cmocka_unit_test(the_list_is_one_line),
		cmocka_unit_test(values_are_escaped_and_parted_by_commas),
		cmocka_unit_test(nothing_is_written_behind_the_buffer),
	};

	scenario_register(&two);
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

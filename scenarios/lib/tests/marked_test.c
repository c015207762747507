// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: marked calls, from the scenario to the results, with a toy in the
 * kernel's place. It makes two calls that ask for memory as often as it is told.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/internal.h"
#include "lib/tests/test_group.h"

#define MAX_SITES	64

/* What a task has, as the toy kernel sees it. */
enum { SHAPE, COLOUR, WHEELS, NR_ATTRIBUTES };

static struct toy {
	volatile int go[2], done[2];
	int allocations;	/* of each call */
	int err;		/* of a call that fails; 0: it goes on */
	bool rare;		/* one more, but not while it is counted */
	struct nslab_attributes changed;	/* what is added after a failure */
	bool no_look, more_sites, many_calls;
	struct nslab_attributes has;
	struct nslab_run run;
	struct nslab_site sites[MAX_SITES];
	unsigned int nsites, first, hidden;
	uint64_t told;
	int refuses, refusal;	/* with which errno, 0: not at all */
	bool surprise;		/* @rare fails without being aimed at */
	bool loses;		/* memory, whenever an allocation fails */
	bool one_failed;
	unsigned int repetitions;
	int may;		/* change: its colour; 2: what is no attribute */
} *toy;

SCENARIO("toy", "a toy");

STATE {
	int unused;
};

INPUTS(2);

static bool is_aim(const struct nslab_site *site)
{
	const struct nslab_site *aim = &toy->run.aim;

	return !(toy->run.flags & NSLAB_RUN_WARM_UP) &&
	       aim->stack == site->stack && aim->actor == site->actor &&
	       aim->call == site->call && aim->again == site->again;
}

static void add_changes(void)
{
	int i;

	for (i = 0; i < NR_ATTRIBUTES; i++)
		toy->has.values[i] += toy->changed.values[i];
}

/* As the kernel would, if it was asked by this actor. */
static bool allocate(int actor, uint64_t stack, int nth)
{
	struct nslab_site *site = &toy->sites[toy->nsites++];

	*site = (struct nslab_site) {
		.actor = actor, .call = shared->calls.actors[actor].call,
		.nth = nth, .stack = stack, .again = 1,
	};
	site->failed = is_aim(site) ||
		       (toy->surprise && stack == 999 &&
			!(toy->run.flags & NSLAB_RUN_REPEATED));
	if (site->failed) {
		toy->one_failed = true;
		shared->calls.actors[actor].failures++;
		add_changes();
	}
	return site->failed;
}

static int call(int actor)
{
	int i;

	if (!shared->calls.actors[actor].call)
		return 0;
	if (toy->rare && !(toy->run.flags & NSLAB_RUN_WARM_UP))
		allocate(actor, 999, 1);
	for (i = 1; i <= toy->allocations; i++)
		if (allocate(actor, 100 + i, i) && toy->err) {
			errno = toy->err;
			return -1;
		}
	return 0;
}

static int refuse(void)
{
	errno = toy->refusal;
	toy->has.values[SHAPE] += toy->changed.values[SHAPE];
	return errno ? -1 : 0;
}

ACTOR(first, KEPT)
{
	int i;

	if (toy->refuses) {
		REFUSED(refuse(), EPERM, ENOMEM);
		return;
	}

	if (toy->may) {
		REQUIRE(MARKED_CHANGES(call(0), CHANGES(toy->may == 1 ?
							"its colour is another one" :
							"its taste is another one",
							"it has # wheels"), ENOMEM));
		return;
	}
	REQUIRE(MARKED(call(0), ENOMEM, ENOSPC));
	REQUIRE(MARKED_AS("the other call", call(0), ENOMEM));
	for (i = 0; toy->many_calls && i < MARKED_MAX_CALLS; i++)
		MARKED(0, ENOMEM);
}

ACTOR(second, FRESH)
{
	REQUIRE(MARKED(call(1), ENOMEM));
}

/* Whoever is no actor makes its calls as if they were not marked. */
CHECK()
{
	ASSERT_EQ(-7, MARKED(-7, EIO));
}

/* === The toy === */

static char lines[65536];

static int toy_join(unsigned int index, const char *name)
{
	while (!toy->go[index])
		usleep(100);
	toy->go[index] = 0;
	return 0;
}

static int toy_leave(void)
{
	toy->done[getpid() == shared->pids[0] ? 0 : 1] = 1;
	return 0;
}

static int toy_run(struct nslab_run *run)
{
	int i, j;

	toy->run = *run;
	toy->nsites = 0;
	toy->one_failed = false;
	toy->repetitions += !!(run->flags & NSLAB_RUN_REPEATED);
	toy->first |= 1 << run->first;
	for (j = 0; j < 2; j++) {
		i = j ^ run->first;
		toy->done[i] = 0;
		toy->go[i] = 1;
		while (!toy->done[i])
			usleep(100);
	}
	run->points = 5;
	run->nsites = toy->nsites;
	run->status = toy->more_sites ? NSLAB_STATUS_MORE_SITES : 0;
	return 0;
}

static int toy_next(unsigned int index, const char *name)
{
	return toy_leave() ?: toy_join(index, name);
}

static int toy_release(struct nslab_release *release)
{
	release->grown = toy->loses && toy->one_failed;
	return 0;
}

static int toy_heap(struct nslab_heap *heap)
{
	heap->n = toy->loses &&
		  (toy->one_failed || heap->command >= NSLAB_HEAP_LEFT);
	snprintf(heap->text, sizeof(heap->text), "kmalloc-8 +1");
	return 0;
}

static int toy_count(struct nslab_counters *counters)
{
	counters->n = 0;
	memset(counters->values, 0, sizeof(counters->values));
	return 0;
}

static int toy_subject(struct nslab_subject_info *info)
{
	if (info->index)
		return -1;
	info->number = 1;
	info->nattributes = NR_ATTRIBUTES;
	strcpy(info->attributes[SHAPE].about, "its shape is another one");
	strcpy(info->attributes[COLOUR].about, "its colour is another one");
	info->attributes[WHEELS].kind = NSLAB_IS_COUNT;
	strcpy(info->attributes[WHEELS].about, "it has # wheels");
	return 0;
}

static int toy_settle(void)
{
	return 0;
}

static int toy_faults(void)
{
	return 1;
}

static void toy_emit(const char *line)
{
	strcat(lines, line);
}

static int toy_calls(struct nslab_calls *calls)
{
	return calls == &shared->calls ? 0 : -1;
}

static int toy_sites(struct nslab_site *sites)
{
	memcpy(sites, toy->sites, toy->nsites * sizeof(*sites));
	return 0;
}

static int toy_report(uint64_t stack)
{
	toy->told += stack;
	return 0;
}

static int toy_attributes(struct nslab_attributes *attributes)
{
	int i;

	/* Whoever looks is hidden meanwhile. */
	for (i = 0; i < 2; i++)
		toy->hidden += shared->calls.actors[i].hidden;
	*attributes = toy->has;
	attributes->n = NR_ATTRIBUTES;
	return toy->no_look ? -1 : 0;
}

static const struct control control = {
	.join = toy_join, .leave = toy_leave, .next = toy_next, .run = toy_run,
	.faults = toy_faults, .emit = toy_emit, .release = toy_release,
	.count = toy_count, .settle = toy_settle, .calls = toy_calls,
	.sites = toy_sites, .report = toy_report,
	.attributes = toy_attributes, .subject = toy_subject,
	.heap = toy_heap,
};

static int explored(bool fail_nth, uint64_t first, uint64_t count)
{
	struct plan plan = {
		.strategy = "none", .first = first, .count = count, .seed = 1,
		.timeout_ms = 1000, .token = "T", .fail_nth = fail_nth,
	};

	return explore(&plan, scenario_find("toy"), &control);
}

static int before(void **state)
{
	begin_group();
	toy = map_for_all(sizeof(*toy));
	toy->allocations = 2;
	toy->err = ENOMEM;
	lines[0] = '\0';
	return 0;
}

static int times(const char *what)
{
	const char *at = lines;
	int n = 0;

	while ((at = strstr(at, what))) {
		n++;
		at++;
	}
	return n;
}

#define assert_told(what)	assert_non_null(strstr(lines, what))

/* === Tests === */

/* Three calls of two allocations, and two inputs, and each actor starts. */
#define ROUND	(4 * (3 * 2 + 3))

static void each_allocation_fails_once(void **state)
{
	assert_int_equal(0, explored(true, 1, ROUND));
	assert_told("{\"event\":\"round\",\"executions\":36,\"points\":5}");
	assert_int_equal(ROUND, times("\"event\":\"execution\""));
	assert_int_equal(4 * 3 * 2, times("\"event\":\"site\""));
	assert_int_equal(4 * 3 * 2, times("\"counted\":true"));
	assert_int_equal(4 * 3 * 2, times("\"errno\":\"ENOMEM\""));
	assert_int_equal(4 * 3, times("\"refused\":null"));
	/* Each place is told when it is counted, and when it fails. */
	assert_int_equal(2 * 4 * 3, times("\"stack\":\"0000000000000066\""));
	assert_int_equal(3, toy->first);
	assert_int_equal(0, times("\"verdict\":\"fail\""));
	assert_told("\"name\":\"call(0)\"");
	assert_told("\"name\":\"the other call\"");
	assert_told("\"actor\":\"second\",\"call\":1,\"name\":\"call(1)\"");
	assert_int_equal(4 * 3 * (101 + 102), toy->told);
}

static void any_part_of_the_plan_is_the_same(void **state)
{
	const char *line;

	assert_int_equal(0, explored(true, 7, 1));
	line = strstr(lines, "{\"event\":\"execution\"");
	assert_non_null(line);
	assert_non_null(strstr(line, "\"n\":7,"));
	/* The second turn of the third set-up. */
	assert_non_null(strstr(line, "\"actor\":\"first\",\"call\":1"));
	assert_non_null(strstr(line, "\"stack\":\"0000000000000066\""));
}

static void other_profiles_mark_nothing(void **state)
{
	assert_int_equal(0, explored(false, 1, 3));
	assert_int_equal(0, times("site"));
	assert_int_equal(3, times("\"refused\":null"));
	assert_int_equal(0, toy->hidden);
}

static void whoever_looks_is_hidden(void **state)
{
	assert_int_equal(0, explored(true, 1, 1));
	assert_true(toy->hidden > 0);
}

static void a_call_may_do_without(void **state)
{
	toy->err = 0;
	toy->changed.values[SHAPE] = 1;
	assert_int_equal(0, explored(true, 1, 1));
	assert_told("\"errno\":null}");
	assert_int_equal(0, times("\"verdict\":\"fail\""));
}

static void a_wrong_errno_is_told(void **state)
{
	toy->err = EBADF;
	assert_int_equal(0, explored(true, 1, 1));
	assert_told("\"oracle\":\"assertion\"");
	assert_told("marked_test.c:");
	assert_told("call(0) failed with EBADF, which its manual page does not know");
	assert_told("\"errno\":\"EBADF\"");
}

static void errnos_belong_to_the_call(void **state)
{
	toy->err = ENOSPC;
	/* The first call knows it, the second does not. */
	assert_int_equal(0, explored(true, 1, 1));
	assert_int_equal(0, times("\"verdict\":\"fail\""));
	lines[0] = '\0';
	after(state);
	assert_int_equal(0, explored(true, 13, 1));
	assert_told("the other call failed with ENOSPC, which");
}

static void another_shape_is_told(void **state)
{
	toy->changed.values[SHAPE] = 1;
	assert_int_equal(0, explored(true, 1, 1));
	assert_told("call(0) failed with ENOMEM, but its shape is another one now");
}

static void another_thing_is_told(void **state)
{
	toy->changed.values[COLOUR] = 8;
	assert_int_equal(0, explored(true, 1, 1));
	assert_told("failed with ENOMEM, but its colour is another one now");
}

static void a_reference_is_told_if_nobody_else_runs(void **state)
{
	toy->changed.values[WHEELS] = -1;
	assert_int_equal(0, explored(true, 1, 1));
	assert_int_equal(0, times("\"verdict\":\"fail\""));

	lines[0] = '\0';
	after(state);
	toy->has.quiet = 1;
	assert_int_equal(0, explored(true, 1, 1));
	assert_told("failed with ENOMEM, but it has -1 wheels now");
}

static void what_may_change_is_allowed(void **state)
{
	toy->may = 1;
	toy->changed.values[COLOUR] = 1;
	toy->changed.values[WHEELS] = 1;
	toy->has.quiet = 1;
	/* Nothing fails in the others' calls. */
	assert_int_equal(0, explored(true, 1, 1));
	assert_told("\"errno\":\"ENOMEM\"");
	assert_int_equal(0, times("\"verdict\":\"fail\""));

	lines[0] = '\0';
	after(NULL);
	toy->changed.values[SHAPE] = 1;
	assert_int_equal(0, explored(true, 1, 1));
	assert_told("call(0) failed with ENOMEM, but its shape is another one now");
}

static void what_may_change_has_to_be_there(void **state)
{
	toy->may = 2;
	assert_int_equal(0, explored(true, 1, 1));
	assert_told("no subject of this scenario has the attribute "
		    "\\\"its taste is another one\\\"");
}

static void what_nobody_counted_is_told(void **state)
{
	toy->rare = true;
	assert_int_equal(0, explored(true, 1, 1));
	assert_int_equal(1, times("\"stack\":\"00000000000003e7\""));
	assert_int_equal(1, times("\"counted\":false"));
}

static void lost_memory_is_told(void **state)
{
	toy->loses = true;
	assert_int_equal(0, explored(true, 1, ROUND));
	assert_int_equal(4 * 3 * 2, times("\"oracle\":\"leak\",\"message\":\"kmalloc-8 +1, "));
	assert_int_equal(4 * 3 * 2, times("\"errno\":\"ENOMEM\""));
	assert_int_equal(4 * 3 * 2 * (3 + 2), toy->repetitions);
	/* What repetitions ask for is not listed. */
	assert_int_equal(4 * 3 * 2, times("\"event\":\"site\""));
	assert_int_equal(ROUND, times("\"event\":\"execution\""));
}

/* It is what has failed that fails again, not what was to fail. */
static void what_failed_fails_again(void **state)
{
	toy->rare = true;
	toy->surprise = true;
	toy->loses = true;
	toy->err = 0;
	assert_int_equal(0, explored(true, 4, 1));
	assert_told("\"stack\":\"00000000000003e7\",\"errno\":null}");
	assert_told("\"message\":\"kmalloc-8 +1, in each of 3 repetitions\"");
	assert_int_equal(3 + 2, toy->repetitions);
}

static void after_a_failure_nothing_is_told(void **state)
{
	assert_int_equal(0, explored(true, 1, 1));
	/* It is the first allocation of all: what follows is another way. */
	assert_int_equal(1, times("\"event\":\"execution\""));
	assert_int_equal(0, times("\"counted\":false"));
}

static void too_much_is_the_labs_error(void **state)
{
	toy->more_sites = true;
	assert_int_not_equal(0, explored(true, 1, 1));
	assert_told("allocations in marked calls\"}");
}

static void too_many_calls_are_told(void **state)
{
	toy->many_calls = true;
	/* In which nothing fails in the first call. */
	assert_int_equal(0, explored(true, 9, 1));
	assert_told("more than 64 marked calls");
}

static void an_actor_that_cannot_look_is_told(void **state)
{
	toy->no_look = true;
	assert_int_equal(0, explored(true, 1, 1));
	assert_told("cannot look: ");
}

static void what_is_refused_changes_nothing(void **state)
{
	toy->refuses = 1;
	toy->refusal = EPERM;
	assert_int_equal(0, explored(false, 1, 1));
	assert_int_equal(0, times("\"verdict\":\"fail\""));

	lines[0] = '\0';
	after(state);
	toy->changed.values[SHAPE] = 1;
	assert_int_equal(0, explored(false, 1, 1));
	assert_told("refuse() failed with EPERM, but its shape is another one now");
}

static void what_is_not_refused_is_told(void **state)
{
	toy->refuses = 1;
	assert_int_equal(0, explored(false, 1, 1));
	assert_told("refuse() was not refused");

	lines[0] = '\0';
	after(state);
	toy->refusal = EBADF;
	assert_int_equal(0, explored(true, 1, 1));
	assert_told("refuse() failed with EBADF, which");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, before, after)
	const struct CMUnitTest tests[] = {
		TEST(each_allocation_fails_once),
		TEST(any_part_of_the_plan_is_the_same),
		TEST(other_profiles_mark_nothing),
		TEST(whoever_looks_is_hidden),
		TEST(a_call_may_do_without),
		TEST(a_wrong_errno_is_told),
		TEST(errnos_belong_to_the_call),
		TEST(another_shape_is_told),
		TEST(another_thing_is_told),
		TEST(a_reference_is_told_if_nobody_else_runs),
		TEST(what_may_change_is_allowed),
		TEST(what_may_change_has_to_be_there),
		TEST(what_nobody_counted_is_told),
		TEST(lost_memory_is_told),
		TEST(what_failed_fails_again),
		TEST(after_a_failure_nothing_is_told),
		TEST(too_much_is_the_labs_error),
		TEST(too_many_calls_are_told),
		TEST(an_actor_that_cannot_look_is_told),
		TEST(what_is_refused_changes_nothing),
		TEST(what_is_not_refused_is_told),
	};

	return cmocka_run_group_tests_name("marked", tests, NULL, NULL);
}

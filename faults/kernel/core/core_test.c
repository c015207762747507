// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of core/. No execution is under way while they run.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "calls.h"
#include "coverage.h"
#include "execution.h"
#include "locks.h"
#include "numbers.h"
#include "random.h"
#include "subject.h"
#include "trace.h"

extern struct nslab_named_point nslab_point_RCU_READ_LOCK, nslab_point_EXIT_NOTIFY;

static void calls_lie_within_a_page(struct kunit *test)
{
	unsigned long addr = PAGE_SIZE - sizeof(struct nslab_calls) + 1;

	KUNIT_EXPECT_EQ(test, nslab_calls_map(addr), -EINVAL);
	KUNIT_EXPECT_NULL(test, nslab_calls);
}

static void nobody_asks_outside_of_calls(struct kunit *test)
{
	struct nslab_actor *actor = &nslab_actors[2];
	unsigned int n;

	KUNIT_EXPECT_FALSE(test, nslab_calls_armed());
	KUNIT_EXPECT_FALSE(test, nslab_calls_alloc(actor, 0));
	KUNIT_EXPECT_EQ(test, actor->throws, 0);
	nslab_calls_sites(&n);
	KUNIT_EXPECT_EQ(test, n, 0);
	KUNIT_EXPECT_FALSE(test, nslab_calls_incomplete());
	KUNIT_EXPECT_NULL(test, nslab_stack_find(0));
	KUNIT_EXPECT_NULL(test, nslab_stack_find(42));
}

static void an_execution_counts_once(struct kunit *test)
{
	u64 before = nslab_point_EXIT_NOTIFY.executions;
	int i;

	for (i = 0; i < 3; i++) {
		nslab_coverage_begin(true);
		nslab_coverage_point(&nslab_point_EXIT_NOTIFY);
		nslab_coverage_point(&nslab_point_EXIT_NOTIFY);
	}
	KUNIT_EXPECT_EQ(test, nslab_point_EXIT_NOTIFY.executions,
			before + 3);
	/* One to warm up does not count, nor what comes before the next. */
	nslab_coverage_begin(false);
	nslab_coverage_point(&nslab_point_EXIT_NOTIFY);
	KUNIT_EXPECT_EQ(test, nslab_point_EXIT_NOTIFY.executions,
			before + 3);
}

static void readers_are_told_apart(struct kunit *test)
{
	static const char a, b, x, y;
	unsigned long at_a = (unsigned long)&a, at_b = (unsigned long)&b;
	unsigned long from_x = (unsigned long)&x, from_y = (unsigned long)&y;

	nslab_coverage_begin(true);
	nslab_coverage_place(at_a, from_x);
	nslab_coverage_place(at_a, from_y);
	nslab_coverage_place(at_b, from_x);
	nslab_coverage_begin(true);
	nslab_coverage_place(at_a, from_y);
	nslab_coverage_begin(false);
	nslab_coverage_place(at_b, from_y);
	KUNIT_EXPECT_EQ(test, nslab_coverage_of_place(at_a, 0), 2);
	KUNIT_EXPECT_EQ(test, nslab_coverage_of_place(at_a, from_x), 1);
	KUNIT_EXPECT_EQ(test, nslab_coverage_of_place(at_a, from_y), 2);
	KUNIT_EXPECT_EQ(test, nslab_coverage_of_place(at_b, 0), 1);
	KUNIT_EXPECT_EQ(test, nslab_coverage_of_place(at_b, from_y), 0);
}

static void too_many_readers_are_dropped(struct kunit *test)
{
	static const char places[100];
	int i;

	nslab_coverage_begin(true);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		nslab_coverage_place((unsigned long)&places[i], 1);
	KUNIT_EXPECT_EQ(test, nslab_coverage_of_place((unsigned long)places, 0), 1);
	KUNIT_EXPECT_EQ(test, nslab_coverage_of_place((unsigned long)&places[99], 0), 0);
	nslab_coverage_begin(false);
}

static void numbers_stand_for_addresses(struct kunit *test)
{
	static const char locks[NSLAB_MAX_NUMBER + 1];
	u16 first, second;
	int i;

	nslab_locks_begin();
	first = nslab_lock_number(&locks[0]);
	second = nslab_lock_number(&locks[1]);
	KUNIT_EXPECT_EQ(test, first, 1);
	KUNIT_EXPECT_EQ(test, second, 2);
	KUNIT_EXPECT_EQ(test, nslab_lock_number(&locks[0]), first);
	/* However many there are, it comes to an end. */
	for (i = 0; i < ARRAY_SIZE(locks); i++)
		nslab_lock_number(&locks[i]);
	KUNIT_EXPECT_EQ(test, nslab_lock_number(&locks[1]), second);
	KUNIT_EXPECT_EQ(test, nslab_lock_number(&locks[NSLAB_MAX_NUMBER]), 0);
	/* In the next execution they begin anew. */
	nslab_locks_begin();
	KUNIT_EXPECT_EQ(test, nslab_lock_number(&locks[1]), 1);
}

static void points_are_numbered(struct kunit *test)
{
	static const struct nslab_event event = {
		.flags = NSLAB_EVENT_IS_POINT,
	};
	struct nslab_actor *actor = &nslab_actors[3];
	unsigned int n;

	nslab_trace_reset();
	actor->points = 0;
	nslab_trace_point(actor, &event);
	nslab_trace_point(actor, &event);
	KUNIT_EXPECT_EQ(test, nslab_trace_events(&n)[1].local, 2);
	KUNIT_EXPECT_EQ(test, nslab_trace_events(&n)[1].actor, 3);
	KUNIT_EXPECT_EQ(test, n, 2);
	KUNIT_EXPECT_EQ(test, nslab_trace_points(), 2);
	KUNIT_EXPECT_FALSE(test, nslab_trace_truncated());
	nslab_trace_reset();
	actor->points = 0;
}

static void same_seed_same_numbers(struct kunit *test)
{
	struct nslab_actor a = {}, b = {};
	int i;

	nslab_seed_actor(&a, 42, 1);
	nslab_seed_actor(&b, 42, 1);
	for (i = 0; i < 100; i++)
		KUNIT_ASSERT_EQ(test, nslab_random_below(&a.rnd, 1000),
				nslab_random_below(&b.rnd, 1000));
}

static void actors_draw_different_numbers(struct kunit *test)
{
	struct nslab_actor a = {}, b = {};
	int i, same = 0;

	nslab_seed_actor(&a, 42, 1);
	nslab_seed_actor(&b, 42, 2);
	for (i = 0; i < 100; i++)
		same += nslab_random_below(&a.rnd, 1000) ==
			nslab_random_below(&b.rnd, 1000);
	KUNIT_EXPECT_LT(test, same, 5);
}

static void random_below_stays_below(struct kunit *test)
{
	u32 ceil, seen = 0;
	struct nslab_actor a = {};
	int i;

	nslab_seed_actor(&a, 7, 1);
	for (ceil = 1; ceil < 40; ceil++)
		for (i = 0; i < 50; i++)
			KUNIT_ASSERT_LT(test, nslab_random_below(&a.rnd, ceil),
					ceil);
	for (i = 0; i < 200; i++)
		seen |= 1 << nslab_random_below(&a.rnd, 8);
	KUNIT_EXPECT_EQ(test, seen, 0xff);
}

static void random_between_has_both_ends(struct kunit *test)
{
	bool low = false, high = false;
	struct nslab_actor a = {};
	int i;

	nslab_seed_actor(&a, 7, 1);
	for (i = 0; i < 200; i++) {
		u64 n = nslab_random_between(&a.rnd, 10, 13);

		KUNIT_ASSERT_GE(test, n, 10);
		KUNIT_ASSERT_LE(test, n, 13);
		low |= n == 10;
		high |= n == 13;
	}
	KUNIT_EXPECT_TRUE(test, low && high);
	KUNIT_EXPECT_EQ(test, nslab_random_between(&a.rnd, 5, 5), 5);
	/* A range the wrong way round is its lower end, not a long wait. */
	KUNIT_EXPECT_EQ(test, nslab_random_between(&a.rnd, 5, 4), 5);
}

static void hash_sees_every_field(struct kunit *test)
{
	static const struct nslab_event base = { .actor = 1 };
	struct nslab_event changed[] = {
		base, base, base, base, base, base, base,
		base, base, base, base, base, base, base,
	};
	u64 hash;
	int i;

	changed[0].kind = NSLAB_EVENT_FAULT;
	changed[1].actor = 2;
	changed[2].nesting = 1;
	changed[3].what = 1;
	changed[4].ip = 1;
	changed[5].delay_ns = 1;
	changed[6].flags = NSLAB_EVENT_IS_WRITE;
	changed[7].next = 1;
	changed[8].enabled = 1;
	changed[9].size = 1;
	changed[10].local = 1;
	changed[11].object = 1;
	changed[12].offset = 1;
	changed[13].value = 1;

	nslab_trace_reset();
	nslab_trace_add(&base);
	hash = nslab_trace_hash();
	for (i = 0; i < ARRAY_SIZE(changed); i++) {
		nslab_trace_reset();
		nslab_trace_add(&changed[i]);
		KUNIT_EXPECT_NE_MSG(test, nslab_trace_hash(), hash,
				    "field %d", i);
	}
	nslab_trace_reset();
	nslab_trace_add(&base);
	KUNIT_EXPECT_EQ(test, nslab_trace_hash(), hash);
	nslab_trace_add(&base);
	KUNIT_EXPECT_NE(test, nslab_trace_hash(), hash);
	nslab_trace_reset();
}

static void hash_sees_the_order(struct kunit *test)
{
	static const struct nslab_event a = { .actor = 1 }, b = { .actor = 2 };
	u64 hash;

	nslab_trace_reset();
	nslab_trace_add(&a);
	nslab_trace_add(&b);
	hash = nslab_trace_hash();
	nslab_trace_reset();
	nslab_trace_add(&b);
	nslab_trace_add(&a);
	KUNIT_EXPECT_NE(test, nslab_trace_hash(), hash);
	nslab_trace_reset();
}

static void points_have_names_of_their_own(struct kunit *test)
{
	struct nslab_named_point *const *a, *const *b;

	nslab_for_each(a, nslab_points) {
		KUNIT_ASSERT_NOT_NULL(test, (*a)->name);
		KUNIT_EXPECT_STREQ(test, (*a)->name,
				   nslab_point_name((*a)->number));
		nslab_for_each(b, nslab_points) {
			if (a == b)
				continue;
			KUNIT_EXPECT_STRNEQ(test, (*a)->name, (*b)->name);
			KUNIT_EXPECT_NE(test, (*a)->number, (*b)->number);
		}
	}
	KUNIT_EXPECT_NULL(test, nslab_point_name(NSLAB_MAX_POINTS - 1));
}

static void only_actors_stop(struct kunit *test)
{
	u64 hits = nslab_point_RCU_READ_LOCK.hits;

	KUNIT_ASSERT_NULL(test, current->nslab);
	rcu_read_lock();
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, nslab_point_RCU_READ_LOCK.hits, hits);
	KUNIT_EXPECT_EQ(test, nslab_actor_leave(true), -EINVAL);
}

static void requests_are_checked(struct kunit *test)
{
	struct nslab_join join = { .index = NSLAB_MAX_ACTORS, .name = "x" };
	struct nslab_run run = { .timeout_ns = 1 };

	KUNIT_EXPECT_EQ(test, nslab_actor_join(&join), -EINVAL);
	KUNIT_EXPECT_EQ(test, nslab_execute(&run), -EINVAL);
	run.nactors = NSLAB_MAX_ACTORS + 1;
	KUNIT_EXPECT_EQ(test, nslab_execute(&run), -EINVAL);
	run.nactors = 1;
	run.flags = ~0;
	KUNIT_EXPECT_EQ(test, nslab_execute(&run), -EINVAL);
	run.flags = 0;
	run.strategy = NSLAB_NR_STRATEGIES;
	KUNIT_EXPECT_EQ(test, nslab_execute(&run), -EINVAL);
	run.strategy = 0;
	run.nswitches = NSLAB_MAX_SWITCHES + 1;
	KUNIT_EXPECT_EQ(test, nslab_execute(&run), -EINVAL);
	run.nswitches = 0;
	run.nfailures = NSLAB_MAX_FAILURES + 1;
	KUNIT_EXPECT_EQ(test, nslab_execute(&run), -EINVAL);
	run.nfailures = 0;
	run.first = 1;
	KUNIT_EXPECT_EQ(test, nslab_execute(&run), -EINVAL);
	run.first = 0;
	run.timeout_ns = 0;
	KUNIT_EXPECT_EQ(test, nslab_execute(&run), -EINVAL);
}

static void only_the_subjects_asked_for_are_counted(struct kunit *test)
{
	struct nslab_counters *counters;
	struct nslab_subject_info *info;
	unsigned int n = 0;

	counters = kunit_kzalloc(test, sizeof(*counters), GFP_KERNEL);
	info = kunit_kzalloc(test, sizeof(*info), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, counters);
	KUNIT_ASSERT_NOT_NULL(test, info);
	nslab_count(counters);
	KUNIT_EXPECT_EQ(test, counters->n, 0);
	for (; !nslab_describe_subject(info); info->index++) {
		counters->subjects = 1U << info->number;
		nslab_count(counters);
		KUNIT_EXPECT_EQ(test, counters->n, info->ncounters);
		n += info->ncounters;
	}
	KUNIT_EXPECT_GT(test, info->index, 0);
	counters->subjects = ~0;
	nslab_count(counters);
	KUNIT_EXPECT_EQ(test, counters->n, n);
}

static struct kunit_case nslab_core_cases[] = {
	KUNIT_CASE(calls_lie_within_a_page),
	KUNIT_CASE(nobody_asks_outside_of_calls),
	KUNIT_CASE(an_execution_counts_once),
	KUNIT_CASE(readers_are_told_apart),
	KUNIT_CASE(too_many_readers_are_dropped),
	KUNIT_CASE(numbers_stand_for_addresses),
	KUNIT_CASE(points_are_numbered),
	KUNIT_CASE(same_seed_same_numbers),
	KUNIT_CASE(actors_draw_different_numbers),
	KUNIT_CASE(random_below_stays_below),
	KUNIT_CASE(random_between_has_both_ends),
	KUNIT_CASE(hash_sees_every_field),
	KUNIT_CASE(hash_sees_the_order),
	KUNIT_CASE(points_have_names_of_their_own),
	KUNIT_CASE(only_actors_stop),
	KUNIT_CASE(requests_are_checked),
	KUNIT_CASE(only_the_subjects_asked_for_are_counted),
	{}
};

static struct kunit_suite nslab_core_suite = {
	.name = "nslab-core",
	.test_cases = nslab_core_cases,
};

kunit_test_suite(nslab_core_suite);

MODULE_LICENSE("GPL");

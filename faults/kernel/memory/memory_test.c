// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of memory/. No execution is under way while they run.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <../mm/kasan/kasan.h>
#include "../hooks.h"
#include "shadow.h"

static void marks_are_no_values_of_kasan(struct kunit *test)
{
	static const u8 values[] = {
		0, 1, 7, KASAN_PAGE_FREE, KASAN_PAGE_REDZONE,
		KASAN_SLAB_REDZONE, KASAN_SLAB_FREE, KASAN_VMALLOC_INVALID,
		KASAN_SLAB_FREE_META, KASAN_GLOBAL_REDZONE, KASAN_STACK_LEFT,
		KASAN_STACK_MID, KASAN_STACK_RIGHT, KASAN_STACK_PARTIAL,
		KASAN_ALLOCA_LEFT, KASAN_ALLOCA_RIGHT,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(values); i++)
		KUNIT_EXPECT_EQ(test, nslab_shadow(values[i]), (s8)values[i]);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, nslab_shadow(NSLAB_SHADOW_MARK | i), i);
}

static void marks_leave_to_kasan_what_is_its(struct kunit *test)
{
	char *p = kmalloc(13, GFP_KERNEL), copy[13];

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_FALSE(test, nslab_marked(p));
	nslab_mark(p, 24);
	KUNIT_EXPECT_TRUE(test, nslab_marked(p));
	KUNIT_EXPECT_TRUE(test, nslab_marked(p + 12));
	/* The redzone is none of its memory. */
	KUNIT_EXPECT_FALSE(test, nslab_marked(p + 16));
	KUNIT_EXPECT_PTR_EQ(test, nslab_first_marked(p + 1, 24), (void *)p + 1);
	KUNIT_EXPECT_NULL(test, nslab_first_marked(p + 16, 8));
	/* All between the two is redzone, or some other object. */
	KUNIT_EXPECT_NULL(test, nslab_first_marked(p + 16, LONG_MAX));

	KUNIT_EXPECT_NULL(test, nslab_first_bad(p, 13));
	KUNIT_EXPECT_NULL(test, nslab_first_bad(p + 12, 1));
	KUNIT_EXPECT_NULL(test, nslab_first_bad(p + 7, 2));
	KUNIT_EXPECT_PTR_EQ(test, nslab_first_bad(p, 14), (void *)p + 8);
	KUNIT_EXPECT_NOT_NULL(test, nslab_first_bad(p + 12, 2));
	KUNIT_EXPECT_NOT_NULL(test, nslab_first_bad(p + 13, 1));
	KUNIT_EXPECT_NOT_NULL(test, nslab_first_bad(p + 16, 1));
	/* KASAN has nothing against it either, also where it frees. */
	memcpy(copy, p, sizeof(copy));
	KUNIT_EXPECT_TRUE(test, kasan_byte_accessible(p));

	/* As kmemleak does it. */
	kasan_disable_current();
	KUNIT_EXPECT_FALSE(test, nslab_access(p, 24, false, _THIS_IP_));
	kasan_enable_current();
	KUNIT_EXPECT_TRUE(test, nslab_marked(p));
	KUNIT_EXPECT_TRUE(test, nslab_access(p, 13, false, _THIS_IP_));
	KUNIT_EXPECT_TRUE(test, nslab_marked(p));
	KUNIT_EXPECT_FALSE(test, nslab_access(p, 24, false, _THIS_IP_));
	KUNIT_EXPECT_FALSE(test, nslab_marked(p));
	KUNIT_EXPECT_NULL(test, nslab_first_bad(p, 13));
	KUNIT_EXPECT_NOT_NULL(test, nslab_first_bad(p, 14));
	nslab_mark(p, 13);
	kfree(p);
	KUNIT_EXPECT_NOT_NULL(test, nslab_first_bad(p, 1));
	KUNIT_EXPECT_TRUE(test, nslab_marked(p));
}

static struct kunit_case nslab_memory_cases[] = {
	KUNIT_CASE(marks_are_no_values_of_kasan),
	KUNIT_CASE(marks_leave_to_kasan_what_is_its),
	{}
};

static struct kunit_suite nslab_memory_suite = {
	.name = "nslab-memory",
	.test_cases = nslab_memory_cases,
};

kunit_test_suite(nslab_memory_suite);

MODULE_LICENSE("GPL");

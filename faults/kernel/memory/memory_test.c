// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of memory/. No execution is under way while they run.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <../mm/kasan/kasan.h>
#include "../hooks.h"
#include "heap.h"
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

static unsigned int ask(struct kunit *test, struct nslab_heap *heap,
			unsigned int command)
{
	heap->command = command;
	KUNIT_ASSERT_EQ(test, nslab_heap_do(heap), 0);
	return heap->n;
}

static void __percpu *some_percpu(void)
{
	return alloc_percpu(u64);
}

static void what_is_lost_is_found(struct kunit *test)
{
	struct kmem_cache *cache = kmem_cache_create("nslab-test", 24, 0, 0, NULL);
	void __percpu *percpu[3];
	struct nslab_heap heap;
	char expected[64];
	void *objects[4];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	ask(test, &heap, NSLAB_HEAP_START);
	objects[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	percpu[0] = some_percpu();
	KUNIT_EXPECT_GE(test, ask(test, &heap, NSLAB_HEAP_GROWN), 2);
	KUNIT_EXPECT_GE(test, ask(test, &heap, NSLAB_HEAP_SUSPECT), 2);

	/* One that comes and goes, and one that stays. */
	objects[1] = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	percpu[1] = some_percpu();
	KUNIT_EXPECT_GE(test, ask(test, &heap, NSLAB_HEAP_AGAIN), 2);
	KUNIT_EXPECT_GE(test, ask(test, &heap, NSLAB_HEAP_JUDGE), 2);

	objects[2] = kmem_cache_alloc(cache, GFP_KERNEL);
	objects[3] = kmem_cache_alloc(cache, GFP_KERNEL);
	percpu[2] = some_percpu();
	KUNIT_EXPECT_GE(test, ask(test, &heap, NSLAB_HEAP_LAST), 2);
	kmem_cache_free(cache, objects[3]);
	/* What others take before this one is freed does not count. */
	objects[3] = kmem_cache_alloc(cache, GFP_KERNEL);
	free_percpu(percpu[2]);
	ask(test, &heap, NSLAB_HEAP_LEFT);
	ask(test, &heap, NSLAB_HEAP_END);
	snprintf(expected, sizeof(expected), "nslab-test +2 from %s < ", __func__);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(heap.text, expected), "%s", heap.text);
	KUNIT_EXPECT_NULL_MSG(test, strstr(heap.text, "per-CPU memory"), "%s", heap.text);
	/* It is what they may hold from now on. */
	KUNIT_EXPECT_EQ(test, ask(test, &heap, NSLAB_HEAP_END), 0);
	KUNIT_EXPECT_STREQ(test, heap.text, "");

	for (i = 0; i < 4; i++)
		kmem_cache_free(cache, objects[i]);
	free_percpu(percpu[0]);
	free_percpu(percpu[1]);
	kmem_cache_destroy(cache);
	heap.command = 99;
	KUNIT_EXPECT_EQ(test, nslab_heap_do(&heap), -EINVAL);
}

static struct kunit_case nslab_memory_cases[] = {
	KUNIT_CASE(marks_are_no_values_of_kasan),
	KUNIT_CASE(marks_leave_to_kasan_what_is_its),
	KUNIT_CASE(what_is_lost_is_found),
	{}
};

static struct kunit_suite nslab_memory_suite = {
	.name = "nslab-memory",
	.test_cases = nslab_memory_cases,
};

kunit_test_suite(nslab_memory_suite);

MODULE_LICENSE("GPL");

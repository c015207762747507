// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of memory/. No execution is under way while they run.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <asm/sections.h>

#include <../mm/kasan/kasan.h>
#include "../hooks.h"
#include "areas.h"
#include "heap.h"
#include "kinds.h"
#include "leftout.h"
#include "shadow.h"
#include "sites.h"

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
	for (i = 0; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, nslab_shadow(NSLAB_SHADOW_MARK | i), i);
		KUNIT_EXPECT_EQ(test, nslab_shadow(NSLAB_SHADOW_PROFILED | i), i);
	}
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

static unsigned int ask_heap(struct kunit *test, struct nslab_heap *heap,
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
	ask_heap(test, &heap, NSLAB_HEAP_START);
	objects[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	percpu[0] = some_percpu();
	KUNIT_EXPECT_GE(test, ask_heap(test, &heap, NSLAB_HEAP_GROWN), 2);
	KUNIT_EXPECT_GE(test, ask_heap(test, &heap, NSLAB_HEAP_SUSPECT), 2);

	/* One that comes and goes, and one that stays. */
	objects[1] = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	percpu[1] = some_percpu();
	KUNIT_EXPECT_GE(test, ask_heap(test, &heap, NSLAB_HEAP_AGAIN), 2);
	KUNIT_EXPECT_GE(test, ask_heap(test, &heap, NSLAB_HEAP_JUDGE), 2);

	objects[2] = kmem_cache_alloc(cache, GFP_KERNEL);
	objects[3] = kmem_cache_alloc(cache, GFP_KERNEL);
	percpu[2] = some_percpu();
	KUNIT_EXPECT_GE(test, ask_heap(test, &heap, NSLAB_HEAP_LAST), 2);
	kmem_cache_free(cache, objects[3]);
	/* What others take before this one is freed does not count. */
	objects[3] = kmem_cache_alloc(cache, GFP_KERNEL);
	free_percpu(percpu[2]);
	ask_heap(test, &heap, NSLAB_HEAP_LEFT);
	ask_heap(test, &heap, NSLAB_HEAP_END);
	snprintf(expected, sizeof(expected), "nslab-test +2 from %s < ", __func__);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(heap.text, expected), "%s", heap.text);
	KUNIT_EXPECT_NULL_MSG(test, strstr(heap.text, "per-CPU memory"), "%s", heap.text);
	/* It is what they may hold from now on. */
	KUNIT_EXPECT_EQ(test, ask_heap(test, &heap, NSLAB_HEAP_END), 0);
	KUNIT_EXPECT_STREQ(test, heap.text, "");

	for (i = 0; i < 4; i++)
		kmem_cache_free(cache, objects[i]);
	free_percpu(percpu[0]);
	free_percpu(percpu[1]);
	kmem_cache_destroy(cache);
	heap.command = 99;
	KUNIT_EXPECT_EQ(test, nslab_heap_do(&heap), -EINVAL);
}

/* As bytes of KASAN's shadow, with and without marks. */
static void expect_marks(struct kunit *test, const u8 *before, const u8 *marked,
			 size_t size)
{
	u8 *shadow = kasan_mem_to_shadow(test->priv);

	memcpy(shadow, before, size);
	nslab_profile_mark(test->priv, size * KASAN_GRANULE_SIZE);
	KUNIT_EXPECT_MEMEQ(test, shadow, marked, size);
	nslab_profile_unmark(test->priv, size * KASAN_GRANULE_SIZE);
	KUNIT_EXPECT_MEMEQ(test, shadow, before, size);
	memset(shadow, 0, size);
}

static void all_memory_is_marked_and_unmarked(struct kunit *test)
{
	static const u8 before[] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0xfc, 0xe0, 0xe3, 0xfb, 0xf9, 7, 1,
	};
	static const u8 marked[] = {
		0xe8, 0xe8, 0xe8, 0xe8, 0xe8, 0xe8, 0xe8, 0xe8, 0xe8, 0xed,
		0xfc, 0xe0, 0xe3, 0xfb, 0xf9, 0xef, 0xe9,
	};
	unsigned int i;

	test->priv = kzalloc(256, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, test->priv);
	for (i = 1; i <= sizeof(before); i++)
		expect_marks(test, before, marked, i);
	/* In other places of a word. */
	for (i = 1; i < sizeof(before); i++)
		expect_marks(test, before + i, marked + i, sizeof(before) - i);
	/* What comes to be watched during such an execution stays so. */
	nslab_profile_mark(test->priv, 64);
	nslab_mark(test->priv + 8, 16);
	nslab_profile_unmark(test->priv, 64);
	KUNIT_EXPECT_FALSE(test, nslab_marked(test->priv));
	KUNIT_EXPECT_TRUE(test, nslab_marked(test->priv + 8));
	KUNIT_EXPECT_TRUE(test, nslab_marked(test->priv + 16));
	KUNIT_EXPECT_FALSE(test, nslab_marked(test->priv + 24));
	kfree(test->priv);
}

/* What asks for memory on behalf of others, and is so no function of its own. */
static void *ask(unsigned int how)
{
	static const char text[20] = "some text";

	switch (how) {
	case 0:
		return kmalloc(24, GFP_KERNEL);
	case 1:
		return kmemdup(text, sizeof(text), GFP_KERNEL);
	case 2:
		return kstrdup(text, GFP_KERNEL);
	case 3:
		return kvmalloc(300, GFP_KERNEL);
	case 4:
		return kasprintf(GFP_KERNEL, "%s", text);
	default:
		return krealloc(NULL, 40, GFP_KERNEL);
	}
}

/* The compiler may have put @by into the test. */
#define expect_asked_by(test, object, addr, by) \
	__expect_asked_by(test, object, addr, (unsigned long)(by), __func__)

static void __expect_asked_by(struct kunit *test, void *object, void *addr,
			      unsigned long by, const char *caller)
{
	unsigned long start, size;
	struct nslab_place place;
	struct nslab_key key;

	KUNIT_ASSERT_TRUE(test, nslab_place_of(addr, &place));
	KUNIT_EXPECT_PTR_EQ(test, place.object, object);
	KUNIT_ASSERT_TRUE(test, nslab_key_of(&place, &key));
	KUNIT_EXPECT_EQ(test, key.type, NSLAB_WORD_KMALLOC);
	start = nslab_function_of(key.start, &size);
	KUNIT_EXPECT_TRUE(test, start == nslab_function_of(by, &size) ||
			  !strcmp(key.name, caller));
}

static void who_asked_for_memory_is_known(struct kunit *test)
{
	unsigned int how;
	void *p;

	for (how = 0; how < 6; how++) {
		p = ask(how);
		KUNIT_ASSERT_NOT_NULL(test, p);
		expect_asked_by(test, p, p + 9, ask);
		kfree(p);
	}
}

static void *asked_at_boot;

static noinline int __init ask_at_boot(void)
{
	asked_at_boot = kmalloc(24, GFP_KERNEL);
	return 0;
}
late_initcall(ask_at_boot);

static void who_asked_at_boot_is_known(struct kunit *test)
{
	struct nslab_place place;
	struct nslab_key key;

	KUNIT_ASSERT_TRUE(test, nslab_place_of(asked_at_boot, &place));
	KUNIT_ASSERT_TRUE(test, nslab_key_of(&place, &key));
	KUNIT_EXPECT_STREQ(test, key.name, "ask_at_boot");
}

static void *ask_for_area(unsigned int type)
{
	return type == NSLAB_AREA_VMALLOC ? vmalloc(5000) :
	       (__force void *)__alloc_percpu(24, 8);
}

static void areas_belong_to_who_asked(struct kunit *test)
{
	struct nslab_place place;
	unsigned int type;
	void *p;

	for (type = NSLAB_AREA_VMALLOC; type <= NSLAB_AREA_PERCPU; type++) {
		p = ask_for_area(type);
		KUNIT_ASSERT_NOT_NULL(test, p);
		expect_asked_by(test, p, p + 23, ask_for_area);
		KUNIT_ASSERT_TRUE(test, nslab_place_of(p, &place));
		KUNIT_EXPECT_EQ(test, place.size, type == NSLAB_AREA_VMALLOC ? 5000 : 24);

		nslab_mark(p, 8);
		nslab_profile_mark(p, 24);
		KUNIT_EXPECT_TRUE(test, nslab_marked(p));
		KUNIT_EXPECT_TRUE(test, nslab_profile_marked(p + 16));
		nslab_unmark(p, 24);
		KUNIT_EXPECT_FALSE(test, nslab_profile_marked(p));
		KUNIT_EXPECT_FALSE(test, nslab_profile_marked(p + 16));
		if (type == NSLAB_AREA_VMALLOC)
			vfree(p);
		else
			free_percpu((void __percpu __force *)p);
		KUNIT_EXPECT_FALSE(test, nslab_place_of(p + 23, &place));
	}
}

static int counter_of_the_test;

static void variables_have_names(struct kunit *test)
{
	struct nslab_place place;
	struct nslab_key key;

	KUNIT_ASSERT_TRUE(test, nslab_place_of(&counter_of_the_test, &place));
	KUNIT_EXPECT_PTR_EQ(test, place.object, (void *)&counter_of_the_test);
	KUNIT_ASSERT_TRUE(test, nslab_key_of(&place, &key));
	KUNIT_EXPECT_EQ(test, key.type, NSLAB_WORD_STATIC);
	KUNIT_EXPECT_STREQ(test, key.name, "counter_of_the_test");
}

static int watch(const char *text)
{
	char copy[80];

	strscpy(copy, text, sizeof(copy));
	return nslab_watch_add(copy);
}

static void what_is_not_there_cannot_be_watched(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, watch("=no_such_variable:0:8"), -ENOENT);
	KUNIT_EXPECT_EQ(test, watch("@no_such_function:0:8"), -ENOENT);
	/* A function is no variable, nor the other way round. */
	KUNIT_EXPECT_EQ(test, watch("=kfree:0:8"), -ENOENT);
	KUNIT_EXPECT_EQ(test, watch("@counter_of_the_test:0:4"), -ENOENT);
	KUNIT_EXPECT_EQ(test, watch("=counter_of_the_test:0:4096"), -EINVAL);
	KUNIT_EXPECT_EQ(test, watch("=counter_of_the_test:0"), -EINVAL);
	KUNIT_EXPECT_EQ(test, watch(":0:8"), -EINVAL);
	KUNIT_EXPECT_EQ(test, watch("cred"), -EINVAL);
	KUNIT_EXPECT_EQ(test, watch("@kfree+0x99999:0:8"), -EINVAL);
}

static void text_is_left_out(struct kunit *test)
{
	unsigned long text = (unsigned long)_text;
	char ranges[] = "300-340,10-20,20-28,320-360";

	KUNIT_EXPECT_FALSE(test, nslab_left_out(text + 0x14));
	KUNIT_ASSERT_EQ(test, nslab_leave_out(ranges), 0);
	KUNIT_EXPECT_FALSE(test, nslab_left_out(text + 0xf));
	KUNIT_EXPECT_TRUE(test, nslab_left_out(text + 0x10));
	KUNIT_EXPECT_TRUE(test, nslab_left_out(text + 0x27));
	KUNIT_EXPECT_FALSE(test, nslab_left_out(text + 0x28));
	KUNIT_EXPECT_TRUE(test, nslab_left_out(text + 0x35f));
	KUNIT_EXPECT_FALSE(test, nslab_left_out(text + 0x360));
	KUNIT_EXPECT_EQ(test, nslab_leave_out((char []){ "20-10" }), -EINVAL);
	KUNIT_EXPECT_EQ(test, nslab_leave_out((char []){ "10" }), -EINVAL);
}

static struct kunit_case nslab_memory_cases[] = {
	KUNIT_CASE(marks_are_no_values_of_kasan),
	KUNIT_CASE(marks_leave_to_kasan_what_is_its),
	KUNIT_CASE(what_is_lost_is_found),
	KUNIT_CASE(all_memory_is_marked_and_unmarked),
	KUNIT_CASE(who_asked_for_memory_is_known),
	KUNIT_CASE(who_asked_at_boot_is_known),
	KUNIT_CASE(areas_belong_to_who_asked),
	KUNIT_CASE(variables_have_names),
	KUNIT_CASE(what_is_not_there_cannot_be_watched),
	KUNIT_CASE(text_is_left_out),
	{}
};

static struct kunit_suite nslab_memory_suite = {
	.name = "nslab-memory",
	.test_cases = nslab_memory_cases,
};

kunit_test_suite(nslab_memory_suite);

MODULE_LICENSE("GPL");

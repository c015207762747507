// SPDX-License-Identifier: GPL-2.0
/*
 * KASAN's shadow says which memory is watched. It has a byte for each eight bytes of
 * memory: 0 where all of them may be accessed, 1 to 7 where the first so many may. A
 * mark is a value of its own, one that looks poisoned, with the old one in its lower
 * bits. So an access to a watched object is one that KASAN is about to report, and
 * KASAN asks the lab first. All other accesses cost what they cost without the lab:
 * nothing is looked up for them, and the compiler may check the shadow inline.
 */

#include <linux/align.h>
#include <linux/kasan.h>
#include <linux/minmax.h>
#include <linux/unaligned.h>

#include <../mm/kasan/kasan.h>
#include "../hooks.h"
#include "shadow.h"

/* KASAN shows five lines of so many bytes around what it reports. */
#define SHOWN_ROW	(16 * KASAN_GRANULE_SIZE)
#define SHOWN_ROWS	2

static s8 *shadow_of(const void *addr)
{
	return kasan_mem_to_shadow(addr);
}

/**
 * nslab_mark() - watch that memory from now on
 * @addr: its first byte
 * @size: how many bytes; those that share eight with the last one come along
 *
 * What may not be accessed stays unmarked. A mark ends when KASAN poisons the
 * memory, or makes it accessible again: with the object.
 */
void nslab_mark(const void *addr, size_t size)
{
	s8 *shadow = shadow_of(addr), *last = shadow_of(addr + size - 1);

	/* It may be marked for this execution already. */
	for (; shadow <= last; shadow++)
		if (nslab_shadow(*shadow) >= 0)
			*shadow = nslab_shadow(*shadow) | (s8)NSLAB_SHADOW_MARK;
}

/**
 * nslab_unmark() - no longer, in this execution neither
 * @addr: its first byte
 * @size: how many bytes
 *
 * For memory that nobody poisons when it is freed.
 */
void nslab_unmark(const void *addr, size_t size)
{
	s8 *shadow = shadow_of(addr), *last = shadow_of(addr + size - 1);

	for (; shadow <= last; shadow++)
		if (nslab_shadow(*shadow) != *shadow)
			*shadow = nslab_shadow(*shadow);
}

static bool is_mark(u8 shadow)
{
	return (shadow & 0xf8) == NSLAB_SHADOW_MARK;
}

/**
 * nslab_marked() - is that byte watched, or was it, until its object was freed?
 *
 * An access after the free is what the lab is looking for. Any freed object counts
 * here; which one it was is found out elsewhere.
 */
bool nslab_marked(const void *addr)
{
	u8 shadow = READ_ONCE(*shadow_of(addr));

	return is_mark(shadow) || shadow == KASAN_SLAB_FREE ||
	       shadow == KASAN_SLAB_FREE_META;
}

/* === All memory, for one execution === */

#define EACH_BYTE(byte)		((byte) * 0x0101010101010101UL)

/* Memory that may be accessed and has no mark yet has the highest bit clear. */
static u64 with_marks(u64 shadow)
{
	u64 high = ~shadow & EACH_BYTE(0x80);

	BUILD_BUG_ON(NSLAB_SHADOW_PROFILED != 0xe8);
	return shadow | high | high >> 1 | high >> 2 | high >> 4;
}

static u64 without_marks(u64 shadow)
{
	/* Zero where such a mark is; then 0x80 there and zero elsewhere. */
	u64 other = (shadow & EACH_BYTE(0xf8)) ^ EACH_BYTE(NSLAB_SHADOW_PROFILED);
	u64 found = ~(((other & EACH_BYTE(0x7f)) + EACH_BYTE(0x7f)) | other |
		      EACH_BYTE(0x7f));

	return shadow & ~((found >> 7) * 0xf8);
}

static __always_inline void change_marks(const void *addr, size_t size,
					 u64 (*change)(u64 shadow))
{
	s8 *shadow = shadow_of(addr), *end = shadow_of(addr + size - 1) + 1;
	u64 before, after;

	for (; end - shadow >= sizeof(before); shadow += sizeof(before)) {
		before = get_unaligned((u64 *)shadow);
		after = change(before);
		if (after != before)
			put_unaligned(after, (u64 *)shadow);
	}
	for (; shadow < end; shadow++)
		*shadow = change((u8)*shadow);
}

/**
 * nslab_profile_mark() - watch that memory in this execution
 * @addr: its first byte
 * @size: how many bytes
 *
 * What is watched anyhow stays so.
 */
void nslab_profile_mark(const void *addr, size_t size)
{
	change_marks(addr, size, with_marks);
}

/**
 * nslab_profile_unmark() - the execution has ended
 */
void nslab_profile_unmark(const void *addr, size_t size)
{
	change_marks(addr, size, without_marks);
}

/**
 * nslab_profile_marked() - is that byte watched in this execution, or for good?
 */
bool nslab_profile_marked(const void *addr)
{
	s8 shadow = READ_ONCE(*shadow_of(addr));

	return nslab_shadow(shadow) != shadow;
}

static const void *next_granule(const void *addr)
{
	return PTR_ALIGN_DOWN(addr, KASAN_GRANULE_SIZE) + KASAN_GRANULE_SIZE;
}

/**
 * nslab_first_marked() - the first byte of a range that nslab_marked() is true of
 * @addr: its first byte
 * @size: how many bytes
 *
 * Return: NULL if there is none, or something poisoned comes before it.
 */
const void *nslab_first_marked(const void *addr, size_t size)
{
	const void *end = addr + size;

	while (!nslab_marked(addr)) {
		if (nslab_shadow(*shadow_of(addr)))
			return NULL;
		addr = next_granule(addr);
		if (addr >= end)
			return NULL;
	}
	return addr;
}

/**
 * nslab_first_bad() - the first byte that may not be accessed, marks aside
 * @addr: the first byte that is to be
 * @size: how many bytes
 *
 * Return: that, or another byte of the same eight; NULL if there is none.
 */
const void *nslab_first_bad(const void *addr, size_t size)
{
	const void *end = addr + size, *next;
	s8 shadow, last;

	for (; addr < end; addr = next) {
		next = next_granule(addr);
		shadow = nslab_shadow(READ_ONCE(*shadow_of(addr)));
		last = (unsigned long)(min(next, end) - 1) & KASAN_GRANULE_MASK;
		if (shadow && last >= shadow)
			return addr;
	}
	return NULL;
}

/**
 * nslab_unmark_shown() - KASAN is about to report something: show its own values
 * @addr: the first byte that was accessed
 * @bad: the first one that may not be
 */
void nslab_unmark_shown(const void *addr, const void *bad)
{
	s8 *shadow = shadow_of(PTR_ALIGN_DOWN(addr, SHOWN_ROW) -
			       SHOWN_ROWS * SHOWN_ROW);
	s8 *end = shadow_of(PTR_ALIGN_DOWN(bad, SHOWN_ROW) +
			    (SHOWN_ROWS + 1) * SHOWN_ROW);

	for (; shadow < end; shadow++)
		if (nslab_shadow(*shadow) != *shadow)
			*shadow = nslab_shadow(*shadow);
}

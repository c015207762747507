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

	for (; shadow <= last; shadow++)
		if (*shadow >= 0)
			*shadow |= (s8)NSLAB_SHADOW_MARK;
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

	return nslab_shadow(shadow) != (s8)shadow ||
	       shadow == KASAN_SLAB_FREE || shadow == KASAN_SLAB_FREE_META;
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
		if (*shadow_of(addr))
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

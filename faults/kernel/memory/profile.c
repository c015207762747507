// SPDX-License-Identifier: GPL-2.0
/*
 * A profile execution: all memory that the lab can mark is marked, so that KASAN reports
 * every access. What an actor accesses is kept by address, in words of eight bytes, with
 * the locks that it held (Savage et al., "Eraser: a dynamic data race detector for
 * multithreaded programs", 1997). In all else it is an execution as any other.
 *
 * Not marked are stacks, whose shadow the compiled code writes itself, and what comes
 * from the page allocator directly.
 *
 * Nothing here asks for memory or takes a lock. Actors run one at a time; interrupts
 * come through nslab_profile_free() only.
 */

#include <linux/bits.h>
#include <linux/hash.h>
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/vmalloc.h>

#include <asm/sections.h>

#include "../core/observer.h"
#include "../core/restart.h"
#include "areas.h"
#include "kinds.h"
#include "profile.h"
#include "shadow.h"
#include "words.h"

#define WORD_SIZE	8

/* An execution of any scenario here accesses up to two thousand words. */
#define MAX_SEEN	BIT(13)
#define INDEX_BITS	15

bool nslab_profiling;
struct nslab_profile_stats nslab_profile_stats;

static struct nslab_seen *seen;

/* By address, where in @seen, from 1. */
static u16 by_addr[BIT(INDEX_BITS)];

/* How many words were seen in pages with the same hash: most objects have none. */
#define PAGE_BITS	12
static u16 in_page[BIT(PAGE_BITS)];

/* === One execution === */

static struct nslab_seen *find(const void *addr, bool add)
{
	unsigned int slot = hash_ptr(addr, INDEX_BITS);
	struct nslab_seen *one;

	for (; by_addr[slot]; slot = (slot + 1) % ARRAY_SIZE(by_addr)) {
		one = &seen[by_addr[slot] - 1];
		if (one->addr == addr)
			return one;
	}
	if (!add || nslab_profile_stats.locations == MAX_SEEN)
		return NULL;
	one = &seen[nslab_profile_stats.locations];
	memset(one, 0, sizeof(*one));
	one->addr = addr;
	by_addr[slot] = ++nslab_profile_stats.locations;
	in_page[hash_long((unsigned long)addr >> PAGE_SHIFT, PAGE_BITS)]++;
	return one;
}

/* Of a lock that readers share, only the writer keeps others out. */
static bool keeps_others_out(const struct held_lock *held, bool write)
{
	return !held->read || !write;
}

/* Those that say nothing of who else may be here. */
static bool is_section(const struct held_lock *held)
{
	return held->instance == &rcu_lock_map ||
	       held->instance == &rcu_bh_lock_map ||
	       held->instance == &rcu_sched_lock_map ||
	       held->instance == &rcu_callback_map;
}

static bool is_held(const struct nslab_held *lock, bool write)
{
	int i;

	for (i = 0; i < current->lockdep_depth; i++)
		if (current->held_locks[i].instance == lock->instance &&
		    keeps_others_out(&current->held_locks[i], write))
			return true;
	return false;
}

/* At the first access, and at all others. */
static void take_locks(struct nslab_seen *one, bool write)
{
	const struct held_lock *held;
	int i;

	for (i = current->lockdep_depth - 1; i >= 0; i--) {
		held = &current->held_locks[i];
		if (one->nlocks == NSLAB_COMMON_LOCKS)
			break;
		if (is_section(held) || !keeps_others_out(held, write))
			continue;
		one->locks[one->nlocks++] = (struct nslab_held) {
			.instance = held->instance,
			.key = held->instance->key,
			.name = held->instance->name,
		};
	}
}

static void note_locks(struct nslab_seen *one)
{
	const struct lock_class_key *key;
	int i, j;

	for (i = 0; i < current->lockdep_depth; i++) {
		key = current->held_locks[i].instance->key;
		for (j = 0; j < one->nany && one->any[j] != key; j++)
			;
		if (j == one->nany && j < NSLAB_ANY_LOCKS &&
		    !is_section(&current->held_locks[i]))
			one->any[one->nany++] = key;
	}
}

static void keep_locks(struct nslab_seen *one, bool write)
{
	unsigned int i, n = 0;

	for (i = 0; i < one->nlocks; i++)
		if (is_held(&one->locks[i], write))
			one->locks[n++] = one->locks[i];
	one->nlocks = n;
}

static struct nslab_seen_side side_of_current(const struct nslab_actor *actor,
					      size_t size, bool write,
					      unsigned long ip)
{
	struct nslab_seen_side side = {
		.ip = ip,
		.actor = nslab_actor_index(actor),
		.flags = (write ? NSLAB_SIDE_IS_WRITE : 0) |
			 (size > WORD_SIZE ? NSLAB_SIDE_IS_LARGE : 0) |
			 (irqs_disabled() ? NSLAB_SIDE_IRQ_OFF : 0) |
			 (preempt_count() ? NSLAB_SIDE_PREEMPT_OFF : 0),
		.rcu = min(rcu_preempt_depth(), U8_MAX),
	};
	int i, n = 0;

	for (i = current->lockdep_depth - 1; i >= 0 && n < NSLAB_SIDE_LOCKS; i--)
		if (!is_section(&current->held_locks[i]))
			side.locks[n++] = current->held_locks[i].instance->name;
	return side;
}

static bool same_side(const struct nslab_seen_side *a, const struct nslab_seen_side *b)
{
	return a->ip == b->ip && a->actor == b->actor && a->flags == b->flags;
}

/* If there is no room, a place that is one of several of its actor goes. */
static void add_side(struct nslab_seen *one, const struct nslab_seen_side *side)
{
	unsigned int i, j;

	for (i = 0; i < one->nsides; i++)
		if (same_side(&one->sides[i], side))
			return;
	if (one->nsides < NSLAB_MAX_SIDES) {
		one->sides[one->nsides++] = *side;
		return;
	}
	for (i = 0; i < one->nsides; i++)
		if (one->sides[i].actor == side->actor &&
		    (one->sides[i].flags ^ side->flags) & NSLAB_SIDE_IS_WRITE)
			continue;
		else if (one->sides[i].actor == side->actor)
			return;
	for (i = one->nsides - 1; i; i--)
		for (j = 0; j < i; j++)
			if (one->sides[i].actor == one->sides[j].actor &&
			    !((one->sides[i].flags ^ one->sides[j].flags) &
			      NSLAB_SIDE_IS_WRITE)) {
				one->sides[i] = *side;
				return;
			}
}

static void add_access(struct nslab_seen *one, const struct nslab_seen_side *side,
		       u8 bytes)
{
	bool write = side->flags & NSLAB_SIDE_IS_WRITE;

	if (!one->nsides)
		take_locks(one, write);
	else
		keep_locks(one, write);
	note_locks(one);
	add_side(one, side);
	(write ? one->writes : one->reads)[side->actor] |= bytes;
}

/**
 * nslab_profile_access() - current, an actor, is about to access memory
 * @actor: current
 * @addr: the first byte
 * @size: how many
 * @write: whether it writes
 * @plain: by a load or a store of the compiler's
 * @ip: the instruction
 */
void nslab_profile_access(const struct nslab_actor *actor, const void *addr,
			  size_t size, bool write, bool plain, unsigned long ip)
{
	struct nslab_seen_side side = side_of_current(actor, size, write, ip);
	const void *end = addr + size, *word = PTR_ALIGN_DOWN(addr, WORD_SIZE);
	struct nslab_seen *one;
	unsigned int from, to;

	nslab_profile_stats.accesses++;
	for (; word < end; word += WORD_SIZE) {
		if (!nslab_profile_marked(word))
			continue;
		one = find(word, true);
		if (!one) {
			nslab_profile_stats.lost++;
			continue;
		}
		from = word < addr ? addr - word : 0;
		to = min_t(size_t, end - word, WORD_SIZE) - 1;
		one->special |= write && !plain;
		add_access(one, &side, GENMASK(to, from));
	}
}

/* Who frees it writes to all of it, as far as others are concerned. */
static void forget(struct nslab_seen *one, unsigned long ip)
{
	const struct nslab_actor *actor = nslab_acting();
	struct nslab_seen_side side;

	if (actor) {
		side = side_of_current(actor, SIZE_MAX, true, ip);
		add_access(one, &side, U8_MAX);
	}
	nslab_words_add(one);
	in_page[hash_long((unsigned long)one->addr >> PAGE_SHIFT, PAGE_BITS)]--;
	one->addr = NULL;
}

/**
 * nslab_profile_free() - an object is about to be freed
 * @object: its first byte
 * @size: of the object
 * @ip: who frees it
 *
 * What comes to be there is another one.
 */
void nslab_profile_free(const void *object, size_t size, unsigned long ip)
{
	const void *end = object + size;
	struct nslab_seen *one;

	while (object < end) {
		if (!in_page[hash_long((unsigned long)object >> PAGE_SHIFT, PAGE_BITS)]) {
			object = PTR_ALIGN_DOWN(object, PAGE_SIZE) + PAGE_SIZE;
			continue;
		}
		one = find(object, false);
		if (one)
			forget(one, ip);
		object += WORD_SIZE;
	}
}

/* === All memory === */

static void mark_slab(struct kmem_cache *cache, void *start, size_t size)
{
	nslab_profile_mark(start, size);
}

static void unmark_slab(struct kmem_cache *cache, void *start, size_t size)
{
	nslab_profile_unmark(start, size);
}

static void mark_area(const struct nslab_area *area)
{
	nslab_profile_mark(area->start, area->size);
}

static void unmark_area(const struct nslab_area *area)
{
	nslab_profile_unmark(area->start, area->size);
}

static void nslab_profile_begins(const struct nslab_run *run)
{
	if (!(run->flags & NSLAB_RUN_PROFILE) || !seen)
		return;
	memset(by_addr, 0, sizeof(by_addr));
	memset(in_page, 0, sizeof(in_page));
	memset(&nslab_profile_stats, 0, sizeof(nslab_profile_stats));
	nslab_each_slab(mark_slab);
	nslab_each_area(mark_area);
	nslab_profile_mark(_sdata, _edata - _sdata);
	nslab_profile_mark(__bss_start, __bss_stop - __bss_start);
	WRITE_ONCE(nslab_profiling, true);
}

/* Those of its bytes that were written, up to the last one. */
static void note_counter(const struct nslab_seen *one)
{
	unsigned int i;
	u8 bytes = 0;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		bytes |= one->writes[i];
	i = __ffs(bytes);
	nslab_counter_seen((void *)one->addr + i, fls(bytes) - i);
}

static void nslab_profile_ends(const struct nslab_run *run)
{
	unsigned int i;

	if (!nslab_profiling)
		return;
	WRITE_ONCE(nslab_profiling, false);
	for (i = 0; i < nslab_profile_stats.locations; i++) {
		if (!seen[i].addr)
			continue;
		nslab_words_add(&seen[i]);
		if (nslab_is_counter(&seen[i]))
			note_counter(&seen[i]);
	}
	nslab_each_slab(unmark_slab);
	nslab_each_area(unmark_area);
	nslab_profile_unmark(_sdata, _edata - _sdata);
	nslab_profile_unmark(__bss_start, __bss_stop - __bss_start);
}

static const struct nslab_observer profile_observer = {
	.begins = nslab_profile_begins,
	.ends = nslab_profile_ends,
};

NSLAB_OBSERVER(profile_observer);

static int __init nslab_profile_init(void)
{
	seen = vzalloc(array_size(MAX_SEEN, sizeof(*seen)));
	return seen ? 0 : -ENOMEM;
}
late_initcall(nslab_profile_init);

// SPDX-License-Identifier: GPL-2.0
/*
 * How many objects each slab cache holds. After an execution at rest none may hold more
 * than it ever did; the explorer finds out whether what is more is cached or lost, by
 * running the same execution again: see scenarios/lib/run/heap.c.
 */

#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/irqflags.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include <../mm/slab.h>
#include "../core/faults.h"
#include "heap.h"

/* === Counting === */

#define SLOT_BITS	10
#define MAX_SLOTS	BIT(SLOT_BITS)
#define MAX_CACHES	(MAX_SLOTS / 2)

/* By hash of the cache: its index in the arrays below, plus 1. */
static struct {
	const void *key;
	unsigned int index;
} slots[MAX_SLOTS];

/*
 * Apart from the rest: nslab_heap_grown() reads them after each execution. Objects that
 * are older than the counting make a number negative when they are freed.
 */
static atomic_long_t live[MAX_CACHES];
static long most[MAX_CACHES];
static unsigned int nr_caches;

/**
 * struct nslab_cache - what else is known of a cache
 * @name: a copy: a cache may be destroyed
 * @before: how many objects it held before the repetition
 * @gained: how many more it held after it
 * @suspect: it held more after each repetition so far
 */
struct nslab_cache {
	char name[32];
	long before;
	long gained;
	bool suspect;
};

static struct nslab_cache caches[MAX_CACHES];

/* The detector of lost memory has an object for each that others have. */
static bool counts(const char *name)
{
	return !str_has_prefix(name, "kmemleak");
}

static unsigned int nslab_add_cache(const void *key, const char *name)
{
	unsigned int i = hash_ptr(key, SLOT_BITS);
	unsigned long flags;

	/* An interrupt may allocate, too. */
	raw_local_irq_save(flags);
	while (slots[i].key && slots[i].key != key)
		i = (i + 1) % MAX_SLOTS;
	if (!slots[i].key && nr_caches < MAX_CACHES) {
		strscpy(caches[nr_caches].name, name);
		slots[i].index = counts(name) ? ++nr_caches : 0;
		slots[i].key = key;
	}
	raw_local_irq_restore(flags);
	return slots[i].index;
}

/* Its index, plus 1; 0 for one that does not count. */
static unsigned int nslab_cache_index(const void *key, const char *name)
{
	unsigned int i = hash_ptr(key, SLOT_BITS);

	for (; slots[i].key; i = (i + 1) % MAX_SLOTS)
		if (slots[i].key == key)
			return slots[i].index;
	return nslab_add_cache(key, name);
}

/* === Who asked for what is left === */

#define MAX_TRACKED	1024
#define DEPTH		16

/* Objects of suspects that were allocated in the last repetitions and still live. */
static struct nslab_tracked {
	const void *object;
	unsigned int cache, order, depth;
	unsigned long ips[DEPTH];
} tracked[MAX_TRACKED];
static unsigned int nr_tracked;	/* how many there were */
static bool tracking;	/* objects that come are added */
static bool forgetting;	/* objects that go are taken out */

static void nslab_track(unsigned int cache, const void *object)
{
	struct nslab_tracked *slot = tracked, *end = tracked + MAX_TRACKED;
	unsigned long flags;

	raw_local_irq_save(flags);
	while (slot < end && slot->object)
		slot++;
	if (slot < end) {
		slot->object = object;
		slot->cache = cache;
		slot->order = nr_tracked++;
		slot->depth = stack_trace_save(slot->ips, DEPTH, 0);
	}
	raw_local_irq_restore(flags);
}

static void nslab_forget(const void *object)
{
	unsigned int i;

	for (i = 0; i < MAX_TRACKED; i++)
		if (tracked[i].object == object)
			tracked[i].object = NULL;
}

static void nslab_heap_count(const void *key, const char *name, const void *object,
			     int more)
{
	unsigned int index = nslab_cache_index(key, name);

	if (!index--)
		return;
	atomic_long_add(more, &live[index]);
	if (likely(!forgetting) || !caches[index].suspect)
		return;
	if (more < 0)
		nslab_forget(object);
	else if (tracking)
		nslab_track(index, object);
}

/**
 * nslab_heap_alloc() - an object was allocated
 * @cache: from this slab cache
 * @object: its first byte
 */
void nslab_heap_alloc(const struct kmem_cache *cache, const void *object)
{
	nslab_heap_count(cache, cache->name, object, 1);
}

/**
 * nslab_heap_free() - an object is about to be freed
 * @cache: it is of this slab cache
 * @object: its first byte
 */
void nslab_heap_free(const struct kmem_cache *cache, const void *object)
{
	nslab_heap_count(cache, cache->name, object, -1);
}

/**
 * nslab_heap_area() - memory that is in no slab cache comes or goes
 * @allocator: its name; there is one string for each
 * @start: its first byte
 * @more: 1 or -1
 *
 * Each allocator counts as one more cache.
 */
void nslab_heap_area(const char *allocator, const void *start, int more)
{
	nslab_heap_count(allocator, allocator, start, more);
}

/* === Comparing === */

/**
 * nslab_heap_grown() - how many caches hold more objects than they ever did at rest
 *
 * Takes no memory.
 */
unsigned int nslab_heap_grown(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_caches; i++)
		n += atomic_long_read(&live[i]) > most[i];
	return n;
}

/* What there is now is no more than there may be. */
static void take_all(bool also_less)
{
	unsigned int i;

	for (i = 0; i < nr_caches; i++) {
		long now = atomic_long_read(&live[i]);

		most[i] = also_less ? now : max(most[i], now);
	}
}

static unsigned int suspect_grown(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_caches; i++) {
		caches[i].before = atomic_long_read(&live[i]);
		caches[i].suspect = caches[i].before > most[i];
		n += caches[i].suspect;
	}
	return n;
}

/* Those of the suspects that hold more than before the repetition. */
static unsigned int keep_suspects(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_caches; i++) {
		struct nslab_cache *cache = &caches[i];
		long now = atomic_long_read(&live[i]);

		cache->gained = now - cache->before;
		cache->suspect &= cache->gained > 0;
		cache->before = now;
		n += cache->suspect;
	}
	return n;
}

static unsigned int count_suspects(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_caches; i++)
		n += caches[i].suspect &&
		     atomic_long_read(&live[i]) > caches[i].before;
	return n;
}

static void track(bool on)
{
	tracking = false;
	forgetting = false;
	memset(tracked, 0, sizeof(tracked));
	nr_tracked = 0;
	forgetting = on;
	tracking = on;
}

static bool has_left(unsigned int cache)
{
	unsigned int i;

	/* Without room for all of them nobody can tell. */
	if (nr_tracked > MAX_TRACKED)
		return true;
	for (i = 0; i < MAX_TRACKED; i++)
		if (tracked[i].object && tracked[i].cache == cache)
			return true;
	return false;
}

/* Which of the suspects have anything left of what the last repetitions asked for? */
static unsigned int count_left(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_caches; i++) {
		caches[i].suspect &= has_left(i);
		n += caches[i].suspect;
	}
	return n;
}

/* === What is left, as text === */

#define FRAMES		3

/* Besides those that hand an allocation on. */
static bool is_ours(const char *name)
{
	return str_has_prefix(name, "__nslab_") || str_has_prefix(name, "__kasan_") ||
	       str_has_prefix(name, "kasan_") || str_has_prefix(name, "krealloc") ||
	       str_has_prefix(name, "kvasprintf") || str_has_prefix(name, "kasprintf");
}

static size_t say_who(const struct nslab_tracked *one, char *text, size_t size)
{
	static char name[KSYM_SYMBOL_LEN];
	unsigned int i, frames = 0;
	size_t len = 0;

	for (i = 0; i < one->depth && frames < FRAMES; i++) {
		sprint_symbol_no_offset(name, one->ips[i]);
		if (!frames && (is_ours(name) || nslab_hands_memory_on(name)))
			continue;
		len += scnprintf(text + len, size - len, "%s%s",
				 frames++ ? " < " : " from ", name);
	}
	return len;
}

/* The first object of its cache that is left; of those that come after @order. */
static const struct nslab_tracked *next_left(int order)
{
	const struct nslab_tracked *next = NULL;
	unsigned int i;

	for (i = 0; i < MAX_TRACKED; i++)
		if (tracked[i].object && caches[tracked[i].cache].suspect &&
		    (int)tracked[i].order > order &&
		    (!next || tracked[i].order < next->order))
			next = &tracked[i];
	return next;
}

static void clear_suspects(void)
{
	unsigned int i;

	for (i = 0; i < nr_caches; i++)
		caches[i].suspect = false;
}

/* Room for ", 123 more caches". */
#define REST		20

/*
 * "kmalloc-64 +1 from f < g, cred_jar +2 from h, 2 more caches": in the order in which
 * the first object of each was asked for.
 */
static void say_left(char *text, size_t size, unsigned int left)
{
	const struct nslab_tracked *one = next_left(-1);
	static char entry[NSLAB_HEAP_TEXT];
	size_t len = 0, more;

	text[0] = '\0';
	for (; one; one = next_left(one->order)) {
		struct nslab_cache *cache = &caches[one->cache];

		more = scnprintf(entry, sizeof(entry), "%s%s +%ld", len ? ", " : "",
				 cache->name, cache->gained);
		more += say_who(one, entry + more, sizeof(entry) - more);
		if (len && len + more + REST > size)
			break;
		len += scnprintf(text + len, size - len, "%s", entry);
		cache->suspect = false;
		left--;
	}
	if (left)
		scnprintf(text + len, size - len, "%s%u %scache%s", len ? ", " : "",
			  left, len ? "more " : "", left == 1 ? "" : "s");
	clear_suspects();
}

/**
 * nslab_heap_do() - what the explorer asks of the counts
 * @heap: its command, and the answer
 *
 * Return: 0, or -EINVAL for a command that there is not.
 */
int nslab_heap_do(struct nslab_heap *heap)
{
	switch (heap->command) {
	case NSLAB_HEAP_START:
		take_all(true);
		heap->n = 0;
		return 0;
	case NSLAB_HEAP_GROWN:
		heap->n = nslab_heap_grown();
		return 0;
	case NSLAB_HEAP_SUSPECT:
		heap->n = suspect_grown();
		return 0;
	case NSLAB_HEAP_AGAIN:
		heap->n = count_suspects();
		return 0;
	case NSLAB_HEAP_JUDGE:
		heap->n = keep_suspects();
		/* An actor that is kept may ask for it when the one before has ended. */
		if (!tracking)
			track(true);
		return 0;
	case NSLAB_HEAP_LAST:
		heap->n = keep_suspects();
		tracking = false;
		return 0;
	case NSLAB_HEAP_LEFT:
		heap->n = count_left();
		return 0;
	case NSLAB_HEAP_END:
		heap->n = count_left();
		say_left(heap->text, sizeof(heap->text), heap->n);
		track(false);
		take_all(false);
		return 0;
	default:
		return -EINVAL;
	}
}

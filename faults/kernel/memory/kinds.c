// SPDX-License-Identifier: GPL-2.0
/*
 * Kinds of objects, and which bytes of them are watched. A kind is what can be told
 * apart in every boot: the objects of a slab cache, what one place in the kernel asks
 * kmalloc() for, a variable.
 */

#include <linux/hash.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <asm/sections.h>

#include <../mm/kasan/kasan.h>
#include <../mm/slab.h>
#include "../core/strategies/strategy.h"
#include "areas.h"
#include "caches.h"
#include "kinds.h"
#include "shadow.h"
#include "sites.h"

static struct nslab_kind kinds[NSLAB_MAX_KINDS];
static unsigned int nr_kinds;

static struct nslab_watch watches[NSLAB_MAX_WATCHES];
static unsigned int nr_watches;

/* Numbers of watches in events so far. */
static unsigned int nr_whats;

/* By such a number, what an execution can be about: see enum nslab_focus. */
static u16 focus_kinds[NSLAB_MAX_KINDS + NSLAB_MAX_WATCHES];
static unsigned int nr_focus_kinds;
static bool by_hand;

static bool wants_shared;

/* Variables of which something is watched, in the order of their addresses. */
static struct nslab_kind *statics[NSLAB_MAX_KINDS];
static unsigned int nr_statics;

/* Of each place that asks for memory, of which kind that is; most are of none. */
#define SITE_BITS	10
static struct {
	unsigned long site;
	struct nslab_kind *kind;
} sites[1 << SITE_BITS];

static unsigned int nr_by_site;

/**
 * nslab_wants_shared() - are the words that actors share to be watched?
 */
bool nslab_wants_shared(void)
{
	return wants_shared;
}

/**
 * nslab_sites_matter() - is something watched of what kmalloc() gives?
 */
bool nslab_sites_matter(void)
{
	return nr_by_site;
}

/**
 * nslab_focus_kind() - what an execution is about that is about these objects
 * @what: their number in events
 *
 * Return: see struct nslab_op.
 */
unsigned int nslab_focus_kind(unsigned int what)
{
	return what < ARRAY_SIZE(focus_kinds) ? focus_kinds[what] : 0;
}

/**
 * nslab_focus_kinds() - how many kinds have a shared word that is a scheduling point
 */
unsigned int nslab_focus_kinds(void)
{
	return nr_focus_kinds;
}

/**
 * nslab_watched_by_hand() - is anything watched because it was named?
 */
bool nslab_watched_by_hand(void)
{
	return by_hand;
}

/* === Which kind === */

static bool is_static(const void *addr)
{
	return (addr >= (void *)_sdata && addr < (void *)_edata) ||
	       (addr >= (void *)__bss_start && addr < (void *)__bss_stop);
}

/* How many start at that address, or before it. */
static unsigned int statics_up_to(unsigned long addr)
{
	unsigned int low = 0, high = nr_statics;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (statics[middle]->key.start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct nslab_kind *kind_of_static(const void *addr)
{
	unsigned int n = statics_up_to((unsigned long)addr);

	return n && (unsigned long)addr < statics[n - 1]->key.end ?
	       statics[n - 1] : NULL;
}

/**
 * nslab_kind_of_cache() - the kind of the objects of a slab cache
 * @name: of the cache
 */
struct nslab_kind *nslab_kind_of_cache(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_kinds; i++)
		if (kinds[i].key.type == NSLAB_WORD_CACHE &&
		    !strcmp(kinds[i].key.name, name))
			return &kinds[i];
	return NULL;
}

/* A place comes before the function that it is in. */
static struct nslab_kind *search_site(unsigned long site)
{
	struct nslab_kind *found = NULL;
	unsigned int i;

	for (i = 0; i < nr_kinds; i++) {
		const struct nslab_key *key = &kinds[i].key;

		if (key->type != NSLAB_WORD_KMALLOC || site <= key->start ||
		    site > key->end)
			continue;
		if (!found || key->end - key->start < found->key.end - found->key.start)
			found = &kinds[i];
	}
	return found;
}

/**
 * nslab_kind_of_site() - the kind of what a place asks kmalloc() for
 * @site: the place behind the call, 0 for none that is known
 */
struct nslab_kind *nslab_kind_of_site(unsigned long site)
{
	unsigned int slot = hash_long(site, SITE_BITS);
	struct nslab_kind *kind;

	if (!site || !nr_by_site)
		return NULL;
	if (READ_ONCE(sites[slot].site) == site)
		return sites[slot].kind;
	kind = search_site(site);
	/* An interrupt in between must not find the one without the other. */
	WRITE_ONCE(sites[slot].site, 0);
	WRITE_ONCE(sites[slot].kind, kind);
	WRITE_ONCE(sites[slot].site, site);
	return kind;
}

/**
 * nslab_place_of() - in which object an address lies
 * @addr: any
 * @place: filled
 *
 * Return: false if it is in none.
 */
bool nslab_place_of(const void *addr, struct nslab_place *place)
{
	unsigned long start, size;
	struct nslab_area area;
	struct slab *slab;

	if (is_static(addr)) {
		start = nslab_function_of((unsigned long)addr, &size);
		*place = (struct nslab_place) {
			.object = (void *)start, .size = size,
		};
		return start;
	}
	slab = virt_addr_valid(addr) ? virt_to_slab(addr) : NULL;
	if (!slab) {
		if (!nslab_area_at(addr, &area))
			return false;
		*place = (struct nslab_place) {
			.object = area.start, .size = area.size, .site = area.site,
		};
		return true;
	}
	*place = (struct nslab_place) {
		.object = nearest_obj(slab->slab_cache, slab, (void *)addr),
		.size = slab->slab_cache->object_size,
		.cache = slab->slab_cache,
	};
	return true;
}

/**
 * nslab_key_of() - of which kind an object is
 * @place: the object
 * @key: filled
 *
 * Return: false if that cannot be told.
 */
bool nslab_key_of(const struct nslab_place *place, struct nslab_key *key)
{
	unsigned long start, size;
	char name[KSYM_NAME_LEN];

	memset(key, 0, sizeof(*key));
	if (!place->cache && !place->site) {
		key->type = NSLAB_WORD_STATIC;
		key->start = (unsigned long)place->object;
		key->end = key->start + place->size;
	} else if (place->cache && !nslab_typeless(place->cache)) {
		key->type = NSLAB_WORD_CACHE;
		return strscpy(key->name, place->cache->name,
			       sizeof(key->name)) >= 0;
	} else {
		key->type = NSLAB_WORD_KMALLOC;
		key->end = place->cache ? nslab_site_of(place->cache, place->object) :
					  place->site;
		key->start = key->end - 1;
		if (!key->end)
			return false;
	}
	start = nslab_function_of(key->start, &size);
	/* A name that is cut off still tells something. */
	if (!start || lookup_symbol_name(key->start, name))
		return false;
	strscpy(key->name, name, sizeof(key->name));
	return true;
}

/**
 * nslab_kind_at() - the kind of the object that an address lies in
 * @addr: any
 * @place: filled if there is one
 */
struct nslab_kind *nslab_kind_at(const void *addr, struct nslab_place *place)
{
	struct nslab_known known;
	struct nslab_kind *kind;

	if (is_static(addr)) {
		kind = kind_of_static(addr);
		if (kind)
			*place = (struct nslab_place) {
				.object = (void *)kind->key.start,
				.size = kind->key.end - kind->key.start,
			};
		return kind;
	}
	if (!nslab_place_of(addr, place))
		return NULL;
	if (!place->cache)
		return nslab_kind_of_site(place->site);
	known = nslab_known(place->cache);
	if (!known.typeless)
		return known.kind;
	return nr_by_site ? nslab_kind_of_site(nslab_site_of(place->cache, place->object)) :
			    NULL;
}

/**
 * nslab_same_key() - do two keys stand for the same objects?
 */
bool nslab_same_key(const struct nslab_key *a, const struct nslab_key *b)
{
	return a->type == b->type && a->start == b->start && a->end == b->end &&
	       (a->type != NSLAB_WORD_CACHE || !strcmp(a->name, b->name));
}

/**
 * nslab_kind_of_key() - the kind that has this key
 */
struct nslab_kind *nslab_kind_of_key(const struct nslab_key *key)
{
	unsigned int i;

	for (i = 0; i < nr_kinds; i++)
		if (nslab_same_key(&kinds[i].key, key))
			return &kinds[i];
	return NULL;
}

/**
 * nslab_find_watch() - what an access is an access to
 * @kind: of the object
 * @start: offset in the object, bytes
 * @end: behind the last byte
 * @by_hand: nothing else counts
 * @point: filled: it is a scheduling point
 *
 * Return: the first that it touches, NULL if there is none.
 */
const struct nslab_watch *nslab_find_watch(const struct nslab_kind *kind, u32 start,
					   u32 end, bool by_hand, bool *point)
{
	const struct nslab_watch *watch, *found = NULL;

	*point = false;
	for (watch = kind->watches; watch && !*point; watch = watch->next) {
		if (start >= watch->offset + watch->size || watch->offset >= end ||
		    (by_hand && !watch->by_hand))
			continue;
		*point = watch->point;
		found = found ?: watch;
	}
	return found;
}

/**
 * nslab_has_point() - is an access to some part of these objects a scheduling point?
 */
bool nslab_has_point(const struct nslab_kind *kind)
{
	const struct nslab_watch *watch;

	for (watch = kind->watches; watch; watch = watch->next)
		if (watch->point)
			return true;
	return false;
}

/* === Marks === */

/**
 * nslab_mark_object() - mark what is watched of an object
 * @size: of the object
 */
void nslab_mark_object(const struct nslab_kind *kind, const void *object, size_t size)
{
	const struct nslab_watch *watch;

	for (watch = kind->watches; watch; watch = watch->next)
		if (watch->offset < size)
			nslab_mark(object + watch->offset,
				   min_t(size_t, watch->size, size - watch->offset));
}

/**
 * nslab_each_slab() - do something with each slab
 * @do_it: gets the cache, where the first object starts, and the bytes of all
 */
void nslab_each_slab(void (*do_it)(struct kmem_cache *cache, void *start,
				   size_t size))
{
	unsigned long pfn = 0, pages;
	struct slab *slab;

	for (; pfn < max_mapnr; pfn += pages) {
		struct page *page = pfn_to_page(pfn);

		pages = 1;
		if (!pfn_valid(pfn) || !PageSlab(page))
			continue;
		slab = page_slab(page);
		pages = 1UL << folio_order(slab_folio(slab));
		do_it(slab->slab_cache, slab_address(slab), slab_size(slab));
	}
}

/* What is free is poisoned, and gets no mark. */
static void mark_slab(struct kmem_cache *cache, void *start, size_t size)
{
	struct nslab_known known = nslab_known(cache);
	struct nslab_kind *kind = known.kind;
	void *object = fixup_red_left(cache, start);

	if (!kind && !(known.typeless && nr_by_site))
		return;
	for (; object + cache->object_size <= start + size; object += cache->size) {
		if (known.typeless)
			kind = nslab_kind_of_site(nslab_site_of(cache, object));
		if (kind)
			nslab_mark_object(kind, object, cache->object_size);
	}
}

static void mark_area(const struct nslab_area *area)
{
	struct nslab_kind *kind = nslab_kind_of_site(area->site);

	if (kind)
		nslab_mark_object(kind, area->start, area->size);
}

/* More is watched than what is marked. */
static bool incomplete;

/**
 * nslab_mark_existing() - mark what is watched of all objects that there are
 *
 * If that has not been done since something was added.
 */
void nslab_mark_existing(void)
{
	unsigned int i;

	if (!incomplete)
		return;
	incomplete = false;
	for (i = 0; i < nr_statics; i++)
		nslab_mark_object(statics[i], (void *)statics[i]->key.start,
				  statics[i]->key.end - statics[i]->key.start);
	nslab_each_slab(mark_slab);
	nslab_each_area(mark_area);
}

/* === What is watched === */

static void add_static(struct nslab_kind *kind)
{
	unsigned int at = statics_up_to(kind->key.start);

	memmove(&statics[at + 1], &statics[at],
		(nr_statics - at) * sizeof(*statics));
	statics[at] = kind;
	nr_statics++;
}

static struct nslab_watch *new_watch(struct nslab_kind *kind)
{
	struct nslab_watch **end = &kind->watches, *watch;

	if (nr_watches == NSLAB_MAX_WATCHES)
		return NULL;
	watch = &watches[nr_watches++];
	while (*end)
		end = &(*end)->next;
	*end = watch;
	incomplete = true;
	return watch;
}

/* What is watched of all that a function asks for is so of what each place in it does. */
static int inherit(struct nslab_kind *kind)
{
	const struct nslab_watch *watch;
	struct nslab_kind *other;
	struct nslab_watch *copy;

	if (kind->key.type != NSLAB_WORD_KMALLOC)
		return 0;
	for (other = kinds; other < kind; other++) {
		if (other->key.type != NSLAB_WORD_KMALLOC ||
		    other->key.start > kind->key.start ||
		    other->key.end < kind->key.end)
			continue;
		for (watch = other->watches; watch; watch = watch->next) {
			copy = watch->by_hand ? new_watch(kind) : NULL;
			if (watch->by_hand && !copy)
				return -ENOSPC;
			if (copy) {
				*copy = *watch;
				copy->next = NULL;
			}
		}
	}
	return 0;
}

static struct nslab_kind *kind_get(const struct nslab_key *key)
{
	struct nslab_kind *kind = nslab_kind_of_key(key);

	if (kind || nr_kinds == NSLAB_MAX_KINDS)
		return kind;
	kind = &kinds[nr_kinds];
	kind->key = *key;
	kind->what = NSLAB_UNWATCHED;
	if (inherit(kind))
		return NULL;
	nr_kinds++;
	nr_by_site += key->type == NSLAB_WORD_KMALLOC;
	if (key->type == NSLAB_WORD_STATIC)
		add_static(kind);
	nslab_caches_forget();
	memset(sites, 0, sizeof(sites));
	return kind;
}

/**
 * nslab_watch_word() - watch a word that actors share
 * @key: of which objects
 * @offset: of the first byte
 * @size: how many bytes
 * @point: accesses are scheduling points
 *
 * Existing objects are marked by nslab_mark_existing().
 *
 * Return: the number that events have, -ENOSPC if there are too many.
 */
int nslab_watch_word(const struct nslab_key *key, u32 offset, u32 size, bool point)
{
	struct nslab_kind *kind = kind_get(key);
	struct nslab_watch *watch = kind ? new_watch(kind) : NULL;

	if (!watch)
		return -ENOSPC;
	if (kind->what == NSLAB_UNWATCHED)
		kind->what = nr_whats++;
	if (point && !focus_kinds[kind->what])
		focus_kinds[kind->what] = NSLAB_FOCUS_KINDS + nr_focus_kinds++;
	*watch = (struct nslab_watch) {
		.offset = offset, .size = size, .what = kind->what,
		.point = point,
	};
	return kind->what;
}

static int key_of_symbol(struct nslab_key *key, const char *name)
{
	unsigned long size, start = kallsyms_lookup_name(name);

	if (!start || !nslab_function_of(start, &size) ||
	    !is_static((void *)start))
		return -ENOENT;
	key->type = NSLAB_WORD_STATIC;
	key->start = start;
	key->end = start + size;
	return strscpy(key->name, name, sizeof(key->name)) < 0 ? -EINVAL : 0;
}

/* "function", or "function+0x12": the place behind a call in it. */
static int key_of_function(struct nslab_key *key, char *text)
{
	char *name = strsep(&text, "+");
	unsigned long size, start = kallsyms_lookup_name(name), offset;

	if (!start || !nslab_function_of(start, &size) ||
	    !__is_kernel_text(start))
		return -ENOENT;
	key->type = NSLAB_WORD_KMALLOC;
	key->start = start;
	key->end = start + size;
	if (text) {
		if (kstrtoul(text, 0, &offset) || !offset || offset > size)
			return -EINVAL;
		key->end = start + offset;
		key->start = key->end - 1;
	}
	return strscpy(key->name, name, sizeof(key->name)) < 0 ? -EINVAL : 0;
}

static int key_of_text(struct nslab_key *key, char *text)
{
	memset(key, 0, sizeof(*key));
	if (*text == '=')
		return key_of_symbol(key, text + 1);
	if (*text == '@')
		return key_of_function(key, text + 1);
	key->type = NSLAB_WORD_CACHE;
	return !*text || strscpy(key->name, text, sizeof(key->name)) < 0 ?
	       -EINVAL : 0;
}

/**
 * nslab_watch_add() - watch more
 * @text: "CACHE:OFFSET:SIZE": of each object of that slab cache, these bytes;
 *	"@FUNCTION:OFFSET:SIZE": of what that function asks kmalloc() for;
 *	"=SYMBOL:OFFSET:SIZE": of that variable;
 *	"shared": what profile executions find that actors share. A size of 0 is that
 *	of the object, as far as it goes
 *
 * Return: 0, -ENOSPC, -ENOENT for a function or a symbol that is not there, or
 * -EINVAL.
 */
int nslab_watch_add(char *text)
{
	char *name = strsep(&text, ":");
	char *at = strsep(&text, ":");
	struct nslab_watch *watch;
	struct nslab_kind *kind;
	struct nslab_key key;
	u32 offset, size;
	int ret;

	if (!at && !strcmp(name, "shared")) {
		wants_shared = true;
		return 0;
	}
	if (!at || !text || kstrtou32(at, 0, &offset) ||
	    kstrtou32(text, 0, &size) || size > S32_MAX || offset > S32_MAX)
		return -EINVAL;
	ret = key_of_text(&key, name);
	if (ret)
		return ret;
	if (key.type == NSLAB_WORD_STATIC && offset + size > key.end - key.start)
		return -EINVAL;
	if (!size)
		size = S32_MAX;
	kind = kind_get(&key);
	watch = kind ? new_watch(kind) : NULL;
	if (!watch)
		return -ENOSPC;
	focus_kinds[nr_whats] = NSLAB_FOCUS_NAMED;
	by_hand = true;
	*watch = (struct nslab_watch) {
		.offset = offset, .size = size, .what = nr_whats++,
		.by_hand = true, .point = true,
	};
	return 0;
}

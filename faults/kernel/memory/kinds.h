/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kinds of objects, and which bytes of them are watched.
 */
#ifndef KERNEL_NSLAB_MEMORY_KINDS_H
#define KERNEL_NSLAB_MEMORY_KINDS_H

#include <linux/slab.h>
#include <linux/types.h>

#include "../uapi.h"

#define NSLAB_MAX_KINDS		512
#define NSLAB_MAX_WATCHES	2048
#define NSLAB_UNWATCHED		0xffff

/**
 * struct nslab_key - what objects of one kind have in common
 * @type: NSLAB_WORD_*
 * @start: of the function that asks for them, or the place behind the call; or of the
 *	symbol; 0 for objects of a slab cache
 * @end: behind that
 * @name: of the cache, the function or the symbol
 */
struct nslab_key {
	unsigned int type;
	unsigned long start;
	unsigned long end;
	char name[NSLAB_WORD_NAME_LEN];
};

/**
 * struct nslab_watch - bytes of each object of a kind
 * @next: of the same kind
 * @offset: of the first byte
 * @size: how many bytes
 * @what: their number in events
 * @by_hand: written to nslab/watch: no access is left out, each is a point
 * @point: an access is a scheduling point, if the actor can be preempted
 */
struct nslab_watch {
	struct nslab_watch *next;
	u32 offset;
	u32 size;
	u16 what;
	bool by_hand;
	bool point;
};

/**
 * struct nslab_kind - a kind of objects of which something is watched
 * @key: which
 * @watches: those by hand first, in their order
 * @what: number of its shared words in events, NSLAB_UNWATCHED if there are none
 */
struct nslab_kind {
	struct nslab_key key;
	struct nslab_watch *watches;
	u16 what;
};

/**
 * struct nslab_place - where an address lies
 * @object: first byte of the object
 * @size: of the object
 * @cache: its slab cache; NULL: it is no slab object
 * @site: who asked for it, if it is none; 0: it is static data
 */
struct nslab_place {
	void *object;
	size_t size;
	struct kmem_cache *cache;
	unsigned long site;
};

/* What is watched. */
int nslab_watch_add(char *text);
bool nslab_wants_shared(void);
bool nslab_sites_matter(void);
unsigned int nslab_focus_kind(unsigned int what);
unsigned int nslab_focus_kinds(void);
bool nslab_watched_by_hand(void);
int nslab_watch_word(const struct nslab_key *key, u32 offset, u32 size, bool point);
void nslab_mark_existing(void);

/* Which kind an object is of; NULL: none of which something is watched. */
struct nslab_kind *nslab_kind_of_cache(const char *name);
struct nslab_kind *nslab_kind_of_site(unsigned long site);
struct nslab_kind *nslab_kind_at(const void *addr, struct nslab_place *place);
struct nslab_kind *nslab_kind_of_key(const struct nslab_key *key);
bool nslab_same_key(const struct nslab_key *a, const struct nslab_key *b);
const struct nslab_watch *nslab_find_watch(const struct nslab_kind *kind, u32 start,
					   u32 end, bool by_hand, bool *point);

/* Whatever is watched. */
bool nslab_place_of(const void *addr, struct nslab_place *place);
bool nslab_key_of(const struct nslab_place *place, struct nslab_key *key);
bool nslab_has_point(const struct nslab_kind *kind);
void nslab_mark_object(const struct nslab_kind *kind, const void *object, size_t size);
void nslab_each_slab(void (*do_it)(struct kmem_cache *cache, void *start,
				   size_t size));

#endif /* KERNEL_NSLAB_MEMORY_KINDS_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * What the lab knows of each slab cache. It is asked at every allocation, and most caches
 * are of no interest: a look into a table by address says so.
 */

#include <linux/hash.h>
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include <../mm/slab.h>
#include "caches.h"

/* Watched or not, some caches matter to higher layers. */
static struct nslab_listener *listeners[NSLAB_MAX_LISTENERS];
static unsigned int nr_listeners;

/* A kernel of the lab has some 150 caches. Changed with interrupts off. */
#define KNOWN_BITS	10
static struct nslab_known table[1 << KNOWN_BITS];
static unsigned int nr_known;

/**
 * nslab_listen() - a layer wants to know of the objects of a slab cache
 * @listener: stays; at boot, before late_initcall_sync()
 */
void __init nslab_listen(struct nslab_listener *listener)
{
	if (nr_listeners == NSLAB_MAX_LISTENERS)
		panic("nslab: more slab caches than there is room for\n");
	listeners[nr_listeners++] = listener;
}

static struct nslab_listener *find_listener(const struct kmem_cache *cache)
{
	unsigned int i;

	for (i = 0; i < nr_listeners; i++)
		if (!strcmp(cache->name, listeners[i]->cache))
			return listeners[i];
	return NULL;
}

/**
 * nslab_typeless() - are the objects of a cache of many types?
 */
bool nslab_typeless(const struct kmem_cache *cache)
{
	return cache->flags & SLAB_KMALLOC;
}

static struct nslab_known look_at(const struct kmem_cache *cache)
{
	bool typeless = nslab_typeless(cache);

	return (struct nslab_known) {
		.cache = cache,
		.listener = find_listener(cache),
		.kind = typeless ? NULL : nslab_kind_of_cache(cache->name),
		.typeless = typeless,
	};
}

static void forget_all(void)
{
	memset(table, 0, sizeof(table));
	nr_known = 0;
}

static void remember(const struct nslab_known *known, unsigned int slot)
{
	unsigned long flags;

	local_irq_save(flags);
	if (nr_known == ARRAY_SIZE(table) / 2)
		forget_all();
	while (table[slot].cache && table[slot].cache != known->cache)
		slot = (slot + 1) % ARRAY_SIZE(table);
	nr_known += !table[slot].cache;
	table[slot] = *known;
	local_irq_restore(flags);
}

/**
 * nslab_known() - what is known of a slab cache
 */
struct nslab_known nslab_known(const struct kmem_cache *cache)
{
	unsigned int first = hash_ptr(cache, KNOWN_BITS), slot = first;
	struct nslab_known known;

	for (; table[slot].cache; slot = (slot + 1) % ARRAY_SIZE(table))
		if (table[slot].cache == cache)
			return table[slot];
	known = look_at(cache);
	remember(&known, first);
	return known;
}

/**
 * nslab_caches_forget() - a cache is about to be freed, or something else is watched
 */
void nslab_caches_forget(void)
{
	unsigned long flags;

	local_irq_save(flags);
	forget_all();
	local_irq_restore(flags);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Watched objects, and slab caches that higher layers listen to.
 */
#ifndef KERNEL_NSLAB_MEMORY_WATCH_H
#define KERNEL_NSLAB_MEMORY_WATCH_H

#include "../core/actors.h"
#include "../core/numbers.h"

#define NSLAB_MAX_WATCHES	16

/**
 * struct nslab_objects - the watched objects of the last execution
 * @numbers: that of each
 * @owners: by number, the index of the actor whose task it is, NSLAB_NOBODY for
 *	other objects
 */
struct nslab_objects {
	struct nslab_numbers numbers;
	u8 owners[NSLAB_MAX_NUMBER + 1];
};

extern struct nslab_objects nslab_objects;

/**
 * struct nslab_listener - what a layer does about the objects of one slab cache
 * @cache: its name
 * @alloc: an object was allocated, @ip asked for it; may be NULL, as all of these
 * @free: it is about to be freed
 * @use: current, an actor of an execution, is about to access it, @ip is the
 *	instruction. With it all objects of the cache are marked
 * @known: the cache, once there was an object of it
 *
 * One listener for each cache.
 */
struct nslab_listener {
	const char *cache;
	void (*alloc)(struct nslab_listener *listener, const void *object,
		      unsigned long ip);
	void (*free)(struct nslab_listener *listener, const void *object,
		     unsigned long ip);
	void (*use)(struct nslab_listener *listener, struct nslab_actor *actor,
		    const void *object, unsigned long ip);
	const struct kmem_cache *known;
};

#define NSLAB_MAX_LISTENERS	(NSLAB_MAX_SUBJECTS + 1)

void nslab_listen(struct nslab_listener *listener);
int nslab_watch_add(char *text);
u8 nslab_object_owner(u16 number);

#endif /* KERNEL_NSLAB_MEMORY_WATCH_H */

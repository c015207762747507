/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the lab does about the objects of a slab cache.
 */
#ifndef KERNEL_NSLAB_MEMORY_CACHES_H
#define KERNEL_NSLAB_MEMORY_CACHES_H

#include <linux/slab.h>

#include "../core/actors.h"
#include "kinds.h"

/**
 * struct nslab_listener - what a layer does about the objects of one slab cache
 * @cache: its name
 * @alloc: an object was allocated, @ip asked for it; may be NULL, as all of these
 * @free: it is about to be freed
 * @use: current, an actor of an execution, is about to access it, @ip is the
 *	instruction. With it all objects of the cache are marked
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
};

#define NSLAB_MAX_LISTENERS	(NSLAB_MAX_SUBJECTS + 1)

void nslab_listen(struct nslab_listener *listener);

/**
 * struct nslab_known - what is known of a slab cache
 * @cache: which
 * @listener: who listens to its objects, or NULL
 * @kind: they are of this kind, or NULL
 * @typeless: they are of many types: it matters who asks for them
 */
struct nslab_known {
	const struct kmem_cache *cache;
	struct nslab_listener *listener;
	struct nslab_kind *kind;
	bool typeless;
};

struct nslab_known nslab_known(const struct kmem_cache *cache);
void nslab_caches_forget(void);
bool nslab_typeless(const struct kmem_cache *cache);

#endif /* KERNEL_NSLAB_MEMORY_CACHES_H */

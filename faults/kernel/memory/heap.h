/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many objects each slab cache holds, for the oracle "leak".
 */
#ifndef KERNEL_NSLAB_MEMORY_HEAP_H
#define KERNEL_NSLAB_MEMORY_HEAP_H

#include <linux/types.h>

#include "../uapi.h"

struct kmem_cache;

void nslab_heap_alloc(const struct kmem_cache *cache, const void *object);
void nslab_heap_free(const struct kmem_cache *cache, const void *object);
void nslab_heap_area(const char *allocator, const void *start, int more);
unsigned int nslab_heap_grown(void);
int nslab_heap_do(struct nslab_heap *heap);

#endif /* KERNEL_NSLAB_MEMORY_HEAP_H */

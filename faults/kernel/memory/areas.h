/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that is in no slab cache: what vmalloc() gives, and per-CPU memory. Included
 * by mm/vmalloc.c and mm/percpu.c as well.
 */
#ifndef KERNEL_NSLAB_MEMORY_AREAS_H
#define KERNEL_NSLAB_MEMORY_AREAS_H

#include <linux/types.h>

/* Of which allocator. */
enum nslab_area_type {
	NSLAB_AREA_VMALLOC,
	NSLAB_AREA_PERCPU,
};

#ifdef CONFIG_NSLAB

/**
 * struct nslab_area - memory that somebody asked for
 * @start: its first byte
 * @size: how many bytes were asked for
 * @site: the place behind the call
 */
struct nslab_area {
	void *start;
	size_t size;
	unsigned long site;
};

void nslab_area_alloc(enum nslab_area_type type, void *start, size_t size,
		      unsigned long caller);
void nslab_area_free(enum nslab_area_type type, void *start, unsigned long caller);
bool nslab_area_at(const void *addr, struct nslab_area *area);
void nslab_each_area(void (*do_it)(const struct nslab_area *area));

#else

static inline void nslab_area_alloc(enum nslab_area_type type, void *start,
				    size_t size, unsigned long caller)
{
}

static inline void nslab_area_free(enum nslab_area_type type, void *start,
				   unsigned long caller)
{
}

#endif /* CONFIG_NSLAB */

#endif /* KERNEL_NSLAB_MEMORY_AREAS_H */

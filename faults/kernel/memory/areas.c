// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is in no slab cache and belongs to who asked for it: what vmalloc() gives,
 * and per-CPU memory, which is there once, as there is one CPU. No page says where such
 * an area begins, so they are written down, from the first one on.
 */

#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "../hooks.h"
#include "areas.h"
#include "heap.h"
#include "kinds.h"
#include "leftout.h"
#include "profile.h"
#include "shadow.h"
#include "sites.h"
#include "watch.h"

/* Some hundreds are there after boot. What there is no room for is in no row. */
#define MAX_AREAS	4096

/* In the order of their addresses. Changed with interrupts off, which free areas, too. */
static struct nslab_area areas[MAX_AREAS];
static unsigned int nr_areas;

static const char * const allocators[] = {
	[NSLAB_AREA_VMALLOC] = "vmalloc() memory",
	[NSLAB_AREA_PERCPU] = "per-CPU memory",
};

/* How many start at that address, or before it. */
static unsigned int areas_up_to(const void *addr)
{
	unsigned int low = 0, high = nr_areas;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (areas[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add(const struct nslab_area *area)
{
	unsigned long flags;
	unsigned int at;

	raw_local_irq_save(flags);
	if (nr_areas < MAX_AREAS) {
		at = areas_up_to(area->start);
		memmove(&areas[at + 1], &areas[at], (nr_areas - at) * sizeof(*areas));
		areas[at] = *area;
		nr_areas++;
	}
	raw_local_irq_restore(flags);
}

static void take_out(const void *start)
{
	unsigned long flags;
	unsigned int end;

	raw_local_irq_save(flags);
	end = areas_up_to(start);
	memmove(&areas[end - 1], &areas[end], (nr_areas - end) * sizeof(*areas));
	nr_areas--;
	raw_local_irq_restore(flags);
}

/**
 * nslab_area_at() - the area that an address lies in
 * @addr: any
 * @area: filled if there is one
 */
bool nslab_area_at(const void *addr, struct nslab_area *area)
{
	unsigned long flags;
	unsigned int n;
	bool found;

	raw_local_irq_save(flags);
	n = areas_up_to(addr);
	found = n && addr - areas[n - 1].start < areas[n - 1].size;
	if (found)
		*area = areas[n - 1];
	raw_local_irq_restore(flags);
	return found;
}

/**
 * nslab_each_area() - do something with each area
 * @do_it: that. While it runs none comes or goes
 *
 * The lab's own and those of other machinery are left out.
 */
void nslab_each_area(void (*do_it)(const struct nslab_area *area))
{
	unsigned long flags;
	unsigned int i;

	raw_local_irq_save(flags);
	for (i = 0; i < nr_areas; i++)
		if (!nslab_left_out(areas[i].site))
			do_it(&areas[i]);
	raw_local_irq_restore(flags);
}

/**
 * nslab_area_alloc() - an area was allocated
 * @type: by which allocator
 * @start: its first byte
 * @size: how many bytes were asked for
 * @caller: the place behind the call of the allocator
 */
void nslab_area_alloc(enum nslab_area_type type, void *start, size_t size,
		      unsigned long caller)
{
	struct nslab_area area = {
		.start = start, .size = size, .site = nslab_site_of_caller(caller),
	};
	struct nslab_kind *kind;

	add(&area);
	nslab_heap_area(allocators[type], start, 1);
	if (!nslab_watch_ready)
		return;
	kind = nslab_kind_of_site(area.site);
	if (kind) {
		nslab_mark_object(kind, start, size);
		nslab_object_lives(kind, start, size, NSLAB_EVENT_ALLOC, area.site);
	}
	if (nslab_profiling && !nslab_left_out(area.site))
		nslab_profile_mark(start, size);
}

/**
 * nslab_area_free() - an area is about to be freed
 * @type: to which allocator
 * @start: its first byte
 * @caller: the place behind the call of the allocator
 *
 * Nothing poisons such memory, so an access after this is not seen.
 */
void nslab_area_free(enum nslab_area_type type, void *start, unsigned long caller)
{
	struct nslab_area area;
	struct nslab_kind *kind;

	if (!nslab_area_at(start, &area) || area.start != start)
		return;
	nslab_heap_area(allocators[type], start, -1);
	kind = nslab_kind_of_site(area.site);
	if (kind)
		nslab_object_lives(kind, start, area.size, NSLAB_EVENT_FREE, caller);
	if (nslab_profiling)
		nslab_profile_free(start, area.size, caller);
	if (kind || nslab_profiling)
		nslab_unmark(start, area.size);
	take_out(start);
}

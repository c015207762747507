/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marked calls, and each allocation in them.
 */
#ifndef KERNEL_NSLAB_CORE_CALLS_H
#define KERNEL_NSLAB_CORE_CALLS_H

#include "actors.h"

#define NSLAB_STACK_DEPTH	32

/**
 * struct nslab_stack - from where an allocation was asked for
 * @id: hash over the places, 0 for none
 * @what: the fault attribute
 * @own: the allocator asks for itself
 * @reported: it was written to the results, so the explorer knows it
 * @depth: how many @ips
 * @ips: places in the kernel's text, the innermost first
 */
struct nslab_stack {
	u64 id;
	u8 what;
	bool own;
	bool reported;
	u8 depth;
	u32 ips[NSLAB_STACK_DEPTH];
};

int nslab_calls_map(unsigned long addr);
int nslab_calls_begin(const struct nslab_run *run);
bool nslab_calls_armed(void);
bool nslab_calls_alloc(struct nslab_actor *actor, unsigned int what);
const struct nslab_site *nslab_calls_sites(unsigned int *n);
bool nslab_calls_incomplete(void);
struct nslab_stack *nslab_stack_find(u64 id);

#endif /* KERNEL_NSLAB_CORE_CALLS_H */

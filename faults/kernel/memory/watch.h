/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accesses to watched memory, and the numbers of watched objects.
 */
#ifndef KERNEL_NSLAB_MEMORY_WATCH_H
#define KERNEL_NSLAB_MEMORY_WATCH_H

#include "../core/numbers.h"

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

struct nslab_kind;

u8 nslab_object_owner(u16 number);
void nslab_object_lives(const struct nslab_kind *of, void *object, size_t size,
			unsigned int kind, unsigned long ip);

#endif /* KERNEL_NSLAB_MEMORY_WATCH_H */

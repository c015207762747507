/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks in KASAN's shadow.
 */
#ifndef KERNEL_NSLAB_MEMORY_SHADOW_H
#define KERNEL_NSLAB_MEMORY_SHADOW_H

#include <linux/types.h>

void nslab_mark(const void *addr, size_t size);
void nslab_unmark(const void *addr, size_t size);
bool nslab_marked(const void *addr);
const void *nslab_first_marked(const void *addr, size_t size);
const void *nslab_first_bad(const void *addr, size_t size);
void nslab_profile_mark(const void *addr, size_t size);
void nslab_profile_unmark(const void *addr, size_t size);
bool nslab_profile_marked(const void *addr);
void nslab_unmark_shown(const void *addr, const void *bad);

#endif /* KERNEL_NSLAB_MEMORY_SHADOW_H */

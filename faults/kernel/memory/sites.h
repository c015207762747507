/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who asked for memory that has no type.
 */
#ifndef KERNEL_NSLAB_MEMORY_SITES_H
#define KERNEL_NSLAB_MEMORY_SITES_H

#include <linux/types.h>

struct kmem_cache;

unsigned long nslab_site_here(void);
unsigned long nslab_site_of_caller(unsigned long caller);
unsigned long nslab_site_of(struct kmem_cache *cache, const void *object);
unsigned long nslab_function_of(unsigned long ip, unsigned long *size);

#endif /* KERNEL_NSLAB_MEMORY_SITES_H */

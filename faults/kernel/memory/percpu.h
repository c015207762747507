/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Per-CPU memory, which counts as one more slab cache. Included by mm/percpu.c alone.
 */
#ifndef KERNEL_NSLAB_MEMORY_PERCPU_H
#define KERNEL_NSLAB_MEMORY_PERCPU_H

#include <linux/compiler.h>

#ifdef CONFIG_NSLAB

void nslab_percpu_alloc(const void __percpu *ptr);
void nslab_percpu_free(const void __percpu *ptr);

#else

static inline void nslab_percpu_alloc(const void __percpu *ptr)
{
}

static inline void nslab_percpu_free(const void __percpu *ptr)
{
}

#endif /* CONFIG_NSLAB */

#endif /* KERNEL_NSLAB_MEMORY_PERCPU_H */

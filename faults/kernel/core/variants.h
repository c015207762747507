/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nslab_variant() for the patches with deliberate defects. Included as
 * <linux/nslab_variants.h> by the few files that have one.
 */
#ifndef KERNEL_NSLAB_CORE_VARIANTS_H
#define KERNEL_NSLAB_CORE_VARIANTS_H

#include <linux/compiler.h>
#include <linux/types.h>

#ifdef CONFIG_NSLAB

/**
 * nslab_variant() - is the kernel to make this mistake?
 * @id: the variant, without its prefix: see variants.def of the subjects
 *
 * Chosen once, at boot, before there is more than one task.
 */
#define nslab_variant(id)						\
({									\
	extern bool nslab_variant_##id;					\
									\
	unlikely(READ_ONCE(nslab_variant_##id));			\
})

#else

#define nslab_variant(id)	false

#endif /* CONFIG_NSLAB */

#endif /* KERNEL_NSLAB_CORE_VARIANTS_H */

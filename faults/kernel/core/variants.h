/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nslab_variant() for patch 0007. Included as <linux/nslab_variants.h> by the
 * few files that have a defect.
 */
#ifndef KERNEL_NSLAB_VARIANTS_H
#define KERNEL_NSLAB_VARIANTS_H

#include <linux/compiler.h>

enum nslab_variant {
	NSLAB_VARIANT_NONE,
#define NSLAB_VARIANT(id, name, about) NSLAB_VARIANT_##id,
#include "../subjects/nsproxy/variants.def"
#undef NSLAB_VARIANT
	NSLAB_NR_VARIANTS,
};

#ifdef CONFIG_NSLAB

extern enum nslab_variant nslab_variant_chosen;

/**
 * nslab_variant() - is the kernel to make this mistake?
 * @id: the variant, without its prefix
 */
#define nslab_variant(id)						\
	unlikely(READ_ONCE(nslab_variant_chosen) == NSLAB_VARIANT_##id)

#else

#define nslab_variant(id)	false

#endif /* CONFIG_NSLAB */

#endif /* KERNEL_NSLAB_VARIANTS_H */

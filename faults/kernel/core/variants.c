// SPDX-License-Identifier: GPL-2.0
/*
 * Variants: the deliberate defect that was chosen at boot, of those of all subjects.
 */

#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "subject.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "nslab."

static const char *chosen = "none";

static int variant_set(const char *val, const struct kernel_param *kp)
{
	const struct nslab_defect *const *defect;
	bool found = sysfs_streq(val, "none");

	nslab_for_each(defect, nslab_defects) {
		bool is_meant = sysfs_streq(val, (*defect)->name);

		/* Pairs with the READ_ONCE() of nslab_variant(). */
		WRITE_ONCE(*(*defect)->chosen, is_meant);
		if (is_meant)
			chosen = (*defect)->name;
		found |= is_meant;
	}
	/* Going on without the defect would be a pass that means nothing. */
	if (!found)
		panic("nslab: there is no variant \"%s\"\n", val);
	return 0;
}

static int variant_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", chosen);
}

static const struct kernel_param_ops variant_ops = {
	.set = variant_set,
	.get = variant_get,
};
module_param_cb(variant, &variant_ops, NULL, 0444);

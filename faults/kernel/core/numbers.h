/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers in place of addresses, which would differ from one boot to the next. An
 * execution numbers what it reaches in the order in which it does.
 */
#ifndef KERNEL_NSLAB_CORE_NUMBERS_H
#define KERNEL_NSLAB_CORE_NUMBERS_H

#include <linux/types.h>

#define NSLAB_NUMBER_BITS	11
#define NSLAB_NUMBER_SLOTS	(1U << NSLAB_NUMBER_BITS)
#define NSLAB_MAX_NUMBER	(NSLAB_NUMBER_SLOTS * 3 / 4)

struct nslab_numbers {
	struct {
		const void *what;
		u16 number;
	} slots[NSLAB_NUMBER_SLOTS];
	u16 last;
};

void nslab_numbers_reset(struct nslab_numbers *numbers);
u16 *nslab_number_of(struct nslab_numbers *numbers, const void *what);
u16 nslab_next_number(struct nslab_numbers *numbers);

#endif /* KERNEL_NSLAB_CORE_NUMBERS_H */

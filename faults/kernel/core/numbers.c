// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers in place of addresses.
 */

#include <linux/hash.h>
#include <linux/string.h>

#include "numbers.h"

/**
 * nslab_numbers_reset() - an execution begins: nothing has a number
 */
void nslab_numbers_reset(struct nslab_numbers *numbers)
{
	memset(numbers, 0, sizeof(*numbers));
}

/**
 * nslab_number_of() - where the number of an address is, or will be
 * @numbers: in this table
 * @what: the address
 *
 * Return: points to 0 if it has none.
 */
u16 *nslab_number_of(struct nslab_numbers *numbers, const void *what)
{
	unsigned int slot = hash_ptr(what, NSLAB_NUMBER_BITS);

	while (numbers->slots[slot].what && numbers->slots[slot].what != what)
		slot = (slot + 1) % NSLAB_NUMBER_SLOTS;
	if (!numbers->slots[slot].what && numbers->last < NSLAB_MAX_NUMBER)
		numbers->slots[slot].what = what;
	return &numbers->slots[slot].number;
}

/**
 * nslab_next_number() - a number that nothing has yet
 *
 * Return: from 1; 0 if there are no more.
 */
u16 nslab_next_number(struct nslab_numbers *numbers)
{
	return numbers->last < NSLAB_MAX_NUMBER ? ++numbers->last : 0;
}

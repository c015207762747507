// SPDX-License-Identifier: GPL-2.0
/*
 * Strategy "random": at each point, any of the actors that can run.
 */

#include "strategy.h"

static __u32 random_pick(struct nslab_search *search,
			 const struct nslab_choice *choice)
{
	__u32 i, n = 0;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		n += choice->enabled >> i & 1;
	n = nslab_search_below(search, n);
	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (choice->enabled & 1U << i && !n--)
			break;
	return i;
}

const struct nslab_strategy nslab_strategy_random = {
	.begin = nslab_search_seed,
	.pick = random_pick,
};

// SPDX-License-Identifier: GPL-2.0
/* Strategy "random": at each point, any actor that can run. */
#include "strategy.h"

static void random_begin(struct nslab_search *search)
{
	search->rnd = search->run->seed;
}

static __u32 random_pick(struct nslab_search *search,
			 const struct nslab_choice *choice)
{
	__u32 n = __builtin_popcount(choice->enabled), i = 0, j;
	j = nslab_search_below(search, n);
	for (;; i++)
		if (choice->enabled & 1U << i && !j--)
			return i;
}

const struct nslab_strategy nslab_strategy_pct = {
	.begin = random_begin,
	.pick = random_pick,
};

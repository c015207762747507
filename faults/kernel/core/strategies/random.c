// SPDX-License-Identifier: GPL-2.0
/*
 * Strategy "random": at each point, any of the actors that can run.
 *
 * An execution with hundreds of points would then never let an actor go twenty
 * steps in one piece, which many a bug needs of one while the other stands still.
 * So how often an actor that could go on has to think of that is drawn for each
 * execution: at each of its points, at every second one on the average, ... at
 * every 64th.
 */

#include "strategy.h"

#define NR_PACES	7

/* @priority is pct's and pos's: of the first actor it is the pace here. */
static void random_begin(struct nslab_search *search)
{
	nslab_search_seed(search);
	search->priority[0] = nslab_search_below(search, NR_PACES);
}

static __u32 random_pick(struct nslab_search *search,
			 const struct nslab_choice *choice)
{
	__u32 i, n = 0;

	if (!choice->free && choice->at < NSLAB_MAX_ACTORS &&
	    choice->enabled & 1U << choice->at &&
	    nslab_search_below(search, 1U << search->priority[0]))
		return choice->at;
	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		n += choice->enabled >> i & 1;
	n = nslab_search_below(search, n);
	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (choice->enabled & 1U << i && !n--)
			break;
	return i;
}

const struct nslab_strategy nslab_strategy_random = {
	.begin = random_begin,
	.pick = random_pick,
};

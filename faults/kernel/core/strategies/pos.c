// SPDX-License-Identifier: GPL-2.0
/*
 * Strategy "pos": partial order sampling (Yuan, Yang, Gu, "Partial Order Aware
 * Concurrency Sampling", CAV 2018).
 *
 * What each actor does next has a random priority, the highest goes first.
 * Whatever races with that draws again, so that the order of two accesses
 * depends on no earlier draw.
 */

#include "strategy.h"

static void pos_begin(struct nslab_search *search)
{
	__u32 i;

	nslab_search_seed(search);
	nslab_draw_focus(search);
	search->last = NSLAB_NOBODY;
	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		search->priority[i] = nslab_search_random(search);
}

static bool races(const struct nslab_op *a, const struct nslab_op *b)
{
	return a->object && a->object == b->object && (a->write || b->write) &&
	       a->offset < b->offset + b->size &&
	       b->offset < a->offset + a->size;
}

static __u32 pos_pick(struct nslab_search *search,
		      const struct nslab_choice *choice)
{
	__u32 i, best = NSLAB_MAX_ACTORS;

	if (!nslab_in_focus(search, choice))
		return nslab_default_pick(choice);
	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (search->last != NSLAB_NOBODY &&
		    (i == search->last ||
		     races(&search->op, &choice->next[i])))
			search->priority[i] = nslab_search_random(search);

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (choice->enabled & 1U << i &&
		    (best == NSLAB_MAX_ACTORS ||
		     search->priority[i] > search->priority[best]))
			best = i;
	search->last = best;
	search->op = choice->next[best];
	return best;
}

const struct nslab_strategy nslab_strategy_pos = {
	.begin = pos_begin,
	.pick = pos_pick,
};

// SPDX-License-Identifier: GPL-2.0
/*
 * Strategy "pct": probabilistic concurrency testing (Burckhardt, Kothari,
 * Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic
 * Guarantees of Finding Bugs", ASPLOS 2010).
 *
 * Of n actors that take k steps in all, one execution shows a bug of depth d
 * with a probability of at least 1 / (n * k^(d - 1)); half of that if every
 * second execution is about memory of one kind, see nslab_draw_focus().
 */

#include "strategy.h"

static bool was_drawn(const struct nslab_search *search, __u32 change)
{
	__u32 i;

	for (i = 0; i < search->nchanges; i++)
		if (search->changes[i] == change)
			return true;
	return false;
}

/*
 * They stay in the order in which they were drawn: the guarantee needs any
 * priority at any of them, not the lower the earlier.
 */
static void draw_changes(struct nslab_search *search, __u32 n, __u32 length)
{
	while (search->nchanges < n) {
		__u32 change = 1 + nslab_search_below(search, length);

		if (length < n || !was_drawn(search, change))
			search->changes[search->nchanges++] = change;
	}
}

/* Fewer steps than these are no search. */
#define MIN_LENGTH	8

/*
 * Of all steps, an unknown part is about the memory of one kind: a quarter, an eighth,
 * ... are equally likely.
 */
static __u32 draw_length(struct nslab_search *search)
{
	__u32 length = search->run->length ?: 1, halves = 2;

	if (!search->focus)
		return length;
	while (length >> (halves + 1) >= MIN_LENGTH)
		halves++;
	length >>= 2 + nslab_search_below(search, halves - 1);
	return length > MIN_LENGTH ? length : MIN_LENGTH;
}

static void pct_begin(struct nslab_search *search)
{
	__u32 n = search->run->depth ? search->run->depth - 1 : 0;
	__u32 i, j;

	nslab_search_seed(search);
	nslab_draw_focus(search);
	if (n > NSLAB_MAX_CHANGES)
		n = NSLAB_MAX_CHANGES;
	draw_changes(search, n, draw_length(search));

	/* A random order of d ... d + n - 1; the changes are to 1 ... d - 1. */
	for (i = 0; i < NSLAB_MAX_ACTORS && i < search->run->nactors; i++) {
		j = nslab_search_below(search, i + 1);
		search->priority[i] = search->priority[j];
		search->priority[j] = n + 1 + i;
	}
}

static __u32 pct_pick(struct nslab_search *search,
		      const struct nslab_choice *choice)
{
	__u32 i, best = NSLAB_MAX_ACTORS, step;

	if (!nslab_in_focus(search, choice))
		return nslab_default_pick(choice);
	step = search->focus ? search->steps++ : choice->step;
	/* @at has made this step. */
	for (i = 0; i < search->nchanges; i++)
		if (search->changes[i] == step &&
		    choice->at < NSLAB_MAX_ACTORS)
			search->priority[choice->at] = i + 1;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (choice->enabled & 1U << i &&
		    (best == NSLAB_MAX_ACTORS ||
		     search->priority[i] > search->priority[best]))
			best = i;
	return best;
}

const struct nslab_strategy nslab_strategy_pct = {
	.begin = pct_begin,
	.pick = pct_pick,
};

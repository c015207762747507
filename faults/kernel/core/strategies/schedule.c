// SPDX-License-Identifier: GPL-2.0
/*
 * Strategy of "bounded" and "replay": a list of switches, in the order of
 * time, says where it is not the default that runs next.
 */

#include "strategy.h"

static void schedule_begin(struct nslab_search *search)
{
}

static __u32 schedule_pick(struct nslab_search *search,
			   const struct nslab_choice *choice)
{
	const struct nslab_switch *to = &search->switches[search->next_switch];

	if (search->next_switch == search->nswitches || to->at != choice->at ||
	    to->local > choice->local)
		return nslab_default_pick(choice);

	search->next_switch++;
	if (to->local == choice->local && to->next < NSLAB_MAX_ACTORS &&
	    choice->enabled & 1U << to->next)
		return to->next;
	search->diverged = true;
	return nslab_default_pick(choice);
}

static void schedule_end(struct nslab_search *search)
{
	if (search->next_switch < search->nswitches)
		search->diverged = true;
}

const struct nslab_strategy nslab_strategy_schedule = {
	.begin = schedule_begin,
	.pick = schedule_pick,
	.end = schedule_end,
};

// SPDX-License-Identifier: GPL-2.0
#include "strategy.h"
static void schedule_begin(struct nslab_search *search) {}
static __u32 schedule_pick(struct nslab_search *search,
			   const struct nslab_choice *choice)
{
	const struct nslab_switch *s = &search->switches[search->next_switch];

	if (search->next_switch == search->nswitches || s->at != choice->at ||
	    choice->local < s->local)
		return nslab_default_pick(choice);
	search->next_switch++;
	if (choice->local > s->local || !(choice->enabled & 1U << s->next)) {
		search->diverged = true;
		return nslab_default_pick(choice);
	}
	return s->next;
}
static void schedule_end(struct nslab_search *search)
{
	search->diverged |= search->next_switch < search->nswitches;
}
const struct nslab_strategy nslab_strategy_schedule = {
	.begin = schedule_begin,
	.pick = schedule_pick,
	.end = schedule_end,
};

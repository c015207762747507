// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers for steps by their effects, so that a schedule needs four bytes for
 * each actor that sleeps.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/search/steps.h"

static uint32_t *slot_of(struct steps *steps, const struct effects *effects)
{
	const unsigned char *byte = (const unsigned char *)effects;
	uint32_t mask = steps->room * 2 - 1, slot;
	uint64_t hash = 0;
	size_t i;

	for (i = 0; i < sizeof(*effects); i++)
		hash = hash_word(hash, byte[i]);
	for (slot = hash & mask; steps->slots[slot]; slot = (slot + 1) & mask)
		if (!memcmp(&steps->effects[steps->slots[slot]], effects,
			    sizeof(*effects)))
			break;
	return &steps->slots[slot];
}

static bool more_room(struct steps *steps, struct budget *budget)
{
	uint32_t room = steps->room ? steps->room * 2 : 64, i;
	size_t bytes = (room - steps->room) *
		       (sizeof(*steps->effects) + 2 * sizeof(*steps->slots));
	struct effects *effects;
	uint32_t *slots;

	if (!budget_take(budget, bytes))
		return false;
	effects = realloc(steps->effects, room * sizeof(*effects));
	if (effects)
		steps->effects = effects;
	slots = effects ? calloc(room * 2, sizeof(*slots)) : NULL;
	if (!slots) {
		budget->used -= bytes;
		return false;
	}
	free(steps->slots);
	steps->slots = slots;
	steps->room = room;
	if (!steps->n)
		steps->n = 1;
	for (i = 1; i < steps->n; i++)
		*slot_of(steps, &steps->effects[i]) = i;
	return true;
}

/**
 * steps_number() - the number of the steps that have these effects
 *
 * Return: from 1; 0 if there is no memory for them.
 */
uint32_t steps_number(struct steps *steps, struct budget *budget,
		      const struct effects *effects)
{
	uint32_t *slot;

	if (steps->n == steps->room && !more_room(steps, budget))
		return 0;
	slot = slot_of(steps, effects);
	if (!*slot) {
		*slot = steps->n++;
		steps->effects[*slot] = *effects;
	}
	return *slot;
}

/**
 * steps_wake() - a step is made: no actor sleeps at one that depends on it
 * @sleep: by actor, the number of the step that it is asleep at, or 0
 */
void steps_wake(const struct steps *steps, uint32_t *sleep,
		const struct effects *step)
{
	unsigned int i;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (sleep[i] && effects_depend(&steps->effects[sleep[i]], step))
			sleep[i] = 0;
}

/**
 * steps_free() - forget all of them
 */
void steps_free(struct steps *steps)
{
	free(steps->effects);
	free(steps->slots);
	*steps = (struct steps) {};
}

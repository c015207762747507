/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers for steps by their effects.
 */
#ifndef SCENARIOS_LIB_SEARCH_STEPS_H
#define SCENARIOS_LIB_SEARCH_STEPS_H

#include "lib/search/effects.h"
#include "lib/search/queue.h"

/* Hash one more word of something; begin with any number. */
static inline uint64_t hash_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

/**
 * struct steps - the steps that have a number; all zero is an empty one
 * @effects: by number, from 1
 * @n: how many, @effects[0] among them
 * @room: for how many
 * @slots: hash table of indices of @effects, twice @room
 */
struct steps {
	struct effects *effects;
	uint32_t n, room;
	uint32_t *slots;
};

uint32_t steps_number(struct steps *steps, struct budget *budget,
		      const struct effects *effects);
void steps_wake(const struct steps *steps, uint32_t *sleep,
		const struct effects *step);
void steps_free(struct steps *steps);

#endif /* SCENARIOS_LIB_SEARCH_STEPS_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers: from the seed of the execution, from nothing else.
 */

#include <linux/math64.h>

#include "random.h"

/**
 * nslab_seed_actor() - start the random numbers of one actor
 * @actor: whose
 * @seed: of the execution
 * @index: of the actor in the scenario
 */
void nslab_seed_actor(struct nslab_actor *actor, u64 seed, unsigned int index)
{
	prandom_seed_state(&actor->rnd, seed ^ (index * 0x9e3779b97f4a7c15ULL));
}

/**
 * nslab_random_below() - uniform in 0 ... @ceil - 1
 */
u32 nslab_random_below(struct rnd_state *rnd, u32 ceil)
{
	return mul_u32_u32(prandom_u32_state(rnd), ceil) >> 32;
}

/**
 * nslab_random_between() - uniform in @min ... @max, both included
 */
u64 nslab_random_between(struct rnd_state *rnd, u64 min, u64 max)
{
	u64 draw = prandom_u32_state(rnd);

	draw = draw << 32 | prandom_u32_state(rnd);
	if (max <= min)
		return min;
	return min + mul_u64_u64_shr(draw, max - min + 1, 64);
}

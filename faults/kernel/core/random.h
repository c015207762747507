/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers: from the seed of the execution, from nothing else.
 */
#ifndef KERNEL_NSLAB_CORE_RANDOM_H
#define KERNEL_NSLAB_CORE_RANDOM_H

#include "actors.h"

void nslab_seed_actor(struct nslab_actor *actor, u64 seed, unsigned int index);
u32 nslab_random_below(struct rnd_state *rnd, u32 ceil);
u64 nslab_random_between(struct rnd_state *rnd, u64 min, u64 max);

#endif /* KERNEL_NSLAB_CORE_RANDOM_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs for toys, see toy.h.
 */

#include <string.h>

#include "lib/tests/toy.h"

/**
 * toy_random() - splitmix64 (Vigna 2015)
 */
uint64_t toy_random(uint64_t *rnd)
{
	uint64_t x = *rnd += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static unsigned int below(uint64_t *rnd, unsigned int ceil)
{
	return (toy_random(rnd) >> 32) % ceil;
}

static struct toy_op random_op(uint64_t *rnd, unsigned int codes)
{
	struct toy_op op;

	do
		op.code = 1 + below(rnd, TOY_NR_CODES - 1);
	while (!(codes & 1U << op.code));
	op.object = below(rnd, op.code == TOY_LOCK ? 2 : 3);
	if (op.code == TOY_UNLOCK || op.code >= TOY_KEEP)
		op.object = below(rnd, 2);
	op.offset = below(rnd, 2);
	op.size = op.offset ? 1 : 1 + below(rnd, 2);
	op.arg = below(rnd, 4);
	op.quiet = !below(rnd, 4);
	return op;
}

/* A pair of operations around a third, or all that is left of the room. */
static unsigned int enclose(struct toy_op *ops, unsigned int room,
			    uint64_t *rnd, unsigned int codes,
			    enum toy_code first, enum toy_code last)
{
	struct toy_op op = { .code = first, .object = below(rnd, 2) };
	unsigned int n = 0;

	ops[n++] = op;
	while (n + 1 < room && below(rnd, 3))
		ops[n++] = random_op(rnd, codes & ~(1U << first));
	op.code = last;
	ops[n++] = op;
	return n;
}

/**
 * toy_random_program() - two or three little programs
 * @toy: filled
 * @seed: the same seed, the same programs
 */
void toy_random_program(struct toy *toy, uint64_t seed)
{
	static const unsigned int themes[] = {
		1U << TOY_LOCK | 1U << TOY_UNLOCK,
		1U << TOY_RCU_LOCK | 1U << TOY_RCU_UNLOCK | 1U << TOY_SYNC,
		1U << TOY_ALLOC | 1U << TOY_FREE,
		1U << TOY_LOOK | 1U << TOY_EXIT | 1U << TOY_SKIP,
		1U << TOY_KEEP | 1U << TOY_GIVE,
		1U << TOY_WAIT | 1U << TOY_POST,
		1U << TOY_WAIT | 1U << TOY_POST | 1U << TOY_KILL | 1U << TOY_SKIP,
	};
	const unsigned int only_shared = themes[4] | 1U << TOY_WAIT |
					 1U << TOY_POST | 1U << TOY_KILL;
	uint64_t rnd = seed;
	unsigned int codes = 1U << TOY_READ | 1U << TOY_WRITE | 1U << TOY_ADD;
	unsigned int i, n, room;

	memset(toy, 0, sizeof(*toy));
	if (below(&rnd, 4))
		codes |= themes[below(&rnd, 7)];
	if (below(&rnd, 2))
		codes |= toy_random(&rnd) & toy_random(&rnd) &
			 ((1U << TOY_NR_CODES) - 2);
	toy->shared = codes & only_shared || below(&rnd, 2);
	toy->nactors = 2 + below(&rnd, 2);
	toy->handoff = below(&rnd, 2);
	toy->eager = below(&rnd, 2);
	toy->caches = below(&rnd, 2);
	for (i = 0; i < toy->nactors; i++) {
		room = toy->nactors == 2 ? 2 + below(&rnd, 5) :
					   1 + below(&rnd, 4);
		for (n = 0; n < room;) {
			struct toy_op *ops = &toy->ops[i][n];
			unsigned int left = room - n;

			if (left > 1 && codes & 1U << TOY_LOCK &&
			    below(&rnd, 2))
				n += enclose(ops, left, &rnd, codes, TOY_LOCK,
					     TOY_UNLOCK);
			else if (left > 1 && codes & 1U << TOY_RCU_LOCK &&
				 below(&rnd, 2))
				n += enclose(ops, left, &rnd, codes,
					     TOY_RCU_LOCK, TOY_RCU_UNLOCK);
			else
				toy->ops[i][n++] = random_op(&rnd, codes);
		}
	}
}

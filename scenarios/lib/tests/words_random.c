// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs that share words, see words.h.
 */

#include <stdio.h>
#include <string.h>

#include "lib/tests/words.h"

static unsigned int below(uint64_t *rnd, unsigned int ceil)
{
	return (toy_random(rnd) >> 32) % ceil;
}

/**
 * struct maker - writes the program of an actor
 * @rnd: state of the random numbers
 * @codes: what it may consist of, a bit each
 * @words: how many there are
 * @nactors: how many there are
 * @me: whose program it is
 * @ops: written so far
 * @n: how many
 * @room: for how many
 */
struct maker {
	uint64_t *rnd;
	unsigned int codes, words, nactors, me;
	struct words_op *ops;
	unsigned int n, room;
};

static bool has(const struct maker *maker, enum words_code code)
{
	return maker->codes & 1U << code;
}

static void put(struct maker *maker, enum words_code code, unsigned int word,
		unsigned int arg)
{
	if (maker->n < maker->room)
		maker->ops[maker->n++] = (struct words_op) {
			.code = code, .word = word, .arg = arg,
		};
}

static void put_access(struct maker *maker)
{
	static const enum words_code codes[] = {
		WORDS_READ, WORDS_READ, WORDS_WRITE, WORDS_ADD, WORDS_INC,
		WORDS_AT, WORDS_FREE,
	};
	enum words_code code;

	do
		code = codes[below(maker->rnd, 7)];
	while (!has(maker, code));
	put(maker, code, below(maker->rnd, maker->words),
	    1 + below(maker->rnd, 2));
}

static void put_some(struct maker *maker, unsigned int n, unsigned int nesting);

static void enclose(struct maker *maker, enum words_code first,
		    enum words_code last, unsigned int lock,
		    unsigned int nesting)
{
	unsigned int room = maker->room;

	put(maker, first, lock, 0);
	maker->room--;
	put_some(maker, below(maker->rnd, 3), nesting + 1);
	maker->room = room;
	put(maker, last, lock, 0);
}

static void put_one(struct maker *maker, unsigned int nesting)
{
	unsigned int lock = below(maker->rnd, 2);
	bool two = maker->room - maker->n >= 2;

	switch (below(maker->rnd, 10)) {
	case 0:
		if (two && has(maker, WORDS_LOCK))
			return enclose(maker, WORDS_LOCK, WORDS_UNLOCK, lock,
				       nesting);
		break;
	case 1:
		if (two && has(maker, WORDS_SPIN))
			return enclose(maker, WORDS_SPIN, WORDS_UNSPIN,
				       WORDS_SLEEPING + lock, nesting);
		break;
	case 2:
		if (two && has(maker, WORDS_RCU_LOCK))
			return enclose(maker, WORDS_RCU_LOCK, WORDS_RCU_UNLOCK,
				       0, nesting);
		break;
	case 3:
		if (has(maker, WORDS_SYNC) && !nesting)
			return put(maker, WORDS_SYNC, 0, 0);
		break;
	case 4:
		if (two && has(maker, WORDS_OFF))
			return enclose(maker, WORDS_OFF, WORDS_ON, 0, nesting);
		break;
	case 5:
		if (!two || !has(maker, WORDS_SKIP))
			break;
		put(maker, WORDS_SKIP, 1, below(maker->rnd, 3));
		break;
	case 6:
		if (two && has(maker, WORDS_TRYLOCK))
			return enclose(maker, WORDS_TRYLOCK, WORDS_UNLOCK, lock,
				       nesting);
		break;
	case 7:
		if (has(maker, WORDS_POINT))
			return put(maker, WORDS_POINT, 0, 0);
		break;
	case 8:
		if (!has(maker, WORDS_WAKE))
			break;
		if (maker->me)
			return put(maker, WORDS_WAKE, 0, 0);
		if (below(maker->rnd, 2))
			return put(maker, WORDS_PREPARE, 0, 0);
		if (two)
			put(maker, WORDS_SKIP, 1, 1 + below(maker->rnd, 2));
		return put(maker, WORDS_SLEEP, 0, 0);
	}
	put_access(maker);
}

static void put_some(struct maker *maker, unsigned int n, unsigned int nesting)
{
	while (n-- && maker->n < maker->room)
		put_one(maker, nesting);
}

/**
 * words_random() - two or three little programs
 * @program: filled
 * @seed: the same seed, the same programs
 */
void words_random(struct words_program *program, uint64_t seed)
{
	static const unsigned int themes[] = {
		0,
		1U << WORDS_LOCK,
		1U << WORDS_LOCK | 1U << WORDS_SKIP,
		1U << WORDS_LOCK | 1U << WORDS_TRYLOCK,
		1U << WORDS_SPIN | 1U << WORDS_SKIP,
		1U << WORDS_LOCK | 1U << WORDS_SPIN,
		1U << WORDS_RCU_LOCK | 1U << WORDS_SYNC | 1U << WORDS_FREE,
		1U << WORDS_RCU_LOCK | 1U << WORDS_SYNC | 1U << WORDS_LOCK,
		1U << WORDS_FREE | 1U << WORDS_SKIP,
		1U << WORDS_AT | 1U << WORDS_SKIP,
		1U << WORDS_AT | 1U << WORDS_LOCK,
		1U << WORDS_OFF,
		1U << WORDS_POINT | 1U << WORDS_SKIP,
		1U << WORDS_OFF | 1U << WORDS_LOCK,
		1U << WORDS_WAKE,
		1U << WORDS_WAKE | 1U << WORDS_SPIN | 1U << WORDS_LOCK,
		UINT32_MAX,
	};
	uint64_t rnd = seed;
	struct maker maker = { .rnd = &rnd };
	unsigned int i;

	memset(program, 0, sizeof(*program));
	maker.codes = themes[below(&rnd, sizeof(themes) / sizeof(themes[0]))];
	maker.codes |= 1U << WORDS_READ | 1U << WORDS_WRITE | 1U << WORDS_ADD |
		       1U << WORDS_INC;
	maker.words = 1 + below(&rnd, WORDS_MEMORY - 1);
	maker.nactors = 2 + !below(&rnd, 3);
	program->nactors = maker.nactors;
	program->handoff = below(&rnd, 2);
	for (i = 0; i < maker.nactors; i++) {
		maker.me = i;
		maker.ops = program->ops[i];
		maker.n = 0;
		maker.room = maker.nactors == 2 ? 3 + below(&rnd, 7) :
						  2 + below(&rnd, 5);
		put_some(&maker, maker.room, 0);
	}
}

/**
 * words_print() - for whoever has to find out what went wrong
 */
void words_print(const struct words_program *program)
{
	static const char * const names[WORDS_NR_CODES] = {
		"end", "read", "write", "add", "inc", "at", "free", "lock",
		"unlock", "trylock", "spin", "unspin", "off", "on", "rcu_lock",
		"rcu_unlock", "sync", "prepare", "sleep", "wake", "skip",
		"point", "bug",
	};
	unsigned int i, j;

	for (i = 0; i < program->nactors; i++) {
		printf("actor %u:", i);
		for (j = 0; j < WORDS_OPS && program->ops[i][j].code; j++)
			printf(" %s(%u,%u)", names[program->ops[i][j].code],
			       program->ops[i][j].word, program->ops[i][j].arg);
		printf("%s\n", program->handoff ? " [handoff]" : "");
	}
}

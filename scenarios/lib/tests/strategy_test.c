// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: the strategies of the kernel, with toys.
 *
 * What is expected of chance holds for the seeds that are used, always; the
 * limits are far enough away that it holds for nearly all others.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/tests/toy.h"

#define NR_SEEDS	20000
#define MAX_SCHEDULES	4096

#define R(o)	{ .code = TOY_READ, .object = (o) }
#define W(o, v)	{ .code = TOY_WRITE, .object = (o), .arg = (v) }
#define ADD(o)	{ .code = TOY_ADD, .object = (o), .arg = 1 }
#define POINT	{ .code = TOY_POINT }
#define BUG(v)	{ .code = TOY_BUG, .arg = (v) }

static struct toy_trace trace;

static uint64_t run_toy(const struct toy *toy,
			const struct nslab_strategy *strategy,
			const struct nslab_run *run)
{
	struct nslab_search search = { .strategy = strategy, .run = run };

	return toy_run(toy, &search, &trace);
}

static bool found_bug(void)
{
	/* A crash is no event: somebody was chosen, and never came back. */
	return trace.events[trace.n - 1].enabled;
}

static unsigned int bugs(const struct toy *toy,
			 const struct nslab_strategy *strategy,
			 unsigned int depth, unsigned int length)
{
	struct nslab_run run = {
		.nactors = toy->nactors, .depth = depth, .length = length,
	};
	unsigned int found = 0;

	for (run.seed = 0; run.seed < NR_SEEDS; run.seed++) {
		run_toy(toy, strategy, &run);
		found += found_bug();
	}
	return found;
}

/* === Decisions without a toy === */

static const struct nslab_op nothing[NSLAB_MAX_ACTORS];

static void begin(struct nslab_search *search,
		  const struct nslab_strategy *strategy,
		  const struct nslab_run *run)
{
	memset(search, 0, sizeof(*search));
	search->strategy = strategy;
	search->run = run;
	strategy->begin(search);
}

/* So many picks of one out of @enabled, each between @min and @max times. */
static void assert_uniform(unsigned int enabled, unsigned int picks,
			   unsigned int min, unsigned int max)
{
	const struct nslab_run run = { .nactors = NSLAB_MAX_ACTORS };
	unsigned int counts[NSLAB_MAX_ACTORS] = {}, i;
	struct nslab_choice choice = {
		.at = 1, .enabled = enabled, .free = true,
		.next = nothing,
	};
	struct nslab_search search;

	begin(&search, &nslab_strategy_random, &run);
	for (choice.step = 0; choice.step < picks; choice.step++) {
		i = search.strategy->pick(&search, &choice);
		assert_in_range(i, 0, NSLAB_MAX_ACTORS - 1);
		counts[i]++;
	}
	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (enabled & 1U << i)
			assert_in_range(counts[i], min, max);
		else
			assert_int_equal(0, counts[i]);
}

static void random_is_uniform(void **state)
{
	/* Six standard deviations. */
	assert_uniform(0x7, 30000, 10000 - 490, 10000 + 490);
	assert_uniform(0xff, 80000, 10000 - 562, 10000 + 562);
	assert_uniform(0xa4, 30000, 10000 - 490, 10000 + 490);
	assert_uniform(0x10, 100, 100, 100);
}

/* How often an actor that could go on does not, of 65536 times. */
static unsigned int switches(uint64_t seed)
{
	const struct nslab_run run = { .nactors = 2, .seed = seed };
	const struct nslab_choice choice = {
		.at = 1, .enabled = 3, .next = nothing,
	};
	struct nslab_search search;
	unsigned int i, n = 0;

	begin(&search, &nslab_strategy_random, &run);
	for (i = 0; i < 65536; i++)
		n += !search.strategy->pick(&search, &choice);
	return n;
}

static void random_has_several_paces(void **state)
{
	unsigned int counts[7] = {}, i, n;
	uint64_t seed;

	for (seed = 0; seed < 700; seed++) {
		n = switches(seed);
		/* 32768, 16384, ... 512: five standard deviations at least. */
		for (i = 0; i < 7; i++)
			if (abs((int)n - (32768 >> i)) <= 32768 >> i >> 2)
				break;
		assert_in_range(i, 0, 6);
		counts[i]++;
	}
	for (i = 0; i < 7; i++)
		assert_in_range(counts[i], 100 - 56, 100 + 56);
}

static void seeds_decide(void **state)
{
	static const struct nslab_strategy * const strategies[] = {
		&nslab_strategy_random, &nslab_strategy_pct,
		&nslab_strategy_pos,
	};
	static const struct toy toy = {
		.nactors = 3,
		.ops = { { R(0), ADD(0), R(0), ADD(0) },
			 { R(0), ADD(0), R(0), ADD(0) },
			 { R(0), ADD(0), R(0), ADD(0) } },
	};
	struct nslab_run run = { .nactors = 3, .depth = 3, .length = 16 };
	static struct toy_trace first;
	unsigned int i, same = 0;

	for (i = 0; i < 3; i++) {
		for (run.seed = 1; run.seed <= 50; run.seed++) {
			run_toy(&toy, strategies[i], &run);
			first = trace;
			run_toy(&toy, strategies[i], &run);
			assert_memory_equal(&first, &trace, sizeof(trace));
			run.seed += 1000;
			run_toy(&toy, strategies[i], &run);
			run.seed -= 1000;
			same += !memcmp(&first, &trace, sizeof(trace));
		}
	}
	assert_in_range(same, 0, 15);
}

/* === All interleavings === */

struct found {
	unsigned int n;
	uint64_t hashes[MAX_SCHEDULES];
};

static void found_add(struct found *found, uint64_t hash)
{
	unsigned int i;

	for (i = 0; i < found->n; i++)
		if (found->hashes[i] == hash)
			return;
	assert_true(found->n < MAX_SCHEDULES);
	found->hashes[found->n++] = hash;
}

static void all_outcomes(struct found *found, const struct toy_state *state)
{
	unsigned int i;

	if (state->over) {
		found_add(found, toy_outcome(state));
		return;
	}
	for (i = 0; i < state->toy->nactors; i++) {
		struct toy_state next = *state;

		if (!(state->enabled & 1U << i))
			continue;
		toy_step(&next, i, NULL);
		all_outcomes(found, &next);
	}
}

/* How often which actor was chosen: no two interleavings are the same. */
static uint64_t who_ran(void)
{
	uint64_t hash = 1;
	unsigned int i;

	for (i = 0; i < trace.n; i++)
		if (trace.events[i].enabled)
			hash = hash * 4 + trace.events[i].next;
	return hash;
}

static unsigned int all_interleavings(const struct toy_state *state)
{
	unsigned int i, n = 0;

	if (state->over)
		return 1;
	for (i = 0; i < state->toy->nactors; i++) {
		struct toy_state next = *state;

		if (!(state->enabled & 1U << i))
			continue;
		toy_step(&next, i, NULL);
		n += all_interleavings(&next);
	}
	return n;
}

static void random_and_pos_hit_all(void **state)
{
	static const struct nslab_strategy * const strategies[] = {
		&nslab_strategy_random, &nslab_strategy_pos,
	};
	static const struct toy toy = {
		.nactors = 2,
		.ops = { { R(0), ADD(0), W(1, 1) }, { R(0), ADD(0), R(1) } },
	};
	struct nslab_run run = { .nactors = 2 };
	static struct found expected, outcomes, interleavings;
	struct toy_state begin;
	unsigned int i;

	toy_begin(&begin, &toy, NULL);
	all_outcomes(&expected, &begin);
	for (i = 0; i < 2; i++) {
		outcomes.n = 0;
		interleavings.n = 0;
		for (run.seed = 0; run.seed < NR_SEEDS; run.seed++) {
			found_add(&outcomes,
				  run_toy(&toy, strategies[i], &run));
			found_add(&interleavings, who_ran());
		}
		assert_int_equal(expected.n, outcomes.n);
		assert_int_equal(all_interleavings(&begin), interleavings.n);
	}
}

/* === pct === */

/* One has to be before the other: half of all orders. */
static const struct toy depth_1 = {
	.nactors = 2,
	.ops = { { W(0, 1), POINT, POINT, POINT },
		 { R(0), BUG(0), POINT, POINT, POINT } },
};

/* The second reads between the two writes of the first. */
static const struct toy depth_2 = {
	.nactors = 3,
	.ops = { { POINT, POINT, W(0, 1), W(0, 0), POINT, POINT },
		 { R(0), BUG(1), POINT, POINT },
		 { POINT, POINT } },
};

/* And in the midst of that the second is to be between, too. */
static const struct toy depth_3 = {
	.nactors = 2,
	.ops = { { POINT, W(0, 1), R(1), BUG(1), W(0, 0), POINT },
		 { POINT, R(0), { .code = TOY_SKIP, .arg = 0 },
		   W(1, 1), W(1, 0), POINT } },
};

/* All steps: from point to point, the first ones and the ends. */
static unsigned int steps_of(const struct toy *toy)
{
	const struct nslab_run run = { .nactors = toy->nactors };
	unsigned int i, n = 0;

	run_toy(toy, &nslab_strategy_schedule, &run);
	assert_false(found_bug());
	for (i = 0; i < trace.n; i++)
		n += trace.events[i].enabled != 0;
	return n;
}

static void assert_guarantee(const struct toy *toy, unsigned int depth)
{
	unsigned int k = steps_of(toy), all = toy->nactors, i, deviation = 0;

	for (i = 1; i < depth; i++)
		all *= k;
	/* It is tight for depth 1, so chance may fall a little short of it. */
	while (deviation * deviation < NR_SEEDS / all)
		deviation++;
	assert_in_range(bugs(toy, &nslab_strategy_pct, depth, k),
			NR_SEEDS / all - 3 * deviation, NR_SEEDS);
}

static void pct_keeps_its_guarantee(void **state)
{
	assert_guarantee(&depth_1, 1);
	assert_guarantee(&depth_2, 2);
	assert_guarantee(&depth_3, 3);
}

static void pct_goes_no_deeper_than_told(void **state)
{
	unsigned int n = bugs(&depth_1, &nslab_strategy_pct, 1, 10);

	/* Without a change it is only who starts. */
	assert_in_range(n, NR_SEEDS / 2 - 500, NR_SEEDS / 2 + 500);
	assert_int_equal(0, bugs(&depth_2, &nslab_strategy_pct, 1, 16));
	assert_int_equal(0, bugs(&depth_3, &nslab_strategy_pct, 1, 14));
	assert_int_equal(0, bugs(&depth_3, &nslab_strategy_pct, 2, 14));
	/* Nobody asked for depth 0, but it should not be endless. */
	assert_int_equal(0, bugs(&depth_2, &nslab_strategy_pct, 0, 0));
}

/* Priorities d ... d + n - 1 at first, changes in 1 ... length, no two alike. */
static void pct_draws(void **state)
{
	static const struct {
		unsigned int depth, length, nchanges;
	} cases[] = {
		{ 1, 10, 0 }, { 2, 10, 1 }, { 4, 3, 3 }, { 3, 1, 2 },
		{ 100, 1000, NSLAB_MAX_CHANGES }, { 5, 0, 4 },
	};
	struct nslab_run run = { .nactors = 3 };
	struct nslab_search search;
	unsigned int i, j, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int n = cases[i].nchanges;
		unsigned int length = cases[i].length ?: 1;

		run.depth = cases[i].depth;
		run.length = cases[i].length;
		for (run.seed = 0; run.seed < 100; run.seed++) {
			begin(&search, &nslab_strategy_pct, &run);
			assert_int_equal(n, search.nchanges);
			for (j = 0; j < n; j++) {
				assert_in_range(search.changes[j], 1, length);
				for (k = 0; k < j && length >= n; k++)
					assert_int_not_equal(search.changes[j],
							     search.changes[k]);
			}
			for (j = 0; j < 3; j++) {
				assert_in_range(search.priority[j], n + 1,
						n + 3);
				for (k = 0; k < j; k++)
					assert_int_not_equal(search.priority[j],
							     search.priority[k]);
			}
		}
	}
}

/* Each of 3! orders, each step for a change. */
static void pct_draws_uniformly(void **state)
{
	struct nslab_run run = { .nactors = 3, .depth = 2, .length = 5 };
	unsigned int orders[64] = {}, changes[6] = {}, i, seen = 0;
	struct nslab_search search;

	for (run.seed = 0; run.seed < 30000; run.seed++) {
		begin(&search, &nslab_strategy_pct, &run);
		orders[(search.priority[0] - 2) * 16 +
		       (search.priority[1] - 2) * 4 +
		       (search.priority[2] - 2)]++;
		changes[search.changes[0]]++;
	}
	for (i = 0; i < 64; i++) {
		if (!orders[i])
			continue;
		assert_in_range(orders[i], 5000 - 400, 5000 + 400);
		seen++;
	}
	assert_int_equal(6, seen);
	for (i = 1; i <= 5; i++)
		assert_in_range(changes[i], 6000 - 420, 6000 + 420);
}

static void pct_lowers_whoever_made_the_step(void **state)
{
	struct nslab_run run = { .nactors = 2, .depth = 2, .length = 1 };
	struct nslab_choice choice = {
		.at = NSLAB_NOBODY, .enabled = 3, .next = nothing,
	};
	struct nslab_search search;
	unsigned int first;

	begin(&search, &nslab_strategy_pct, &run);
	first = search.strategy->pick(&search, &choice);
	assert_int_equal(3, search.priority[first]);
	choice.step = 1;
	choice.at = first;
	assert_int_equal(!first, search.strategy->pick(&search, &choice));
	assert_int_equal(1, search.priority[first]);
	/* And still it runs when the other cannot. */
	choice.step = 2;
	choice.at = !first;
	choice.enabled = 1U << first;
	assert_int_equal(first, search.strategy->pick(&search, &choice));
}

/* === pos === */

/*
 * One access goes first if its actor makes seven steps while the other's does
 * not make two. An even choice at each step does so with a chance of 8 / 2^8.
 */
static void pos_is_fair_to_late_accesses(void **state)
{
	static const struct toy late = {
		.nactors = 2,
		.ops = { { W(1, 0), W(1, 0), W(1, 0), W(1, 0), W(1, 0),
			   W(0, 1) },
			 { R(0), BUG(1) } },
	};
	unsigned int pos = bugs(&late, &nslab_strategy_pos, 0, 0);

	assert_in_range(pos, NR_SEEDS / 10, NR_SEEDS);
}

static void pos_draws_again_for_races_only(void **state)
{
	const struct nslab_run run = { .nactors = 6 };
	const struct nslab_op next[NSLAB_MAX_ACTORS] = {
		{ .object = 1, .offset = 0, .size = 8, .write = 1 },
		{ .object = 1, .offset = 4, .size = 4 },	/* races */
		{ .object = 1, .offset = 8, .size = 8, .write = 1 },
		{ .object = 2, .offset = 0, .size = 8, .write = 1 },
		{ },
		{ .object = 1, .offset = 0, .size = 1, .write = 1 }, /* too */
	};
	struct nslab_choice choice = {
		.at = NSLAB_NOBODY, .enabled = 1, .next = next,
	};
	struct nslab_search search;
	uint64_t before[NSLAB_MAX_ACTORS];
	unsigned int i;

	begin(&search, &nslab_strategy_pos, &run);
	memcpy(before, search.priority, sizeof(before));
	assert_int_equal(0, search.strategy->pick(&search, &choice));
	assert_memory_equal(before, search.priority, sizeof(before));
	choice.enabled = 1 << 1;
	search.strategy->pick(&search, &choice);
	for (i = 0; i < 6; i++)
		assert_int_equal(i == 0 || i == 1 || i == 5,
				 before[i] != search.priority[i]);

	/* 1 reads: other readers are as they were, and so are not enabled. */
	memcpy(before, search.priority, sizeof(before));
	search.strategy->pick(&search, &choice);
	for (i = 0; i < 6; i++)
		assert_int_equal(i == 0 || i == 1,
				 before[i] != search.priority[i]);
}

/* Two that take a lock race, unless both take it for reading. An object is no lock. */
static void pos_draws_again_for_locks(void **state)
{
	const struct nslab_run run = { .nactors = 5 };
	const struct nslab_op next[NSLAB_MAX_ACTORS] = {
		{ .object = NSLAB_LOCK_OBJECT | 1, .size = 1, .write = 1 },
		{ .object = NSLAB_LOCK_OBJECT | 1, .size = 1 },
		{ .object = NSLAB_LOCK_OBJECT | 1, .size = 1 },
		{ .object = NSLAB_LOCK_OBJECT | 2, .size = 1, .write = 1 },
		{ .object = 1, .size = 1, .write = 1 },
	};
	struct nslab_choice choice = {
		.at = NSLAB_NOBODY, .enabled = 1, .next = next,
	};
	struct nslab_search search;
	uint64_t before[NSLAB_MAX_ACTORS];
	unsigned int i;

	begin(&search, &nslab_strategy_pos, &run);
	search.strategy->pick(&search, &choice);
	memcpy(before, search.priority, sizeof(before));
	choice.enabled = 1 << 1;
	search.strategy->pick(&search, &choice);
	for (i = 0; i < 5; i++)
		assert_int_equal(i < 3, before[i] != search.priority[i]);

	memcpy(before, search.priority, sizeof(before));
	search.strategy->pick(&search, &choice);
	for (i = 0; i < 5; i++)
		assert_int_equal(i < 2, before[i] != search.priority[i]);
}

/* === Executions about memory of one kind === */

static void half_of_all_are_about_one_kind(void **state)
{
	static const struct nslab_strategy * const strategies[] = {
		&nslab_strategy_pct, &nslab_strategy_pos,
	};
	struct nslab_run run = { .nactors = 2, .depth = 3, .length = 500 };
	unsigned int i, named, n;

	for (i = 0; i < 4; i++) {
		unsigned int counts[8] = {};

		named = i / 2;
		for (run.seed = 0; run.seed < 40000; run.seed++) {
			struct nslab_search search = {
				.strategy = strategies[i % 2], .run = &run,
				.nkinds = 4, .named = named,
			};

			search.strategy->begin(&search);
			assert_in_range(search.focus, 0, 5);
			counts[search.focus]++;
			for (n = 0; n < search.nchanges; n++)
				assert_in_range(search.changes[n], 1,
						search.focus ? 125 : 500);
		}
		assert_in_range(counts[0], 20000 - 600, 20000 + 600);
		assert_in_range(counts[1], named ? 10000 - 600 : 0, named * 10600);
		for (n = 2; n < 6; n++)
			assert_in_range(counts[n], (named ? 2500 : 5000) - 350,
					(named ? 2500 : 5000) + 350);
	}
}

static void elsewhere_the_actor_goes_on(void **state)
{
	const struct nslab_op next[NSLAB_MAX_ACTORS] = { {}, { .kind = 3 } };
	const struct nslab_run run = { .nactors = 2 };
	struct nslab_choice choice = { .at = 1, .enabled = 3, .next = next };
	struct nslab_search search = { .run = &run, .nkinds = 4, .focus = 3 };
	const struct nslab_search about_other = { .run = &run, .nkinds = 4, .focus = 2 };

	assert_true(nslab_in_focus(&search, &choice));
	search = about_other;
	assert_false(nslab_in_focus(&search, &choice));
	/* Who has to wait, or has come to its end, does not go on. */
	choice.free = true;
	assert_true(nslab_in_focus(&search, &choice));
	choice.free = false;
	choice.enabled = 1;
	assert_true(nslab_in_focus(&search, &choice));
	choice.at = NSLAB_NOBODY;
	assert_true(nslab_in_focus(&search, &choice));
	search.focus = 0;
	choice.at = 1;
	choice.enabled = 3;
	assert_true(nslab_in_focus(&search, &choice));
}

/* The object at whose accesses actors are preempted; 0: there is none, -1: several. */
static int preempted_at(void)
{
	unsigned int i;
	int object = 0;

	for (i = 0; i < trace.n; i++) {
		const struct nslab_event *event = &trace.events[i];

		if (event->flags & NSLAB_EVENT_IS_FREE || event->next == event->actor ||
		    !event->enabled)
			continue;
		if (object && object != event->object)
			return -1;
		object = event->object;
	}
	return object;
}

static void preemptions_are_at_one_kind(void **state)
{
	static const struct toy toy = {
		.nactors = 2,
		.ops = { { W(0, 1), W(1, 2), W(2, 3), W(0, 4), W(1, 1), W(2, 5) },
			 { W(2, 1), W(1, 2), W(0, 3), W(2, 4), W(1, 2), W(0, 5) } },
	};
	static const struct nslab_strategy * const strategies[] = {
		&nslab_strategy_pct, &nslab_strategy_pos,
	};
	struct nslab_run run = { .nactors = 2, .depth = 4, .length = 14 };
	unsigned int i, some, several;

	for (i = 0; i < 2; i++) {
		some = 0;
		several = 0;
		for (run.seed = 0; run.seed < NR_SEEDS; run.seed++) {
			struct nslab_search search = {
				.strategy = strategies[i], .run = &run, .nkinds = 3,
			};

			toy_run(&toy, &search, &trace);
			if (search.focus)
				assert_int_not_equal(-1, preempted_at());
			some += search.focus && preempted_at();
			several += preempted_at() < 0;
		}
		assert_in_range(some, NR_SEEDS / 20, NR_SEEDS / 2);
		/* Of those that are about all memory. */
		assert_in_range(several, NR_SEEDS / 20, NR_SEEDS / 2);
	}
}

/* === schedule === */

static const struct toy two_by_three = {
	.nactors = 2,
	.ops = { { W(0, 1), W(0, 2), W(0, 3) }, { W(1, 1), W(1, 2), W(1, 3) } },
};

/* Whether the schedule did not fit. */
static bool diverges(const struct nslab_switch *switches, unsigned int n)
{
	const struct nslab_run run = { .nactors = 2 };
	struct nslab_search search = {
		.strategy = &nslab_strategy_schedule, .run = &run,
		.switches = switches, .nswitches = n,
	};

	toy_run(&two_by_three, &search, &trace);
	return search.diverged;
}

static void assert_order(const char *order)
{
	unsigned int i;

	for (i = 0; i < trace.n; i++)
		if (trace.events[i].enabled)
			assert_int_equal(*order++ - 'a', trace.events[i].next);
	assert_int_equal('\0', *order);
}

static void schedule_is_obeyed(void **state)
{
	static const struct nslab_switch switches[] = {
		{ .at = NSLAB_NOBODY, .local = 0, .next = 1 },
		{ .at = 1, .local = 2, .next = 0 },
		{ .at = 0, .local = 1, .next = 1 },
		{ .at = 1, .local = 3, .next = 0 },
	};

	/* To the first point, three accesses, from the last to the end. */
	assert_false(diverges(NULL, 0));
	assert_order("aaaabbbb");
	assert_false(diverges(switches, 1));
	assert_order("bbbbaaaa");
	assert_false(diverges(switches, 2));
	assert_order("bbaaaabb");
	assert_false(diverges(switches, 4));
	assert_order("bbabaaab");
}

static void schedule_that_does_not_fit_is_told(void **state)
{
	static const struct nslab_switch nobody_there[] = {
		{ .at = 0, .local = 2, .next = 5 },
	}, no_actor[] = {
		{ .at = 0, .local = 2, .next = 200 },
	}, ended[] = {
		{ .at = 0, .local = 2, .next = 1 },
		{ .at = 1, .local = 2, .next = 0 },
		{ .at = 0, .local = 4, .next = 0 },
	}, passed[] = {
		{ .at = 0, .local = 3, .next = 1 },
		{ .at = 0, .local = 2, .next = 1 },
	}, never[] = {
		{ .at = 0, .local = 9, .next = 1 },
	}, start_comes_too_late[] = {
		{ .at = 0, .local = 2, .next = 1 },
		{ .at = NSLAB_NOBODY, .local = 0, .next = 1 },
	}, start_has_no_number[] = {
		{ .at = NSLAB_NOBODY, .local = 1, .next = 1 },
	};

	assert_true(diverges(nobody_there, 1));
	/* And whoever runs by default does. */
	assert_order("aaaabbbb");
	assert_true(diverges(no_actor, 1));
	assert_true(diverges(ended, 3));
	assert_true(diverges(passed, 2));
	assert_true(diverges(never, 1));
	assert_true(diverges(start_comes_too_late, 2));
	assert_true(diverges(start_has_no_number, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_is_uniform),
		cmocka_unit_test(random_has_several_paces),
		cmocka_unit_test(seeds_decide),
		cmocka_unit_test(random_and_pos_hit_all),
		cmocka_unit_test(pct_keeps_its_guarantee),
		cmocka_unit_test(pct_goes_no_deeper_than_told),
		cmocka_unit_test(pct_draws),
		cmocka_unit_test(pct_draws_uniformly),
		cmocka_unit_test(pct_lowers_whoever_made_the_step),
		cmocka_unit_test(pos_is_fair_to_late_accesses),
		cmocka_unit_test(pos_draws_again_for_races_only),
		cmocka_unit_test(pos_draws_again_for_locks),
		cmocka_unit_test(half_of_all_are_about_one_kind),
		cmocka_unit_test(elsewhere_the_actor_goes_on),
		cmocka_unit_test(preemptions_are_at_one_kind),
		cmocka_unit_test(schedule_is_obeyed),
		cmocka_unit_test(schedule_that_does_not_fit_is_told),
	};

	return cmocka_run_group_tests_name("strategy", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: the search against toys whose schedules are counted and tried in
 * another way, too.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/search/bounded.h"
#include "lib/search/effects.h"
#include "lib/tests/toy.h"

#define MAX_OUTCOMES	4096
#define BOUND		3

/* How many toys by chance; more with NSLAB_TEST_TOYS=N in the environment. */
#define NR_TOYS		3000

/**
 * struct found - what the schedules of a toy come to
 * @schedules: how many there are, by preemptions
 * @n: how many @outcomes
 * @outcomes: each once, with the fewest preemptions that it needs
 */
struct found {
	uint64_t schedules[BOUND + 1];
	unsigned int n;
	struct {
		uint64_t outcome;
		unsigned int preemptions;
	} outcomes[MAX_OUTCOMES];
};

static void found_add(struct found *found, uint64_t outcome,
		      unsigned int preemptions)
{
	unsigned int i;

	found->schedules[preemptions]++;
	for (i = 0; i < found->n; i++)
		if (found->outcomes[i].outcome == outcome)
			break;
	assert_true(i < MAX_OUTCOMES);
	if (i < found->n && found->outcomes[i].preemptions <= preemptions)
		return;
	found->outcomes[i].outcome = outcome;
	found->outcomes[i].preemptions = preemptions;
	if (i == found->n)
		found->n++;
}

static int found_at(const struct found *found, uint64_t outcome)
{
	unsigned int i;

	for (i = 0; i < found->n; i++)
		if (found->outcomes[i].outcome == outcome)
			return found->outcomes[i].preemptions;
	return -1;
}

/* Whether both found the same with each number of preemptions. */
static bool same_outcomes(const struct found *a, const struct found *b)
{
	unsigned int i;

	for (i = 0; i < a->n; i++)
		if (found_at(b, a->outcomes[i].outcome) !=
		    (int)a->outcomes[i].preemptions)
			return false;
	return a->n == b->n;
}

/* === The other way: no schedules, no replay, the state is copied === */

static void try_all(struct found *found, const struct toy_state *state,
		    unsigned int preemptions)
{
	unsigned int i;

	if (state->over) {
		found_add(found, toy_outcome(state), preemptions);
		return;
	}
	for (i = 0; i < state->toy->nactors; i++) {
		unsigned int cost = !state->free && i != state->at;
		struct toy_state next = *state;

		if (!(state->enabled & 1U << i) || preemptions + cost > BOUND)
			continue;
		toy_step(&next, i, NULL);
		try_all(found, &next, preemptions + cost);
	}
}

static void by_hand(struct found *found, const struct toy *toy)
{
	struct toy_state state;

	memset(found, 0, sizeof(*found));
	toy_begin(&state, toy, NULL);
	try_all(found, &state, 0);
}

/* === The search === */

static uint64_t run_next(const struct toy *toy,
			 const struct nslab_switch *switches, unsigned int n,
			 struct toy_trace *trace)
{
	struct nslab_run run = { .nactors = toy->nactors };
	struct nslab_search search = {
		.strategy = &nslab_strategy_schedule, .run = &run,
		.switches = switches, .nswitches = n,
	};
	uint64_t outcome = toy_run(toy, &search, trace);

	assert_false(search.diverged);
	return outcome;
}

static void by_search(struct found *found, struct bounded_stats *stats,
		      const struct toy *toy, bool prune)
{
	const struct bounded_config config = {
		.nactors = toy->nactors, .max_preemptions = BOUND,
		.prune = prune,
	};
	struct bounded *b = bounded_new(&config);
	const struct nslab_switch *switches;
	static struct toy_trace trace;
	uint64_t outcome;
	unsigned int n;

	memset(found, 0, sizeof(*found));
	while (bounded_next(b, &switches, &n)) {
		outcome = run_next(toy, switches, n, &trace);
		found_add(found, outcome, bounded_preemptions(b));
		if (bounded_ran(b, trace.events, trace.n))
			fail_msg("%s", bounded_stats(b)->message);
	}
	*stats = *bounded_stats(b);
	assert_int_equal(BOUND, stats->complete);
	assert_int_equal(BOUNDED_CUT_NOTHING, stats->cut);
	assert_string_equal("", stats->message);
	assert_int_equal(0, stats->unexplained);
	bounded_free(b);
}

/* === Toys === */

#define R(o)	{ .code = TOY_READ, .object = (o) }
#define W(o, v)	{ .code = TOY_WRITE, .object = (o), .arg = (v) }
#define ADD(o)	{ .code = TOY_ADD, .object = (o), .arg = 1 }
#define QW(o, v) { .code = TOY_WRITE, .object = (o), .arg = (v), .quiet = true }
#define QADD(o, at) { .code = TOY_ADD, .object = (o), .offset = (at), \
		      .arg = 1, .quiet = true }
#define L(l)	{ .code = TOY_LOCK, .object = (l) }
#define U(l)	{ .code = TOY_UNLOCK, .object = (l) }
#define FREE(o)	{ .code = TOY_FREE, .object = (o) }
#define ALLOC(o) { .code = TOY_ALLOC, .object = (o) }
#define KEEP(l)	{ .code = TOY_KEEP, .object = (l) }
#define GIVE(l)	{ .code = TOY_GIVE, .object = (l) }
#define QKEEP(l) { .code = TOY_KEEP, .object = (l), .quiet = true }
#define QGIVE(l) { .code = TOY_GIVE, .object = (l), .quiet = true }
#define QWAIT(l) { .code = TOY_WAIT, .object = (l), .quiet = true }
#define QPOST(l) { .code = TOY_POST, .object = (l), .quiet = true }
#define WAIT(l)	{ .code = TOY_WAIT, .object = (l) }
#define POST(l)	{ .code = TOY_POST, .object = (l) }
#define OP(c)	{ .code = TOY_##c }
#define BUG(v)	{ .code = TOY_BUG, .arg = (v) }

static const struct toy lost_update = {
	.nactors = 2,
	.ops = { { R(0), ADD(0) }, { R(0), ADD(0) } },
};

static const struct toy independent = {
	.nactors = 2,
	.ops = { { W(0, 1), W(0, 2), W(0, 3), W(0, 4) },
		 { W(1, 1), W(1, 2), W(1, 3), W(1, 4) } },
};

static const struct toy three_independent = {
	.nactors = 3,
	.ops = { { W(0, 1), W(0, 2), W(0, 3) },
		 { W(1, 1), W(1, 2), W(1, 3) },
		 { W(2, 1), W(2, 2), W(2, 3) } },
};

static const struct toy named_points = {
	.nactors = 2,
	.ops = { { OP(POINT), OP(POINT), W(0, 1), OP(POINT), W(0, 2) },
		 { OP(POINT), R(0), OP(POINT), OP(POINT), R(0) } },
};

/* Freed without a grace period; the reader looks twice. */
static const struct toy use_after_free = {
	.nactors = 2,
	.ops = { { OP(RCU_LOCK), R(0), { .code = TOY_SKIP, .arg = 1 }, R(1),
		   OP(RCU_UNLOCK) },
		 { W(0, 1), OP(POINT), FREE(1) } },
};

static const struct toy waits_for_readers = {
	.nactors = 3,
	.ops = { { OP(RCU_LOCK), R(0), { .code = TOY_SKIP, .arg = 1 }, R(1),
		   OP(RCU_UNLOCK) },
		 { W(0, 1), OP(POINT), OP(SYNC), FREE(1) },
		 { OP(RCU_LOCK), R(2), OP(RCU_UNLOCK), W(2, 1) } },
};

static const struct toy locked = {
	.nactors = 3,
	.ops = { { L(0), R(0), ADD(0), U(0) },
		 { L(0), R(0), ADD(0), U(0) },
		 { W(1, 1), L(1), R(1), U(1), W(1, 2) } },
};

static const struct toy deadlock = {
	.nactors = 2,
	.ops = { { L(0), OP(POINT), L(1), U(1), U(0) },
		 { L(1), OP(POINT), L(0), U(0), U(1) } },
};

/* Who waits first goes first. */
static const struct toy queue_of_a_lock = {
	.nactors = 3, .handoff = true,
	.ops = { { L(0), OP(POINT), OP(POINT), U(0) },
		 { OP(POINT), L(0), R(0), ADD(0), U(0) },
		 { OP(POINT), L(0), W(0, 7), U(0) } },
};

/* No access shows what the one does to the other. */
static const struct toy exit_and_look = {
	.nactors = 2,
	.ops = { { OP(POINT), OP(LOOK), W(0, 1), OP(LOOK) },
		 { W(0, 2), OP(EXIT), R(0), OP(EXIT) } },
};

/* Somebody only comes to exit if he was switched to in between. */
static const struct toy late_exit = {
	.nactors = 2,
	.ops = { { W(0, 1), OP(LOOK), W(0, 0) },
		 { R(0), { .code = TOY_SKIP, .arg = 0 }, OP(EXIT) } },
};

static const struct toy reused = {
	.nactors = 3,
	.ops = { { ALLOC(0), FREE(0), ALLOC(1) }, { OP(POINT), ALLOC(2) },
		 { OP(POINT), ALLOC(3) } },
};

/* In caches of their own, what the one frees the other cannot use again. */
static const struct toy two_caches = {
	.nactors = 2, .caches = true,
	.ops = { { FREE(0), W(2, 1), FREE(2) }, { FREE(1), W(3, 1), FREE(3) } },
};

/* The same in one. */
static const struct toy one_cache = {
	.nactors = 2,
	.ops = { { FREE(0), W(2, 1), FREE(2) }, { FREE(1), W(3, 1), FREE(3) } },
};

/*
 * Each of those that follow has an outcome that is lost if one kind of
 * dependence is forgotten: somebody is preempted before the step in question,
 * and gone back to with one more preemption.
 */

/* The second reads 1, has the lock first, and writes last. */
static const struct toy order_of_locks = {
	.nactors = 2,
	.ops = { { W(2, 1), OP(POINT), L(0), R(0), ADD(0), U(0), W(1, 1) },
		 { R(2), QADD(3, 0), L(0), QW(0, 5), U(0), W(1, 2) } },
};

/* No event tells that the second has the lock when it has waited for it. */
static const struct toy lock_after_waiting = {
	.nactors = 2,
	.ops = { { L(0), R(3), U(0), OP(POINT), QW(1, 1), L(0), W(0, 7), U(0) },
		 { QW(3, 1), L(0), R(1), QW(0, 5), U(0) } },
};

/* The second waits for those who read already, not for the first. */
static const struct toy reads_after_grace_period = {
	.nactors = 2,
	.ops = { { W(2, 1), OP(POINT), OP(RCU_LOCK), R(0), QADD(1, 0), R(0),
		   OP(RCU_UNLOCK) },
		 { R(2), QADD(3, 0), OP(SYNC), W(0, 1) } },
};

/* The end of the third lets the grace period end before the first reads 0. */
static const struct toy end_ends_grace_period = {
	.nactors = 3,
	.ops = { { OP(RCU_LOCK), R(1), QADD(1, 1), R(1), QADD(2, 0),
		   OP(RCU_UNLOCK), R(0) },
		 { R(3), W(1, 1), OP(SYNC), W(0, 1) },
		 { W(3, 1), OP(POINT) } },
};

/*
 * What the second reads points to an object that nobody accesses, but has the
 * number then that object 2 has if the first goes on.
 */
static const struct toy named_in_between = {
	.nactors = 2,
	.ops = { { W(0, 1), OP(POINT), QW(2, 5), W(1, 1) },
		 { { .code = TOY_READ, .object = 0, .arg = 3 + 1 }, QADD(0, 1),
		   { .code = TOY_READ, .object = 2, .quiet = true }, W(1, 2) } },
};

/* What a spinlock protects, no access shows. */
static const struct toy spinning = {
	.nactors = 2, .shared = true,
	.ops = { { W(0, 1), KEEP(0), GIVE(1), W(0, 2) },
		 { GIVE(0), KEEP(1), R(0), KEEP(0) } },
};

/* Two that read under one lock need no order. */
static const struct toy two_readers = {
	.nactors = 2, .shared = true,
	.ops = { { GIVE(0), GIVE(0), GIVE(0), GIVE(0) },
		 { GIVE(0), GIVE(0), GIVE(0), GIVE(0) } },
};

/*
 * The second's first lock gets the number that the first's has if that goes on, and
 * both are taken for reading; but its second one is that of the first.
 */
static const struct toy lock_named_in_between = {
	.nactors = 2, .shared = true,
	.ops = { { W(2, 1), OP(POINT), QGIVE(0), W(1, 1) },
		 { R(2), QADD(3, 0), QGIVE(1), QKEEP(0), W(1, 2) } },
};

/* One reads what the other keeps, under one lock. */
static const struct toy reader_and_writer = {
	.nactors = 2, .shared = true,
	.ops = { { W(2, 1), OP(POINT), GIVE(0), W(1, 1) },
		 { R(2), QADD(3, 0), KEEP(0), W(1, 2) } },
};

/* Only one of those who wait gets what was posted. */
static const struct toy posted_once = {
	.nactors = 3, .shared = true,
	.ops = { { WAIT(0), W(0, 1) }, { WAIT(0), W(0, 2) },
		 { W(1, 1), POST(0), R(0) } },
};

static const struct toy posted_before = {
	.nactors = 2, .shared = true,
	.ops = { { W(0, 1), WAIT(0), R(0), WAIT(1), R(0) },
		 { W(0, 2), POST(0), W(0, 3), POST(1) } },
};

/*
 * Nothing tells that it was posted, but that the other waits, or does not: to go back
 * to the first is for nothing then.
 */
static const struct toy posted_unseen = {
	.nactors = 2, .shared = true,
	.ops = { { W(2, 1), OP(POINT), QPOST(0), W(1, 1), R(1) },
		 { R(2), QADD(3, 0), R(1), QADD(3, 1), QWAIT(0), W(1, 2) } },
};

/* A signal is noticed by who waits, and by who will. */
static const struct toy signalled = {
	.nactors = 2, .shared = true,
	.ops = { { R(1), WAIT(0), QADD(0, 0), R(1) },
		 { W(1, 1), OP(POINT), OP(KILL), W(1, 2), POST(0) } },
};

/* The second does not wait, and so notices the signal only if it comes first. */
static const struct toy signalled_before = {
	.nactors = 2, .shared = true,
	.ops = { { W(2, 1), OP(POINT), OP(KILL), W(1, 1) },
		 { R(2), QADD(3, 0), QPOST(0), QWAIT(0), W(1, 2) } },
};

static const struct toy two_bugs = {
	.nactors = 2,
	.ops = { { W(0, 1), W(1, 1), R(2), BUG(1), W(0, 0), W(1, 0) },
		 { R(0), BUG(1), W(2, 1), R(1), BUG(1), W(2, 0) } },
};

static const struct {
	const char *name;
	const struct toy *toy;
} toys[] = {
	{ "lost update", &lost_update },
	{ "independent", &independent },
	{ "three independent", &three_independent },
	{ "named points", &named_points },
	{ "use after free", &use_after_free },
	{ "waits for readers", &waits_for_readers },
	{ "locked", &locked },
	{ "deadlock", &deadlock },
	{ "queue of a lock", &queue_of_a_lock },
	{ "exit and look", &exit_and_look },
	{ "late exit", &late_exit },
	{ "reused", &reused },
	{ "two caches", &two_caches },
	{ "one cache", &one_cache },
	{ "order of locks", &order_of_locks },
	{ "lock after waiting", &lock_after_waiting },
	{ "reads after grace period", &reads_after_grace_period },
	{ "end ends grace period", &end_ends_grace_period },
	{ "named in between", &named_in_between },
	{ "spinning", &spinning },
	{ "two readers", &two_readers },
	{ "lock named in between", &lock_named_in_between },
	{ "posted once", &posted_once },
	{ "posted before", &posted_before },
	{ "reader and writer", &reader_and_writer },
	{ "posted unseen", &posted_unseen },
	{ "signalled", &signalled },
	{ "signalled before", &signalled_before },
	{ "two bugs", &two_bugs },
};

#define NR_HAND_WRITTEN	(sizeof(toys) / sizeof(toys[0]))

/* === Tests === */

static struct found expected, seen, pruned;

struct counts {
	uint64_t all, run;
};

static void check_toy(const char *name, unsigned long number,
		      const struct toy *toy, struct counts *counts)
{
	struct bounded_stats stats;
	unsigned int i;

	by_hand(&expected, toy);
	by_search(&seen, &stats, toy, false);
	for (i = 0; i <= BOUND; i++) {
		if (expected.schedules[i] != seen.schedules[i] ||
		    expected.schedules[i] != stats.by_preemptions[i])
			fail_msg("%s %lu: %u preemptions: %lu schedules, not %lu",
				 name, number, i, seen.schedules[i],
				 expected.schedules[i]);
		counts->all += seen.schedules[i];
	}
	if (!same_outcomes(&expected, &seen))
		fail_msg("%s %lu: other outcomes", name, number);
	assert_int_equal(0, stats.pruned + stats.redundant);

	by_search(&pruned, &stats, toy, true);
	if (!same_outcomes(&expected, &pruned))
		fail_msg("%s %lu: %u outcomes when pruned, not %u, or not with as few preemptions",
			 name, number, pruned.n, expected.n);
	counts->run += stats.schedules;
}

static void all_schedules_and_all_outcomes(void **state)
{
	unsigned int i;

	for (i = 0; i < NR_HAND_WRITTEN; i++) {
		struct counts counts = {};
		struct toy toy = *toys[i].toy;

		check_toy(toys[i].name, 0, &toy, &counts);
		print_message("%s: %lu of %lu schedules\n", toys[i].name,
			      counts.run, counts.all);
		toy.eager = true;
		check_toy(toys[i].name, 1, &toy, &counts);
		toy.shared = true;
		check_toy(toys[i].name, 2, &toy, &counts);
	}
}

static void the_same_for_toys_by_chance(void **state)
{
	const char *env = getenv("NSLAB_TEST_TOYS");
	unsigned long i, n = env ? strtoul(env, NULL, 0) : NR_TOYS;
	struct counts counts = {};
	struct toy toy;

	for (i = 0; i < n; i++) {
		toy_random_program(&toy, i);
		check_toy("toy", i, &toy, &counts);
	}
	print_message("%lu toys: %lu of %lu schedules\n", n, counts.run,
		      counts.all);
}

static uint64_t schedules_of(const struct toy *toy, bool prune)
{
	struct bounded_stats stats;

	by_search(&seen, &stats, toy, prune);
	return stats.schedules;
}

static void pruning_saves(void **state)
{
	/* Preempting one is never of use, and each can start. */
	assert_in_range(schedules_of(&independent, true) * 4, 0,
			schedules_of(&independent, false));
	assert_in_range(schedules_of(&three_independent, true) * 4, 0,
			schedules_of(&three_independent, false));
	assert_in_range(schedules_of(&named_points, true) * 2, 0,
			schedules_of(&named_points, false));
	assert_in_range(schedules_of(&two_caches, true) * 2, 0,
			schedules_of(&one_cache, true));
	assert_in_range(schedules_of(&two_readers, true) * 4, 0,
			schedules_of(&two_readers, false));
}

/* Ends early, for one reason or another; what is left of it can be read. */
static struct bounded_stats cut_short(const struct bounded_config *config)
{
	struct bounded *b = bounded_new(config);
	const struct nslab_switch *switches;
	static struct toy_trace trace;
	struct bounded_stats stats;
	unsigned int n;

	while (bounded_next(b, &switches, &n)) {
		run_next(&three_independent, switches, n, &trace);
		assert_int_equal(0, bounded_ran(b, trace.events, trace.n));
	}
	assert_false(bounded_next(b, &switches, &n));
	stats = *bounded_stats(b);
	bounded_free(b);
	return stats;
}

static void limits_are_told(void **state)
{
	struct bounded_config config = {
		.nactors = 3, .max_preemptions = 6, .max_schedules = 20,
	};
	struct bounded_stats stats;

	/* 3! without a preemption. */
	stats = cut_short(&config);
	assert_int_equal(20, stats.schedules);
	assert_int_equal(6, stats.by_preemptions[0]);
	assert_int_equal(14, stats.by_preemptions[1]);
	assert_int_equal(0, stats.complete);
	assert_int_equal(BOUNDED_CUT_SCHEDULES, stats.cut);

	config.max_schedules = 6;
	stats = cut_short(&config);
	assert_int_equal(0, stats.complete);
	assert_int_equal(BOUNDED_CUT_SCHEDULES, stats.cut);

	config.max_schedules = 0;
	config.max_bytes = 100000;
	stats = cut_short(&config);
	assert_int_equal(BOUNDED_CUT_MEMORY, stats.cut);
	assert_in_range(stats.complete, 0, 5);
	assert_in_range(stats.bytes, 50000, 100000);
	assert_true(stats.schedules > 1000);

	config.max_bytes = 1;
	stats = cut_short(&config);
	assert_int_equal(BOUNDED_CUT_MEMORY, stats.cut);
	assert_int_equal(-1, stats.complete);
	assert_int_equal(0, stats.schedules);

	/* Exactly as many as there are: nothing is cut short. */
	config = (struct bounded_config) {
		.nactors = 3, .max_preemptions = 0, .max_schedules = 6,
	};
	stats = cut_short(&config);
	assert_int_equal(0, stats.complete);
	assert_int_equal(BOUNDED_CUT_NOTHING, stats.cut);
	/* Nine accesses, three ends, the start. */
	assert_int_equal(13, stats.max_points);
	assert_true(stats.beyond > 0);
}

static void bound_that_is_too_high_is_refused(void **state)
{
	const struct bounded_config config = {
		.nactors = 2, .max_preemptions = BOUNDED_MAX_PREEMPTIONS + 1,
	};

	assert_null(bounded_new(&config));
}

/* Returns the first schedule with a switch, and the trace that it makes. */
static struct bounded *second_schedule(struct toy *toy,
				       struct toy_trace *trace)
{
	const struct bounded_config config = {
		.nactors = 2, .max_preemptions = 1,
	};
	struct bounded *b = bounded_new(&config);
	const struct nslab_switch *switches;
	unsigned int n;

	*toy = lost_update;
	do {
		assert_true(bounded_next(b, &switches, &n));
		run_next(toy, switches, n, trace);
		if (!bounded_preemptions(b))
			assert_int_equal(0, bounded_ran(b, trace->events,
							trace->n));
	} while (!bounded_preemptions(b));
	return b;
}

static void assert_divergence(struct bounded *b, struct toy_trace *trace,
			      const char *message)
{
	const struct nslab_switch *switches;
	unsigned int n;

	assert_int_equal(-1, bounded_ran(b, trace->events, trace->n));
	if (!strstr(bounded_stats(b)->message, message))
		fail_msg("\"%s\" is not in \"%s\"", message,
			 bounded_stats(b)->message);
	assert_int_equal(BOUNDED_CUT_DIVERGED, bounded_stats(b)->cut);
	/* One can go on, but it is not complete any more. */
	while (bounded_next(b, &switches, &n))
		;
	assert_int_equal(0, bounded_stats(b)->complete);
	bounded_free(b);
}

/* BEGIN, START, and the two points of the first actor. */
static void divergence_is_noticed(void **state)
{
	static struct toy_trace trace;
	const struct nslab_switch *switches;
	struct bounded *b;
	struct toy toy;
	unsigned int n;

	b = second_schedule(&toy, &trace);
	assert_int_equal(0, bounded_ran(b, trace.events, trace.n));
	bounded_free(b);

	/* Another access than the last time. */
	b = second_schedule(&toy, &trace);
	trace.events[2].offset ^= 1;
	assert_divergence(b, &trace, "event 2: expected hash");

	/* Another number of events before the switch. */
	b = second_schedule(&toy, &trace);
	memmove(trace.events + 1, trace.events + 2,
		(--trace.n - 1) * sizeof(trace.events[0]));
	assert_divergence(b, &trace, "event 2: expected point 1 of actor 0");

	/* None at all. */
	b = second_schedule(&toy, &trace);
	trace.n = 1;
	assert_divergence(b, &trace, "no such event");

	/* Another could run. */
	b = second_schedule(&toy, &trace);
	trace.events[2].enabled |= 4;
	assert_divergence(b, &trace, "expected hash");

	/* The kernel did not do as it was told. */
	b = second_schedule(&toy, &trace);
	trace.events[2].next = 0;
	assert_divergence(b, &trace, "point 1 of actor 0, next 1");
	b = second_schedule(&toy, &trace);
	trace.events[4].next ^= 1;
	assert_divergence(b, &trace, "event 4: expected the default next");

	/* What it did was never told. */
	b = second_schedule(&toy, &trace);
	while (bounded_next(b, &switches, &n))
		;
	assert_int_equal(BOUNDED_CUT_DIVERGED, bounded_stats(b)->cut);
	assert_int_equal(0, bounded_stats(b)->complete);
	bounded_free(b);

	/* The clock and the numbers of pointees are no matter. */
	b = second_schedule(&toy, &trace);
	trace.events[2].delay_ns = 1;
	trace.events[2].value = 1;
	assert_int_equal(0, bounded_ran(b, trace.events, trace.n));
	bounded_free(b);
}

/* A toy that does something else each time: the search has to stop. */
static void chance_is_noticed(void **state)
{
	const struct bounded_config config = {
		.nactors = 2, .max_preemptions = 2, .prune = true,
	};
	struct bounded *b = bounded_new(&config);
	const struct nslab_switch *switches;
	static struct toy_trace trace;
	struct toy toy = lost_update;
	unsigned int n, runs = 0;
	int ret = 0;

	while (!ret && bounded_next(b, &switches, &n)) {
		toy.ops[0][0].offset = runs++ % 2;
		run_next(&toy, switches, n, &trace);
		ret = bounded_ran(b, trace.events, trace.n);
	}
	assert_int_equal(-1, ret);
	bounded_free(b);
}

/* Who waits for what no lock and no read section tells of. */
static void unexplained_wakes_are_counted(void **state)
{
	static struct toy_trace trace;
	struct bounded *b;
	struct toy toy;

	b = second_schedule(&toy, &trace);
	/* It cannot go on for a step, then it can again. */
	trace.events[4].enabled ^= 1;
	assert_int_equal(0, bounded_ran(b, trace.events, trace.n));
	assert_int_equal(2, bounded_stats(b)->unexplained);
	bounded_free(b);
}

/* RCU's own locks are not in the trace; they are released where a grace period ends. */
static void what_waits_itself_explains_who_goes_on(void **state)
{
	const struct effects_walk walk = { .waits = { [1] = NSLAB_WAITS_LOCK } };
	struct effects effects = {};

	assert_int_equal(2, effects_unexplained(&effects, &walk, 2));
	effects.flags = EFFECTS_BOUNDARY;
	assert_int_equal(2, effects_unexplained(&effects, &walk, 2));
	effects.flags = EFFECTS_BLOCKING;
	assert_int_equal(0, effects_unexplained(&effects, &walk, 2));
	effects.flags = 0;
	effects.wakes = 2;
	assert_int_equal(0, effects_unexplained(&effects, &walk, 2));
}

static void traces_that_end_early_are_counted(void **state)
{
	static struct toy_trace trace;
	struct bounded *b;
	struct toy toy;

	b = second_schedule(&toy, &trace);
	assert_int_equal(0, bounded_stats(b)->unfinished);
	assert_int_equal(0, bounded_ran(b, trace.events, trace.n - 1));
	assert_int_equal(1, bounded_stats(b)->unfinished);
	bounded_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_schedules_and_all_outcomes),
		cmocka_unit_test(the_same_for_toys_by_chance),
		cmocka_unit_test(pruning_saves),
		cmocka_unit_test(limits_are_told),
		cmocka_unit_test(bound_that_is_too_high_is_refused),
		cmocka_unit_test(divergence_is_noticed),
		cmocka_unit_test(chance_is_noticed),
		cmocka_unit_test(unexplained_wakes_are_counted),
		cmocka_unit_test(what_waits_itself_explains_who_goes_on),
		cmocka_unit_test(traces_that_end_early_are_counted),
	};

	return cmocka_run_group_tests_name("bounded", tests, NULL, NULL);
}

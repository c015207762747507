// SPDX-License-Identifier: GPL-2.0
/*
 * Which memory the actors share. Profile executions find it out: some before the first
 * execution that counts, the same in every boot, and what they find is the set. Later
 * on executions are profiled now and then, to see whether the set holds.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/protocol/json.h"
#include "lib/run/profile.h"

/* So that the set does not depend on the seed of the plan. */
#define PROFILE_SEED	0x5eed

/* Of those that are drawn as the strategy pct has them. */
#define PROFILE_DEPTH	3

/* The first ones of a boot are the most likely to show something new. */
#define EACH_NTH	256

static struct nslab_word words[NSLAB_MAX_WORDS];
static unsigned int nr_words;

/* Of this boot: executions that counted, those of them that were profiled. */
static uint64_t counted, profiled;

/* How many profile executions there were before the first that counts. */
static unsigned int nr_run;

/* As many words were not in the set when they were last reported. */
static unsigned int nr_new;

/**
 * profile_wanted() - is shared memory looked for in this boot?
 */
bool profile_wanted(const struct job *job)
{
	return job->control->shared && !shared->unsteered &&
	       job->kernel_strategy != NSLAB_STRATEGY_NONE;
}

/* === What is told === */

static const char * const kinds[NSLAB_NR_WORD_KINDS] = {
	[NSLAB_WORD_STATIC] = "static",
	[NSLAB_WORD_CACHE] = "cache",
	[NSLAB_WORD_KMALLOC] = "kmalloc",
};

static void write_place(struct json *json, const char *key, uint32_t ip)
{
	char text[16];

	snprintf(text, sizeof(text), "%#x", ip);
	json_string(json, key, text);
}

static void write_side(struct json *json, const struct nslab_side *side)
{
	unsigned int i;

	json_open(json, NULL, '{');
	json_number(json, "actor", side->actor);
	json_bool(json, "write", side->flags & NSLAB_SIDE_IS_WRITE);
	write_place(json, "ip", side->ip);
	json_open(json, "locks", '[');
	for (i = 0; i < NSLAB_SIDE_LOCKS && side->locks[i][0]; i++)
		json_string(json, NULL, side->locks[i]);
	json_close(json, ']');
	json_number(json, "rcu", side->rcu);
	json_bool(json, "irq_off", side->flags & NSLAB_SIDE_IRQ_OFF);
	json_bool(json, "preempt_off", side->flags & NSLAB_SIDE_PREEMPT_OFF);
	json_close(json, '}');
}

static bool is_new(const struct nslab_word *word)
{
	return word->flags & (NSLAB_WORD_IS_NEW | NSLAB_WORD_IS_EXPOSED);
}

static void tell(const struct control *control, const struct nslab_word *word)
{
	struct json json = json_growing();
	unsigned int i;

	json_open(&json, NULL, '{');
	json_open(&json, "word", '{');
	json_number(&json, "what", word->what);
	json_string(&json, "kind", kinds[word->kind]);
	json_string(&json, "name", word->name);
	if (word->site) {
		json_open(&json, "site", '{');
		write_place(&json, "ip", word->site);
		write_place(&json, "start", word->site_start);
		json_close(&json, '}');
	}
	json_number(&json, "offset", word->offset);
	json_number(&json, "size", word->size);
	json_number(&json, "object_size", word->object_size);
	json_string(&json, "locked", word->locked);
	json_open(&json, "sides", '[');
	for (i = 0; i < word->nsides; i++)
		write_side(&json, &word->sides[i]);
	json_close(&json, ']');
	json_bool(&json, "watched", word->flags & NSLAB_WORD_IS_WATCHED);
	json_bool(&json, "new", is_new(word));
	json_close(&json, '}');
	json_end(&json);
	control->emit(json.buf);
	free(json.buf);
}

/* === What the kernel found === */

static int take_words(const struct job *job)
{
	struct nslab_words all = {
		.room = NSLAB_MAX_WORDS, .words = (uintptr_t)words,
	};

	if (job->control->shared(&all)) {
		json_error_line(job->control, "no list of shared words: %s",
				strerror(errno));
		return EXPLORE_ERROR;
	}
	nr_words = all.n;
	return EXPLORE_DONE;
}

/* Those that are not in the set, or all. */
static void tell_words(const struct job *job, bool all)
{
	unsigned int i;

	for (i = 0; i < nr_words; i++)
		if (all || is_new(&words[i]))
			tell(job->control, &words[i]);
}

/* === Before the first execution that counts === */

static bool is_skipped(const struct plan *plan, unsigned int n)
{
	const char *next = plan->skip;
	char *end;

	while (next && *next) {
		if (strtoul(next, &end, 10) == n)
			return true;
		next = *end ? end + 1 : end;
	}
	return false;
}

/**
 * profile_tell() - say which profile execution it is, or that it is none
 * @n: its number in this boot, from 1; 0: one that is not profiled before the first that counts
 *
 * A kernel that has what is looked for may die here, in each boot anew. So the harness
 * hears which one it is in, and can boot once more without that one. Told right before
 * the actors run: what the kernel reports while the next one is set up is still of the
 * one before.
 */
void profile_tell(const struct control *control, unsigned int n)
{
	static unsigned int told;
	char line[32];

	if (n == told)
		return;
	told = n;
	snprintf(line, sizeof(line), "{\"profiling\":%u}\n", n);
	control->emit(line);
}

static int run_once(const struct job *job, struct run_options options,
		    struct nslab_run *run)
{
	if (is_skipped(job->plan, ++nr_run))
		return EXPLORE_DONE;
	options.profiling = nr_run;
	options.warm_up = true;
	options.profile = true;
	options.more = true;
	return execute(job, job->plan->first, options, run);
}

/*
 * What is shared after many small steps is not what is shared when one actor is through
 * with most of what it does. So they are drawn in these ways, in turn.
 */
static const struct {
	unsigned int strategy;
	unsigned int points;
} ways[] = {
	{ NSLAB_STRATEGY_RANDOM, NSLAB_RUN_SHARED | NSLAB_RUN_ALL_POINTS },
	{ NSLAB_STRATEGY_RANDOM, 0 },
	{ NSLAB_STRATEGY_PCT, NSLAB_RUN_SHARED },
	{ NSLAB_STRATEGY_RANDOM, 0 },
};

#define NR_WAYS	(sizeof(ways) / sizeof(ways[0]))

/* Of each input at least so many, if there are as many at all. */
#define MIN_DRAWN	4

static unsigned int nr_drawn(const struct job *job)
{
	unsigned int all = job->plan->profiles, inputs = job_inputs(job);
	unsigned int least = all < MIN_DRAWN ? all : MIN_DRAWN;
	unsigned int each = (all + inputs - 1) / inputs;

	return each > least ? each : least;
}

/* Each actor once as the first to run, then those that are drawn. */
static int profile_input(const struct job *job, unsigned int input, struct plan *plan)
{
	static struct schedule first = {
		.nswitches = 1, .switches[0] = { .at = NSLAB_NOBODY },
	};
	struct run_options options = { .input = input, .points = NSLAB_RUN_SHARED };
	unsigned int i, n = job->scenario->nactors, drawn_ones = nr_drawn(job);
	struct nslab_run run = {};
	struct job drawn = *job;
	char text[8];
	int ret = 0;

	plan->depth = PROFILE_DEPTH;
	plan->length = 1;
	options.schedule = &first;
	options.text = text;
	for (i = 0; !ret && i < n; i++) {
		first.switches[0].next = i;
		snprintf(text, sizeof(text), "z0%c", 'a' + i);
		ret = run_once(job, options, &run);
		if (run.points > plan->length)
			plan->length = run.points;
	}
	options.schedule = NULL;
	options.text = NULL;
	for (i = 0; !ret && i < drawn_ones; i++) {
		options.drawn = input * drawn_ones + i + 1;
		options.points = ways[i % NR_WAYS].points;
		drawn.kernel_strategy = ways[i % NR_WAYS].strategy;
		ret = run_once(&drawn, options, &run);
	}
	return ret;
}

/**
 * profile_warm_up() - find the set
 *
 * Each input has been run once.
 *
 * Return: EXPLORE_*, as execute().
 */
int profile_warm_up(const struct job *job)
{
	static struct plan plan;
	unsigned int i, inputs = job_inputs(job);
	struct job same = *job;
	int ret = 0;

	counted = 0;
	profiled = 0;
	nr_new = 0;
	nr_words = 0;
	nr_run = 0;
	plan = *job->plan;
	plan.seed = PROFILE_SEED;
	same.plan = &plan;
	same.kernel_strategy = NSLAB_STRATEGY_SCHEDULE;
	for (i = 0; !ret && i < inputs; i++)
		ret = profile_input(&same, i, &plan);
	if (ret)
		return ret;
	if (job->control->adopt()) {
		json_error_line(job->control, "shared words: %s", strerror(errno));
		return EXPLORE_ERROR;
	}
	if (job_watches_memory(job) && kmemleak_start(job->control)) {
		json_error_line(job->control, "kmemleak: %s", strerror(errno));
		return EXPLORE_ERROR;
	}
	ret = take_words(job);
	if (!ret && job->plan->words)
		tell_words(job, true);
	return ret;
}

/* === Later on === */

/**
 * profile_due() - is the execution that comes next to be profiled?
 *
 * Called once for each that counts.
 */
bool profile_due(const struct job *job)
{
	if (!profile_wanted(job))
		return false;
	counted++;
	return !(counted & (counted - 1)) || counted % EACH_NTH == 0;
}

/**
 * profile_ran() - an execution was profiled
 * @run: what the kernel reports
 *
 * Return: EXPLORE_DONE or EXPLORE_ERROR.
 */
int profile_ran(const struct job *job, const struct nslab_run *run)
{
	profiled++;
	if (run->shared_new == nr_new)
		return EXPLORE_DONE;
	nr_new = run->shared_new;
	return take_words(job);
}

static unsigned int count(bool watched, bool locked, bool in_set)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_words; i++) {
		const struct nslab_word *word = &words[i];

		if (in_set != !(word->flags & NSLAB_WORD_IS_NEW))
			continue;
		n += watched == !!(word->flags & NSLAB_WORD_IS_WATCHED) &&
		     locked == !(word->flags & NSLAB_WORD_IS_POINT);
	}
	return n;
}

/**
 * profile_unknown() - how many words do the actors share that traces do not tell of?
 *
 * No lock protects them, and they have no points: they are not watched, or it turned out
 * too late. With a lock, that tells of them, if all locks are recorded.
 */
unsigned int profile_unknown(const struct job *job)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_words; i++) {
		const struct nslab_word *word = &words[i];
		bool known = word->flags & NSLAB_WORD_IS_WATCHED ||
			     (!(word->flags & NSLAB_WORD_IS_POINT) &&
			      job->plan->shared);

		n += !known || word->flags & NSLAB_WORD_IS_EXPOSED;
	}
	return n;
}

/**
 * profile_end() - no execution follows: say what the set was, and whether it held
 */
void profile_end(const struct job *job)
{
	struct json json = json_growing();
	unsigned int outside = count(false, false, true) + count(false, false, false);

	if (!profile_wanted(job)) {
		free(json.buf);
		return;
	}
	tell_words(job, false);
	json_open(&json, NULL, '{');
	json_open(&json, "profile", '{');
	json_number(&json, "words", count(true, false, true));
	json_number(&json, "locked", count(true, true, true));
	json_number(&json, "profiled", profiled);
	json_number(&json, "outside", outside + count(false, true, true) +
		    count(false, true, false));
	json_number(&json, "outside_unprotected", outside);
	json_bool(&json, "held", !nr_new);
	json_close(&json, '}');
	json_end(&json);
	job->control->emit(json.buf);
	free(json.buf);
}

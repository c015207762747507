// SPDX-License-Identifier: GPL-2.0
/*
 * Results as JSON, a line each (the harness describes the fields).
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/protocol/json.h"
#include "lib/search/bounded.h"
#include "lib/internal.h"

static const char *call_name(const struct nslab_site *site)
{
	if (site->call > MARKED_MAX_CALLS)
		return NULL;
	return shared->names[site->actor][site->call - 1];
}

/* Which call, and where in it. */
static void write_site(struct json *json, const struct nslab_site *site)
{
	json_string(json, "actor", shared->scenario->actors[site->actor].name);
	json_number(json, "call", site->call);
	json_string(json, "name", call_name(site));
	json_number(json, "nth", site->nth);
	json_number(json, "again", site->again);
	json_hash(json, "stack", site->stack);
}

/* The allocation that failed, and what the call made of that. */
static void write_failed(struct json *json, const struct nslab_site *failed)
{
	const struct marked *marked = &shared->marked;
	const char *err = NULL;

	if (!failed) {
		json_string(json, "refused", NULL);
		return;
	}
	if (!marked->failed)
		err = "none";	/* the actor never came back from it */
	else if (marked->err)
		err = strerrorname_np(marked->err);
	json_open(json, "refused", '{');
	write_site(json, failed);
	json_string(json, "errno", err);
	json_close(json, '}');
}

/**
 * json_result() - the line of one execution
 * @buf: for the line
 * @size: of @buf; RESULT_MAX is enough
 */
void json_result(char *buf, size_t size, const struct result *result)
{
	const struct nslab_run *run = result->run;
	struct json json = json_line(buf, size);

	json_event(&json, "execution");
	json_number(&json, "n", result->n);
	json_hash(&json, "seed", result->seed);
	json_string(&json, "verdict", result->oracle ? "fail" : "pass");
	json_string(&json, "oracle", result->oracle);
	json_string(&json, "message", result->message);
	json_number(&json, "points", run->points);
	json_number(&json, "faults", run->faults);
	json_number(&json, "virtual_ns", run->virtual_ns);
	json_hash(&json, "hash", run->hash);
	json_string(&json, "schedule", result->schedule);
	write_failed(&json, result->failed);
	json_end(&json);
}

/**
 * json_site() - an allocation that a marked call was seen to make
 * @n: in this execution, which has just ended
 * @counted: it will fail in some execution
 */
void json_site(char *buf, size_t size, uint64_t n, const struct nslab_site *site,
	       bool counted)
{
	struct json json = json_line(buf, size);

	json_event(&json, "site");
	json_number(&json, "n", n);
	write_site(&json, site);
	json_bool(&json, "counted", counted);
	json_end(&json);
}

/**
 * json_round() - how many executions it takes for each allocation to fail
 * @points: of the longest execution in which none did
 */
void json_round(char *buf, size_t size, uint64_t executions,
		unsigned int points)
{
	struct json json = json_line(buf, size);

	json_event(&json, "round");
	json_number(&json, "executions", executions);
	json_number(&json, "points", points);
	json_end(&json);
}

/**
 * json_error() - the lab itself could not go on
 */
void json_error(char *buf, size_t size, const char *message)
{
	struct json json = json_line(buf, size);

	json_event(&json, "error");
	json_string(&json, "message", message);
	json_end(&json);
}

static const struct {
	const char *name, *about;
} strategies[] = {
	{ "none", "the scheduler decides; only faults hold actors back" },
	{ "random", "at each point, any actor that can run" },
	{ "pct", "priorities that change at DEPTH - 1 random points" },
	{ "pos", "random priorities, drawn anew where accesses race" },
	{ "bounded", "every schedule with up to PREEMPTIONS preemptions" },
	{ "replay", "the schedule of a token" },
};

static void write_scenario(struct json *json, const struct scenario *s)
{
	unsigned int i;

	json_open(json, NULL, '{');
	json_string(json, "name", s->name);
	json_string(json, "about", s->about);
	json_string(json, "subject", s->subject ?: "");
	json_string(json, "file", s->file);
	json_open(json, "actors", '[');
	for (i = 0; i < s->nactors; i++)
		json_string(json, NULL, s->actors[i].name);
	json_close(json, ']');
	json_number(json, "inputs", s->inputs ?: 1);
	json_bool(json, "carries_on", s->carries_on);
	json_open(json, "reaches", '[');
	for (i = 0; s->reaches && s->reaches[i]; i++)
		json_string(json, NULL, s->reaches[i]);
	json_close(json, ']');
	json_close(json, '}');
}

/**
 * json_list() - what this program can do, for "make list"
 */
void json_list(FILE *out)
{
	struct json json = json_growing();
	const struct scenario *s;
	unsigned int i;

	json_open(&json, NULL, '{');
	json_open(&json, "scenarios", '[');
	for (s = scenario_next(NULL); s; s = scenario_next(s))
		write_scenario(&json, s);
	json_close(&json, ']');
	json_open(&json, "strategies", '[');
	for (i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++) {
		json_open(&json, NULL, '{');
		json_string(&json, "name", strategies[i].name);
		json_string(&json, "about", strategies[i].about);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_end(&json);
	fputs(json.buf ?: "", out);
	free(json.buf);
}

/**
 * json_search() - the result of a search
 * @n: number of the execution that it varied
 */
void json_search(char *buf, size_t size, uint64_t n,
		 const struct bounded_stats *stats)
{
	static const char * const cuts[] = {
		[BOUNDED_CUT_NOTHING] = NULL,
		[BOUNDED_CUT_SCHEDULES] = "schedules",
		[BOUNDED_CUT_MEMORY] = "memory",
		[BOUNDED_CUT_DIVERGED] = "divergence",
		[BOUNDED_CUT_UNKNOWN] = "unknown",
	};
	struct json json = json_line(buf, size);
	int i;

	json_event(&json, "search");
	json_number(&json, "n", n);
	json_signed(&json, "complete", stats->complete);
	json_number(&json, "redundant", stats->redundant);
	json_number(&json, "pruned", stats->pruned);
	json_number(&json, "points", stats->max_points);
	json_number(&json, "unexplained", stats->unexplained);
	json_string(&json, "cut", cuts[stats->cut]);
	json_string(&json, "diverged", *stats->message ? stats->message : NULL);
	json_open(&json, "schedules", '[');
	for (i = 0; i <= BOUNDED_MAX_PREEMPTIONS && i < 9; i++)
		json_number(&json, NULL, stats->by_preemptions[i]);
	json_close(&json, ']');
	json_end(&json);
}

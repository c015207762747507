// SPDX-License-Identifier: GPL-2.0
/*
 * Results as JSON, a line each (the harness describes the fields).
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/search/bounded.h"
#include "lib/internal.h"

/* A string as JSON has it, or null. */
static const char *quoted(char *buf, size_t size, const char *text)
{
	size_t n = 0;

	if (!text)
		return "null";
	buf[n++] = '"';
	for (; *text && n + 8 < size; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\') {
			buf[n++] = '\\';
			buf[n++] = c;
		} else if (c < ' ') {
			n += snprintf(buf + n, size - n, "\\u%04x", c);
		} else {
			buf[n++] = c;
		}
	}
	buf[n++] = '"';
	buf[n] = '\0';
	return buf;
}

static const char *actor_name(unsigned int actor)
{
	return shared->scenario->actors[actor].name;
}

static const char *call_name(const struct nslab_site *site)
{
	if (site->call > MARKED_MAX_CALLS)
		return NULL;
	return shared->names[site->actor][site->call - 1];
}

/* Which call, and where in it. */
static int print_site(char *buf, size_t size, const struct nslab_site *site)
{
	char name[256];

	return snprintf(buf, size,
			"\"actor\":\"%s\",\"call\":%u,\"name\":%s"
			",\"nth\":%u,\"again\":%u,\"stack\":\"%016llx\"",
			actor_name(site->actor), site->call,
			quoted(name, sizeof(name), call_name(site)), site->nth,
			site->again, site->stack);
}

/* The allocation that failed, and what the call made of that. */
static const char *print_failed(char *buf, size_t size,
				const struct nslab_site *failed)
{
	const struct marked *marked = &shared->marked;
	const char *err = "null";
	char name[32];
	int at;

	if (!failed)
		return "null";
	if (!marked->failed)
		err = "\"none\"";	/* the actor never came back from it */
	else if (marked->err)
		err = quoted(name, sizeof(name), strerrorname_np(marked->err));
	at = snprintf(buf, size, "{");
	at += print_site(buf + at, size - at, failed);
	snprintf(buf + at, size - at, ",\"errno\":%s}", err);
	return buf;
}

/**
 * json_result() - the line of one execution
 *
 * Return: its length in bytes, newline included.
 */
int json_result(char *buf, size_t size, const struct result *result)
{
	char oracle[64], message[2 * SCENARIO_MESSAGE_MAX];
	static char schedule[SCHEDULE_TEXT_MAX + 16];
	char failed[512];
	const struct nslab_run *run = result->run;

	return snprintf(buf, size,
			"{\"event\":\"execution\",\"n\":%" PRIu64
			",\"seed\":\"%016" PRIx64 "\",\"verdict\":\"%s\""
			",\"oracle\":%s,\"message\":%s,\"points\":%u"
			",\"faults\":%u,\"virtual_ns\":%llu"
			",\"hash\":\"%016llx\",\"schedule\":%s,\"refused\":%s}\n",
			result->n, result->seed,
			result->oracle ? "fail" : "pass",
			quoted(oracle, sizeof(oracle), result->oracle),
			quoted(message, sizeof(message), result->message),
			run->points, run->faults, run->virtual_ns, run->hash,
			quoted(schedule, sizeof(schedule), result->schedule),
			print_failed(failed, sizeof(failed), result->failed));
}

/**
 * json_site() - an allocation that a marked call was seen to make
 * @n: in this execution, which has just ended
 * @counted: it will fail in some execution
 */
int json_site(char *buf, size_t size, uint64_t n, const struct nslab_site *site,
	      bool counted)
{
	int at;

	at = snprintf(buf, size, "{\"event\":\"site\",\"n\":%" PRIu64 ",", n);
	at += print_site(buf + at, size - at, site);
	return at + snprintf(buf + at, size - at, ",\"counted\":%s}\n",
			     counted ? "true" : "false");
}

/**
 * json_round() - how many executions it takes for each allocation to fail
 * @points: of the longest execution in which none did
 */
int json_round(char *buf, size_t size, uint64_t executions,
	       unsigned int points)
{
	return snprintf(buf, size,
			"{\"event\":\"round\",\"executions\":%" PRIu64
			",\"points\":%u}\n", executions, points);
}

/**
 * json_error() - the lab itself could not go on
 */
int json_error(char *buf, size_t size, const char *message)
{
	char text[2 * SCENARIO_MESSAGE_MAX];

	return snprintf(buf, size, "{\"event\":\"error\",\"message\":%s}\n",
			quoted(text, sizeof(text), message));
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

/**
 * json_list() - what this program can do, for "make list"
 */
void json_list(FILE *out)
{
	char name[128], text[512];
	const struct scenario *s;
	unsigned int i, j;

	fprintf(out, "{\"scenarios\":[");
	for (s = scenario_next(NULL); s; s = scenario_next(s)) {
		fprintf(out, "%s{\"name\":%s", s == scenario_next(NULL) ? "" : ",",
			quoted(name, sizeof(name), s->name));
		fprintf(out, ",\"about\":%s",
			quoted(text, sizeof(text), s->about));
		fprintf(out, ",\"subject\":%s",
			quoted(text, sizeof(text), s->subject ?: ""));
		fprintf(out, ",\"file\":%s,\"actors\":[",
			quoted(text, sizeof(text), s->file));
		for (j = 0; j < s->nactors; j++)
			fprintf(out, "%s\"%s\"", j ? "," : "",
				s->actors[j].name);
		fprintf(out, "],\"inputs\":%u,\"reaches\":[", s->inputs ?: 1);
		for (j = 0; s->reaches && s->reaches[j]; j++)
			fprintf(out, "%s%s", j ? "," : "",
				quoted(name, sizeof(name), s->reaches[j]));
		fprintf(out, "]}");
	}
	fprintf(out, "],\"strategies\":[");
	for (i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++)
		fprintf(out, "%s{\"name\":\"%s\",\"about\":\"%s\"}",
			i ? "," : "", strategies[i].name, strategies[i].about);
	fprintf(out, "]}\n");
}

/**
 * json_search() - the result of a search
 * @n: number of the execution that it varied
 */
int json_search(char *buf, size_t size, uint64_t n,
		const struct bounded_stats *stats)
{
	static const char * const cuts[] = {
		[BOUNDED_CUT_NOTHING] = NULL,
		[BOUNDED_CUT_SCHEDULES] = "schedules",
		[BOUNDED_CUT_MEMORY] = "memory",
		[BOUNDED_CUT_DIVERGED] = "divergence",
	};
	char message[2 * sizeof(stats->message)], cut[32];
	int i, at;

	at = snprintf(buf, size,
		      "{\"event\":\"search\",\"n\":%" PRIu64
		      ",\"complete\":%d,\"redundant\":%" PRIu64
		      ",\"pruned\":%" PRIu64 ",\"points\":%u"
		      ",\"unexplained\":%" PRIu64 ",\"cut\":%s"
		      ",\"diverged\":%s,\"schedules\":[",
		      n, stats->complete, stats->redundant, stats->pruned,
		      stats->max_points, stats->unexplained,
		      quoted(cut, sizeof(cut), cuts[stats->cut]),
		      quoted(message, sizeof(message),
			     *stats->message ? stats->message : NULL));
	for (i = 0; i <= BOUNDED_MAX_PREEMPTIONS && i < 9; i++)
		at += snprintf(buf + at, size - at, "%s%" PRIu64, i ? "," : "",
			       stats->by_preemptions[i]);
	return at + snprintf(buf + at, size - at, "]}\n");
}

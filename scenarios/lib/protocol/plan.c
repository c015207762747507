// SPDX-License-Identifier: GPL-2.0
/*
 * The plan: "key=value", a line each. The harness writes it; a key we do not
 * know is an error, since going on would test something else than was asked.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/internal.h"

static int set_text(char *to, size_t size, const char *value)
{
	size_t len = strlen(value);

	if (!len || len >= size)
		return -1;
	memcpy(to, value, len + 1);
	return 0;
}

static int set_number(uint64_t *to, const char *value)
{
	char *end;

	if (*value < '0' || *value > '9')
		return -1;
	errno = 0;
	*to = strtoull(value, &end, 0);
	return *end || errno ? -1 : 0;
}

static int set_bool(bool *to, const char *value)
{
	uint64_t number;

	if (set_number(&number, value) || number > 1)
		return -1;
	*to = number;
	return 0;
}

/* Stays in the text of the plan, as a schedule does. */
static int set_knob(struct plan *plan, const char *value)
{
	if (plan->nknobs == PLAN_MAX_KNOBS || !strchr(value, '=') ||
	    strlen(value) > PLAN_KNOB_MAX)
		return -1;
	if (!strcmp(value, "nslab/watch=shared"))
		plan->shared = true;
	plan->knobs[plan->nknobs++] = value;
	return 0;
}

/* Stays in the text of the plan, which outlives it. */
static int set_schedule(struct plan *plan, const char *value)
{
	if (plan->nschedules == PLAN_MAX_SCHEDULES)
		return -1;
	plan->schedules[plan->nschedules++] = value;
	return 0;
}

/* An empty list is one, too. */
static int set_failures(struct plan *plan, const char *value)
{
	plan->failures = value;
	return 0;
}

/* Likewise. */
static int set_skip(struct plan *plan, const char *value)
{
	if (!*value || strspn(value, "0123456789,") != strlen(value))
		return -1;
	plan->skip = value;
	return 0;
}

static int set(struct plan *plan, const char *key, const char *value)
{
	if (!strcmp(key, "scenario"))
		return set_text(plan->scenario, sizeof(plan->scenario), value);
	if (!strcmp(key, "strategy"))
		return set_text(plan->strategy, sizeof(plan->strategy), value);
	if (!strcmp(key, "token"))
		return set_text(plan->token, sizeof(plan->token), value);
	if (!strcmp(key, "seed"))
		return set_number(&plan->seed, value);
	if (!strcmp(key, "first"))
		return set_number(&plan->first, value);
	if (!strcmp(key, "count"))
		return set_number(&plan->count, value);
	if (!strcmp(key, "timeout_ms"))
		return set_number(&plan->timeout_ms, value);
	if (!strcmp(key, "trace"))
		return set_bool(&plan->trace, value);
	if (!strcmp(key, "unnamed"))
		return set_bool(&plan->unnamed, value);
	if (!strcmp(key, "all_points"))
		return set_bool(&plan->all_points, value);
	if (!strcmp(key, "reuse"))
		return set_bool(&plan->reuse, value);
	if (!strcmp(key, "fail_nth"))
		return set_bool(&plan->fail_nth, value);
	if (!strcmp(key, "unpruned"))
		return set_bool(&plan->unpruned, value);
	if (!strcmp(key, "measure"))
		return set_bool(&plan->measure, value);
	if (!strcmp(key, "words"))
		return set_bool(&plan->words, value);
	if (!strcmp(key, "profiles"))
		return set_number(&plan->profiles, value);
	if (!strcmp(key, "skip"))
		return set_skip(plan, value);
	if (!strcmp(key, "idle"))
		return set_number(&plan->idle, value);
	if (!strcmp(key, "depth"))
		return set_number(&plan->depth, value);
	if (!strcmp(key, "length"))
		return set_number(&plan->length, value);
	if (!strcmp(key, "preemptions"))
		return set_number(&plan->preemptions, value);
	if (!strcmp(key, "failures"))
		return set_failures(plan, value);
	if (!strcmp(key, "schedule"))
		return set_schedule(plan, value);
	if (!strcmp(key, "knob"))
		return set_knob(plan, value);
	return -1;
}

/**
 * plan_parse() - read a plan
 * @plan: filled; parts of it point into @text
 * @text: of the file; taken apart
 * @error: one line, when it is no plan
 * @size: of @error
 *
 * Return: 0, or -1 with @error set.
 */
int plan_parse(struct plan *plan, char *text, char *error, size_t size)
{
	unsigned int nr;

	memset(plan, 0, sizeof(*plan));
	plan->count = 1;
	plan->timeout_ms = 60000;
	plan->profiles = PLAN_PROFILES;
	snprintf(plan->strategy, sizeof(plan->strategy), "none");

	for (nr = 1; text; nr++) {
		char *line = strsep(&text, "\n");
		char *value = strchr(line, '=');

		if (!*line)
			continue;
		if (!value) {
			snprintf(error, size, "plan:%u: no '=' in \"%.80s\"",
				 nr, line);
			return -1;
		}
		*value++ = '\0';
		if (set(plan, line, value)) {
			snprintf(error, size, "plan:%u: bad %.40s \"%.80s\"",
				 nr, line, value);
			return -1;
		}
	}
	if (!plan->scenario[0]) {
		snprintf(error, size, "plan: names no scenario");
		return -1;
	}
	return 0;
}

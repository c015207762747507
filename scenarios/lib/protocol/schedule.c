// SPDX-License-Identifier: GPL-2.0
/*
 * Schedules as text, as tokens carry them:
 *
 *	a12bb3a-a7	at the 12th point of actor a, b is next; at the 3rd of
 *			b, a; the 7th allocation of a that may fail does
 *	0		no switch: each actor runs as far as it can
 *
 * Actors are letters in the order of the scenario, z is nobody: "z0b", b starts.
 */

#include <stdio.h>
#include <stdlib.h>

#include "lib/internal.h"

static int actor_of(char c)
{
	return c >= 'a' && c < 'a' + NSLAB_MAX_ACTORS ? c - 'a' : -1;
}

static int number_of(const char **text)
{
	char *end;
	unsigned long number;

	if (**text < '0' || **text > '9')
		return -1;
	number = strtoul(*text, &end, 10);
	*text = end;
	return number <= UINT16_MAX ? (int)number : -1;
}

static int parse_switch(struct schedule *schedule, const char **text)
{
	struct nslab_switch *to = &schedule->switches[schedule->nswitches++];
	int at = **text == 'z' ? NSLAB_NOBODY : actor_of(**text), local, next;

	if (at < 0)
		return -1;
	++*text;
	local = number_of(text);
	next = actor_of(**text);
	if (local < 0 || next < 0)
		return -1;
	++*text;
	*to = (struct nslab_switch) { .at = at, .local = local, .next = next };
	return 0;
}

static int parse_failure(struct schedule *schedule, const char **text)
{
	struct nslab_failure *to = &schedule->failures[schedule->nfailures++];
	int actor = actor_of(**text), nth;

	if (actor < 0)
		return -1;
	++*text;
	nth = number_of(text);
	if (nth < 0)
		return -1;
	*to = (struct nslab_failure) { .actor = actor, .nth = nth };
	return 0;
}

/**
 * schedule_parse_failures() - read the part behind the dash
 * @schedule: its failures are filled
 * @text: "a7b2", or empty
 *
 * Return: 0, or -1 if that is no list of failures.
 */
int schedule_parse_failures(struct schedule *schedule, const char *text)
{
	schedule->nfailures = 0;
	while (*text)
		if (schedule->nfailures == NSLAB_MAX_FAILURES ||
		    parse_failure(schedule, &text))
			return -1;
	return 0;
}

/**
 * schedule_parse() - read a schedule
 * @schedule: filled
 * @text: as above
 *
 * Return: 0, or -1 if that is no schedule.
 */
int schedule_parse(struct schedule *schedule, const char *text)
{
	schedule->nswitches = 0;
	schedule->nfailures = 0;
	if (*text == '0')
		text++;
	else
		while (*text && *text != '-')
			if (schedule->nswitches == NSLAB_MAX_SWITCHES ||
			    parse_switch(schedule, &text))
				return -1;
	if (text[0] == '-' && text[1])
		return schedule_parse_failures(schedule, text + 1);
	return *text ? -1 : 0;
}

/**
 * schedule_text() - write a schedule as text
 * @buf: with room for SCHEDULE_TEXT_MAX bytes
 *
 * Return: @buf.
 */
char *schedule_text(char *buf, const struct schedule *schedule)
{
	const struct nslab_failure *failure = schedule->failures;
	const struct nslab_switch *to = schedule->switches;
	char *at = buf;
	unsigned int i;

	if (!schedule->nswitches)
		at += sprintf(at, "0");
	for (i = 0; i < schedule->nswitches; i++, to++)
		at += sprintf(at, "%c%u%c",
			      to->at == NSLAB_NOBODY ? 'z' : 'a' + to->at,
			      to->local, 'a' + to->next);
	for (i = 0; i < schedule->nfailures; i++, failure++)
		at += sprintf(at, "%s%c%u", i ? "" : "-", 'a' + failure->actor,
			      failure->nth);
	return buf;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Marked calls: the kernel learns which one an actor is in. One that fails because an
 * allocation did must leave everything as it was: all attributes of the actor that the
 * subjects compare, but for what the scenario says of the call. What has to be counted
 * is counted after the execution, see leak.c and heap.c.
 */

#include <stdio.h>
#include <string.h>

#include "lib/internal.h"

/* By index: actors may share their memory. */
static struct nslab_attributes before[SCENARIO_MAX_ACTORS];

/* Without a trace: it is no part of what the actor does. */
static int look(unsigned int actor, struct nslab_attributes *attributes)
{
	int ret;

	shared->calls.actors[actor].hidden = 1;
	attributes->subjects = subjects_mask();
	ret = shared->control->attributes(attributes);
	shared->calls.actors[actor].hidden = 0;
	return ret;
}

/**
 * marked_begin() - an actor is about to make a marked call
 * @name: of the call
 *
 * Return: what marked_end() needs to know.
 */
int marked_begin(const char *name)
{
	int actor = shared->marks ? actors_self() : -1;
	unsigned int call;

	if (actor < 0)
		return -1;
	call = shared->marked.ncalls[actor];
	if (call == MARKED_MAX_CALLS) {
		scenario_fail(name, 0, "more than %d marked calls",
			      MARKED_MAX_CALLS);
		return -1;
	}
	shared->marked.ncalls[actor] = call + 1;
	/* A copy: @name may be in memory that only the actor has. */
	snprintf(shared->names[actor][call], MARKED_NAME_MAX, "%s", name);
	if (look(actor, &before[actor])) {
		scenario_fail(name, 0, "cannot look: %s", strerror(errno));
		return -1;
	}
	shared->calls.actors[actor].failures = 0;
	shared->calls.actors[actor].call = call + 1;
	return actor;
}

/* What is said when a count has changed: its "#" stands for the difference. */
static const char *counted(const char *about, int difference, char *buf,
			   size_t size)
{
	size_t len = strcspn(about, "#");

	snprintf(buf, size, "%.*s%+d%s", (int)len, about, difference,
		 about[len] ? about + len + 1 : "");
	return buf;
}

static bool is_in(const char * const *list, const char *about)
{
	while (*list && strcmp(*list, about))
		list++;
	return *list;
}

/* Of what may change: what is no attribute, NULL if there is no such. */
static const char *unknown(const char * const *may, unsigned int n)
{
	unsigned int i;

	for (; *may; may++) {
		for (i = 0; i < n; i++)
			if (!strcmp(*may, subjects_attribute(i)->about))
				break;
		if (i == n)
			return *may;
	}
	return NULL;
}

/* What has changed and may not, NULL if nothing has. */
static const char *changed(const struct nslab_attributes *was,
			   const struct nslab_attributes *is,
			   const char * const *may, char *buf, size_t size)
{
	const struct nslab_attribute_info *info;
	unsigned int i;

	for (i = 0; i < is->n; i++) {
		info = subjects_attribute(i);
		if (was->values[i] == is->values[i] || is_in(may, info->about))
			continue;
		if (info->kind == NSLAB_IS_IDENTITY)
			return info->about;
		if (was->quiet && is->quiet)
			return counted(info->about,
				       (int)(is->values[i] - was->values[i]),
				       buf, size);
	}
	return NULL;
}

static void judge(unsigned int actor, const char *name, const char *file,
		  int line, int err, const char * const *may,
		  const int *allowed)
{
	struct nslab_attributes now;
	const char *what;
	char buf[NSLAB_TEXT_LEN + 12];

	while (*allowed && *allowed != err)
		allowed++;
	if (!*allowed)
		scenario_fail(file, line,
			      "%s failed with %s, which its manual page does not know",
			      name, strerrorname_np(err));
	what = look(actor, &now) ? "nobody can tell what it has" :
				   changed(&before[actor], &now, may, buf,
					   sizeof(buf));
	if (what)
		scenario_fail(file, line, "%s failed with %s, but %s now", name,
			      strerrorname_np(err), what);
}

/**
 * marked_end_changes() - the call has been made
 * @actor: as marked_begin() returned it
 * @file: where it stands
 * @line: in that file
 * @ret: what it returned
 * @may: what may have changed if it failed, the last one NULL
 * @allowed: errno values, the last one 0
 *
 * errno stays.
 */
void marked_end_changes(int actor, const char *file, int line, long ret,
			const char * const *may, const int *allowed)
{
	struct marked *marked = &shared->marked;
	const char *wrong;
	int err = errno;

	if (actor < 0)
		return;
	shared->calls.actors[actor].call = 0;
	/* A word that is wrong would allow nothing, and that might go unnoticed. */
	wrong = unknown(may, before[actor].n);
	if (wrong)
		scenario_fail(file, line, "no subject of this scenario has the attribute \"%s\"",
			      wrong);
	if (shared->calls.actors[actor].failures) {
		unsigned int call = marked->ncalls[actor];

		marked->failed = true;
		marked->actor = actor;
		marked->call = call;
		marked->err = ret < 0 ? err : 0;
		if (ret < 0)
			judge(actor, shared->names[actor][call - 1], file, line,
			      err, may, allowed);
	}
	errno = err;
}

static const char * const nothing[] = { NULL };

/**
 * marked_end() - the same, of a call that changes nothing if it fails
 */
void marked_end(int actor, const char *file, int line, long ret,
		const int *allowed)
{
	marked_end_changes(actor, file, line, ret, nothing, allowed);
}

/**
 * refused_begin() - an actor is about to make a call that has to fail
 * @name: of the call
 *
 * Return: what refused_end() needs to know.
 */
int refused_begin(const char *name)
{
	int actor;

	/* It reads the attributes, too. */
	if (shared->marks)
		return marked_begin(name);
	actor = actors_self();
	if (actor >= 0 && look(actor, &before[actor])) {
		scenario_fail(name, 0, "cannot look: %s", strerror(errno));
		return -1;
	}
	return actor;
}

/**
 * refused_end() - the call has been made
 * @actor: as refused_begin() returned it
 * @name: of the call
 * @file: where it stands
 * @line: in that file
 * @ret: what it returned
 * @allowed: errno values, the last one 0
 */
void refused_end(int actor, const char *name, const char *file, int line,
		 long ret, const int *allowed)
{
	int err = errno;

	if (shared->marks)
		marked_end(actor, file, line, ret, allowed);
	if (ret >= 0)
		scenario_fail(file, line, "%s was not refused", name);
	else if (actor >= 0)
		judge(actor, name, file, line, err, nothing, allowed);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Marked calls: the kernel learns which one an actor is in, and one that fails
 * because an allocation did must leave everything as it was: the namespaces of
 * the actor and what else it has, as far as the kernel can tell at once. What
 * has to be counted is counted after the execution, see leak.c.
 */

#include <stdio.h>
#include <string.h>

#include "lib/internal.h"

/* In the order of NSLAB_NS_*, as in /proc/self/ns. */
static const char * const links[NSLAB_NS_LINKS] = {
	[NSLAB_NS_USER] = "user", [NSLAB_NS_PID] = "pid",
	[NSLAB_NS_UTS] = "uts", [NSLAB_NS_IPC] = "ipc",
	[NSLAB_NS_NET] = "net", [NSLAB_NS_MNT] = "mnt",
	[NSLAB_NS_CGROUP] = "cgroup", [NSLAB_NS_TIME] = "time",
	[NSLAB_NS_PID_FOR_CHILDREN] = "pid_for_children",
	[NSLAB_NS_TIME_FOR_CHILDREN] = "time_for_children",
};

static const char * const things[NSLAB_SELF_THINGS] = {
	[NSLAB_SELF_NSPROXY] = "its nsproxy is another one",
	[NSLAB_SELF_CRED] = "its credentials are others",
	[NSLAB_SELF_FILES] = "its file table is another one",
	[NSLAB_SELF_FS] = "its struct fs_struct is another one",
	[NSLAB_SELF_ROOT] = "its root is on another mount",
	[NSLAB_SELF_CWD] = "its working directory is on another mount",
};

/* By index: actors may share their memory. */
static struct nslab_self before[SCENARIO_MAX_ACTORS];

/* Without a trace: it is no part of what the actor does. */
static int look(unsigned int actor, struct nslab_self *self)
{
	int ret;

	shared->calls.actors[actor].hidden = 1;
	ret = shared->control->self(self);
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
	/* It may be the actor's own memory. */
	snprintf(shared->names[actor][call], MARKED_NAME_MAX, "%s", name);
	if (look(actor, &before[actor])) {
		scenario_fail(name, 0, "cannot look: %s", strerror(errno));
		return -1;
	}
	shared->calls.actors[actor].failures = 0;
	shared->calls.actors[actor].call = call + 1;
	return actor;
}

/* What has changed, NULL if nothing has. */
static const char *changed(const struct nslab_self *was,
			   const struct nslab_self *is, char *buf, size_t size)
{
	unsigned int i;

	for (i = 0; i < NSLAB_NS_LINKS; i++)
		if (was->ns[i] != is->ns[i]) {
			snprintf(buf, size, "%s is another namespace",
				 links[i]);
			return buf;
		}
	for (i = 0; i < NSLAB_SELF_THINGS; i++)
		if (was->thing[i] != is->thing[i])
			return things[i];
	if (was->quiet && is->quiet && was->references != is->references) {
		snprintf(buf, size, "its nsproxy has %+d references",
			 (int)(is->references - was->references));
		return buf;
	}
	return NULL;
}

static void judge(unsigned int actor, const char *name, const char *file,
		  int line, int err, const int *allowed)
{
	struct nslab_self now;
	const char *what;
	char buf[64];

	while (*allowed && *allowed != err)
		allowed++;
	if (!*allowed)
		scenario_fail(file, line,
			      "%s failed with %s, which its manual page does not know",
			      name, strerrorname_np(err));
	what = look(actor, &now) ? "nobody can tell what it has" :
				   changed(&before[actor], &now, buf, sizeof(buf));
	if (what)
		scenario_fail(file, line, "%s failed with %s, but %s now", name,
			      strerrorname_np(err), what);
}

/**
 * marked_end() - the call has been made
 * @actor: as marked_begin() returned it
 * @file: where it stands
 * @line: in that file
 * @ret: what it returned
 * @allowed: errno values, the last one 0
 *
 * errno stays.
 */
void marked_end(int actor, const char *file, int line, long ret,
		const int *allowed)
{
	struct marked *marked = &shared->marked;
	int err = errno;

	if (actor < 0)
		return;
	shared->calls.actors[actor].call = 0;
	if (shared->calls.actors[actor].failures) {
		unsigned int call = marked->ncalls[actor];

		marked->failed = true;
		marked->actor = actor;
		marked->call = call;
		marked->err = ret < 0 ? err : 0;
		if (ret < 0)
			judge(actor, shared->names[actor][call - 1], file, line,
			      err, allowed);
	}
	errno = err;
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

	/* Which looks, too. */
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
		judge(actor, name, file, line, err, allowed);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The first task of a pid namespace exits and takes the other with it, wherever
 * that one is, and nobody in the namespace outlives it: neither for a reader
 * who follows both, nor for their parent.
 */

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("pidns-vs-init-exit",
	 "exit of a pid namespace's init against readers of who is in there");
REACHES("utsns_get", "pidns_for_children_get", "exit_notify", "release_task");

#define LOOKS	3

enum { FIRST, OTHER, MEMBERS };

static const char * const members[MEMBERS] = { "first", "other" };
static const char * const links[] = { "uts", "pid_for_children", "pid" };

#define LINKS	(sizeof(links) / sizeof(links[0]))

INPUTS(LINKS);

STATE {
	long pidns;
	bool gone[MEMBERS];
};

ACTOR(first, CHILD)
{
	_exit(0);
}

/* Does not come to its end by itself, even if a fault is injected. */
ACTOR(other, CHILD)
{
	if (MARKED(unshare(CLONE_NEWUTS), ERRNOS_UNSHARE))
		ASSERT_TRUE(scenario_injected());
	for (;;)
		pause();
}

ACTOR(parent, KEPT)
{
	int status;

	/* The first can go only when the other has been reaped. */
	REQUIRE(waitpid(actor_pid("other"), &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	REQUIRE(waitpid(actor_pid("first"), &status, 0));
	ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

BEFORE(parent)
{
	REQUIRE(unshare(CLONE_NEWPID | CLONE_NEWUTS));
	REQUIRE(actor_make("first", 0));
	REQUIRE(actor_make("other", 0));
}

AFTER(parent)
{
	REQUIRE(namespaces_restore());
}

/* What the reader has itself. */
static long home[LINKS];

static void look_at(int who)
{
	const char *link = links[scenario_input()];
	long seen = namespace_of(actor_pid(members[who]), link);

	if (seen < 0) {
		if (scenario_injected())
			return;
		/* No namespaces any more; no task; none since just now. */
		ASSERT_ERRNO_IN(seen, ENOENT, ESRCH, EACCES);
		self->gone[who] = true;
		return;
	}
	if (self->gone[who])
		FAIL("%s of %s: alive again", link, members[who]);
	if (seen == home[scenario_input()])
		FAIL("%s of %s: of init", link, members[who]);
	if (!strcmp(link, "uts"))
		return;
	if (self->pidns && seen != self->pidns)
		FAIL("%s of %s is %ld, expected %ld", link, members[who], seen,
		     self->pidns);
	self->pidns = seen;
	/* This one a zombie has still: without it, there is nothing left. */
	if (!strcmp(link, "pid") && self->gone[FIRST])
		FAIL("%s is in there, after the first is gone", members[who]);
}

ACTOR(reader, KEPT)
{
	unsigned int i;

	/* In the execution that only warms up. */
	for (i = 0; i < LINKS; i++)
		if (!home[i])
			REQUIRE(home[i] = namespace_of(getpid(), links[i]));
	for (i = 0; i < LOOKS; i++)
		look_at(i % 2 ? FIRST : OTHER);
}

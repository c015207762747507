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

#include "lib/errnos.h"
#include "lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("pidns-vs-init-exit",
	 "exit of a pid namespace's init against readers of who is in there");

#define READS	3

enum { FIRST, OTHER, MEMBERS };

static const char * const members[MEMBERS] = { "first", "other" };
static const char * const links[] = { "uts", "pid_for_children", "pid" };

#define LINKS	(sizeof(links) / sizeof(links[0]))

STATE {
	long pidns;
	bool gone[MEMBERS][LINKS];
};

ACTOR(first, CHILD)
{
	_exit(0);
}

ACTOR(other, CHILD)
{
	REQUIRE(MARKED(unshare(CLONE_NEWUTS), ERRNOS_UNSHARE));
	REQUIRE(MARKED(unshare(CLONE_NEWUTS), ERRNOS_UNSHARE));
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
	REQUIRE(unshare(CLONE_NEWPID));
	REQUIRE(actor_make("first", 0));
	REQUIRE(actor_make("other", 0));
}

AFTER(parent)
{
	REQUIRE(namespaces_restore());
}

static void look_at(int who, unsigned int which)
{
	long seen = namespace_of(actor_pid(members[who]), links[which]);

	if (seen < 0) {
		if (scenario_injected())
			return;
		/* No namespaces any more; no task; none since just now. */
		ASSERT_ERRNO_IN(seen, ENOENT, ESRCH, EACCES);
		self->gone[who][which] = true;
		return;
	}
	if (self->gone[who][which])
		FAIL("%s of %s: alive again", links[which], members[who]);
	/* A zombie has this one still, to the end. */
	if (self->gone[FIRST][LINKS - 1])
		FAIL("%s of %s, after the first is gone", links[which],
		     members[who]);
	if (!which)
		return;
	if (self->pidns && seen != self->pidns)
		FAIL("%s of %s is %ld, expected %ld", links[which],
		     members[who], seen, self->pidns);
	self->pidns = seen;
}

ACTOR(reader, KEPT)
{
	unsigned int i, which;

	for (i = 0; i < READS; i++) {
		which = (scenario_random() + i) % LINKS;
		look_at(FIRST, which);
		look_at(OTHER, which);
	}
}

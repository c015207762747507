// SPDX-License-Identifier: GPL-2.0
/*
 * A child exits while its parent moves to new namespaces; at first they share a
 * nsproxy. exit_notify() once had to see the parent's namespaces there, hence
 * the change of 2007. The parent learns the truth about the child's end, and a
 * reader sees the child's namespace stay the same and the parent's move on.
 */

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("child-exit-vs-parent-unshare",
	 "a child's end against unshare() of its parent, and a reader of both");
REACHES("utsns_get", "unshare_commit", "exit_notify", "release_task");

#define READS	3
#define STATUS	7

static sigset_t chld;

STATE {
	long home;		/* what the reader has itself */
	long of_child;
	struct trail of_parent;
};

ACTOR(child, CHILD)
{
	_exit(STATUS);
}

ACTOR(parent, KEPT)
{
	const struct timespec now = {};
	siginfo_t info = {};

	REQUIRE(MARKED(unshare(CLONE_NEWUTS), ERRNOS_UNSHARE));
	REQUIRE(MARKED(unshare(CLONE_NEWCGROUP), ERRNOS_UNSHARE));
	REQUIRE(waitid(P_PID, actor_pid("child"), &info, WEXITED));
	ASSERT_EQ(actor_pid("child"), info.si_pid);
	ASSERT_EQ(CLD_EXITED, info.si_code);
	ASSERT_EQ(STATUS, info.si_status);

	/* The signal came before; an allocation may have failed in the child. */
	REQUIRE(sigtimedwait(&chld, &info, &now));
	if (info.si_code == SI_USER && !info.si_pid)
		return;
	ASSERT_EQ(actor_pid("child"), info.si_pid);
	ASSERT_EQ(CLD_EXITED, info.si_code);
	ASSERT_EQ(STATUS, info.si_status);
}

/* One that an injected fault kept the parent from taking is of no use now. */
BEFORE(parent)
{
	const struct timespec now = {};

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	sigtimedwait(&chld, NULL, &now);
	REQUIRE(actor_make("child", 0));
}

/* What the next child is going to share is not what init has. */
AFTER(parent)
{
	REQUIRE(namespaces_restore());
	REQUIRE(unshare(CLONE_NEWUTS));
}

static void see_parent(int nth)
{
	long seen = namespace_of(actor_pid("parent"), "uts");

	REQUIRE(seen);
	if (trail_turns_back(&self->of_parent, seen))
		FAIL("read %d: the parent is in %ld again", nth, seen);
}

static void see_child(int nth)
{
	long seen = namespace_of(actor_pid("child"), "uts");

	if (seen < 0 && scenario_injected())
		return;
	/* No namespaces any more; no task; none since just now. */
	ASSERT_ERRNO_IN(seen, ENOENT, ESRCH, EACCES);
	if (seen < 0)
		self->of_child = -1;
	else if (seen == self->home || (self->of_child && seen != self->of_child))
		FAIL("read %d: the child is in %ld, after %ld", nth, seen,
		     self->of_child);
	else
		self->of_child = seen;
}

ACTOR(reader, KEPT)
{
	int i;

	REQUIRE(self->home = namespace_of(getpid(), "uts"));
	for (i = 0; i < READS; i++) {
		see_child(i);
		see_parent(i);
	}
}

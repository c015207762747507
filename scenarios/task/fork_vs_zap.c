// SPDX-License-Identifier: GPL-2.0
/*
 * A task forks into a pid namespace whose init exits. The child is killed with
 * all others in there, or there is none.
 */

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/scenario.h"
#include "nsproxy/lib/namespaces.h"

SCENARIO("fork-vs-zap", "fork() into a pid namespace whose init exits");

STATE {
	int dummy;
};

ACTOR(first, CHILD)
{
	_exit(0);
}

static int sleeper(void *unused)
{
	for (;;)
		pause();
	return 0;
}

ACTOR(parent, KEPT)
{
	static char stack[4096];
	int status;
	pid_t pid;

	/* Its memory is ours: there is none to copy, which would take long. */
	pid = MARKED_AS("clone(CLONE_VM)",
			clone(sleeper, stack + sizeof(stack),
			      CLONE_VM | SIGCHLD, NULL), ENOMEM, EAGAIN);
	ASSERT_ERRNO_IN(pid, ENOMEM);
	if (pid < 0)
		return;
	REQUIRE(waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

BEFORE(parent)
{
	REQUIRE(unshare(CLONE_NEWPID));
	REQUIRE(actor_make("first", 0));
}

AFTER(parent)
{
	REQUIRE(namespaces_restore());
}

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

ACTOR(parent, KEPT)
{
	pid_t pid = fork();
	int status;

	ASSERT_ERRNO_IN(pid, ENOMEM);
	if (pid < 0)
		return;
	if (!pid)
		for (;;)
			pause();
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

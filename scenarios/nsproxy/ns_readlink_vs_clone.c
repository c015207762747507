// SPDX-License-Identifier: GPL-2.0
/*
 * A reader follows /proc/PID/ns/uts of a child that clone() makes with a
 * namespace of its own, from the child's first instant to its end. It sees the
 * child's namespace, always the same and never the parent's, until the child
 * is almost dead; and nothing after that.
 */

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "lib/scenario.h"

SCENARIO("ns-readlink-vs-clone",
	 "readlink of /proc/PID/ns/uts against clone() with a new namespace");
REACHES("utsns_get", "copy_namespaces");

#define READS	6

STATE {
	volatile pid_t child;	/* set by clone(), before the child runs */
	char of_child[48];
	bool gone;
};

static char child_stack[16 * 1024] __attribute__((aligned(16)));

static int child(void *unused)
{
	_exit(0);
}

ACTOR(parent, KEPT)
{
	pid_t pid;

	REQUIRE(pid = MARKED_AS("clone(CLONE_NEWUTS)",
				clone(child, child_stack + sizeof(child_stack),
				      CLONE_NEWUTS | CLONE_VM |
				      CLONE_PARENT_SETTID | SIGCHLD, NULL,
				      &self->child),
				ERRNOS_CLONE));
	REQUIRE(waitpid(pid, NULL, 0));
}

ACTOR(reader, KEPT)
{
	char path[64], own[48], seen[48];
	ssize_t len;
	pid_t pid;
	int i;

	REQUIRE(len = readlink("/proc/self/ns/uts", own, sizeof(own) - 1));
	own[len] = '\0';
	for (i = 0; i < READS; i++) {
		/* As long as there is no child, our own, to let time pass. */
		pid = self->child;
		snprintf(path, sizeof(path), "/proc/%d/ns/uts",
			 pid ? pid : actor_pid("reader"));
		len = MARKED(readlink(path, seen, sizeof(seen) - 1),
			     ERRNOS_READLINK, ESRCH);
		if (len < 0) {
			if (scenario_injected())
				return;
			/* No namespaces any more; no task; none since just now. */
			ASSERT_ERRNO_IN(len, ENOENT, ESRCH, EACCES);
			self->gone = true;
			continue;
		}
		seen[len] = '\0';
		if (self->gone)
			FAIL("read %d: %s, after the child was gone", i, seen);
		if (!pid)
			continue;
		if (!strcmp(seen, own))
			FAIL("read %d: %s, which is the parent's", i, seen);
		if (self->of_child[0] && strcmp(seen, self->of_child))
			FAIL("read %d: %s, expected %s", i, seen, self->of_child);
		strcpy(self->of_child, seen);
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A task enters two namespaces of another at once, by setns() on a pidfd, while
 * that one moves once and exits. It gets both old ones or both new ones, and
 * the old ones never after the new; or there is no such process (ESRCH), and
 * then there is none for good.
 */

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("pidfd-setns-vs-exit", "setns(pidfd, several types) against exit");
REACHES("validate_nsset", "setns_commit", "exit_before_namespaces");

#define TRIES	4

/* The follower's. */
static int pidfd = -1;
static int own = -1;
static long old_uts, old_cgroup;

STATE {
	bool gone;
};

ACTOR(target, FRESH_REAPED)
{
	REQUIRE(MARKED(unshare(CLONE_NEWUTS | CLONE_NEWCGROUP),
		       ERRNOS_UNSHARE));
	_exit(0);
}

/* Once: where it begins is always the same. */
static int prepare(void)
{
	if (own < 0) {
		own = namespaces_dir(getpid());
		old_uts = namespace_at(own, "uts");
		old_cgroup = namespace_at(own, "cgroup");
	}
	return own;
}

static int enter(void)
{
	if (pidfd < 0)
		pidfd = MARKED_AS("pidfd_open()",
				  syscall(SYS_pidfd_open, actor_pid("target"), 0),
				  ERRNOS_PIDFD_OPEN);
	/* The number outlives the process by a moment. */
	if (pidfd < 0 && errno == EINVAL)
		errno = ESRCH;
	if (pidfd < 0)
		return -1;
	return MARKED(setns(pidfd, CLONE_NEWUTS | CLONE_NEWCGROUP),
		      ERRNOS_SETNS);
}

ACTOR(follower, KEPT)
{
	long uts, cgroup, new_uts = 0, new_cgroup = 0;
	int i, ret;

	REQUIRE(prepare());
	for (i = 0; i < TRIES; i++) {
		ret = enter();
		if (ret < 0 && scenario_injected())
			return;
		ASSERT_ERRNO_IN(ret, ESRCH);
		if (ret < 0) {
			self->gone = true;
			continue;
		}
		if (self->gone)
			FAIL("try %d: entered after the target was gone", i);
		REQUIRE(uts = namespace_at(own, "uts"));
		REQUIRE(cgroup = namespace_at(own, "cgroup"));
		if (uts == old_uts && cgroup == old_cgroup && !new_uts)
			continue;
		/* It has moved, once: both are new, and stay. */
		if (uts == old_uts || cgroup == old_cgroup)
			FAIL("try %d: a namespace that the target has left", i);
		if (new_uts && (uts != new_uts || cgroup != new_cgroup))
			FAIL("try %d: %ld with %ld, after %ld with %ld", i, uts,
			     cgroup, new_uts, new_cgroup);
		new_uts = uts;
		new_cgroup = cgroup;
	}
}

AFTER(follower)
{
	close(pidfd);
	pidfd = -1;
	REQUIRE(namespaces_restore());
}

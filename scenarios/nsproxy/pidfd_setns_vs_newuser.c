// SPDX-License-Identifier: GPL-2.0
/*
 * A task enters three namespaces of another at once, its user namespace among
 * them, while that moves to new ones. A user namespace owns the others that are
 * made with it, so all that were taken from one nsproxy have the same owner.
 *
 * That owner may be the user namespace from before, in any kernel with setns()
 * on a pidfd: of the target's namespaces it takes those in the nsproxy first, and
 * the one in the credentials, which the target leaves last, a moment later.
 */

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("pidfd-setns-vs-newuser",
	 "setns(pidfd, user and two more) against unshare() of the same");
REACHES("validate_nsset", "setns_commit", "unshare_commit");

#define TYPES	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS)
#define TRIES	3

/* <linux/nsfs.h> */
#define NS_GET_USERNS	_IO(0xb7, 0x1)

STATE {
	bool moved;
};

ACTOR(target, FRESH)
{
	REQUIRE(MARKED(unshare(TYPES), ERRNOS_UNSHARE));
	self->moved = true;
	REQUIRE(MARKED(unshare(CLONE_NEWUTS), ERRNOS_UNSHARE));
}

#define OUTSIDE	0

/*
 * The number of the user namespace that owns one of the caller's; OUTSIDE if
 * that one is not within the caller's.
 */
static long owner_of(const char *path)
{
	int owner = -1, ns = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	long number = -1;

	if (ns < 0)
		return -1;
	owner = ioctl(ns, NS_GET_USERNS);
	if (owner >= 0 && !fstat(owner, &stat))
		number = stat.st_ino;
	else if (owner < 0 && errno == EPERM)
		number = OUTSIDE;
	if (owner >= 0)
		close(owner);
	close(ns);
	return number;
}

ACTOR(follower, FRESH)
{
	int pidfd = syscall(SYS_pidfd_open, actor_pid("target"), 0);
	int i, ret = -1;
	bool moved;
	long user, of_mnt, of_uts;

	REQUIRE(pidfd);
	for (i = 0; i < TRIES && ret < 0; i++) {
		moved = self->moved;
		ret = MARKED(setns(pidfd, TYPES), ERRNOS_SETNS);
		if (ret < 0 && scenario_injected())
			break;
		/* A task does not enter the user namespace that it is in. */
		ASSERT_ERRNO_IN(ret, EINVAL);
		if (ret < 0 && moved)
			FAIL("try %d: refused after the target had moved", i);
	}
	close(pidfd);
	if (ret < 0)
		return;
	REQUIRE(user = namespace_of(getpid(), "user"));
	REQUIRE(of_mnt = owner_of("/proc/self/ns/mnt"));
	REQUIRE(of_uts = owner_of("/proc/self/ns/uts"));
	if (of_mnt != user && of_mnt != OUTSIDE)
		FAIL("in a mount namespace of a third user namespace");
	if (of_uts != of_mnt)
		FAIL("in a mount and a uts namespace that were never together");
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A task without privileges makes a user namespace with a uts namespace in it,
 * and in that one the same again. Root sees it go from one to the next. Another
 * of the same user may look, but not enter; a stranger may do neither.
 */

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("nested-userns-vs-readers",
	 "unprivileged unshare(CLONE_NEWUSER) in another against readers");
REACHES("utsns_get", "validate_nsset", "unshare_commit");

#define READS		2
#define USER		1000
#define OTHER_USER	1001

/* <linux/pidfd.h> of this kernel; the installed one may be older. */
#define PIDFD_GET_UTS_NAMESPACE	_IO(0xFF, 10)

/* Who reads. */
enum { ROOT, PEER, STRANGER, READERS };

INPUTS(READERS);

STATE {
	struct trail user;
	struct trail uts;
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

ACTOR(target, FRESH)
{
	/* The system call: the threads of the explorer are not meant. */
	REQUIRE(syscall(SYS_setresgid, USER, USER, USER));
	REQUIRE(syscall(SYS_setresuid, USER, USER, USER));
	REQUIRE(MARKED(unshare(CLONE_NEWUSER | CLONE_NEWUTS),
		       ERRNOS_UNSHARE));
	/* Whoever changes its credentials hides, and cannot be mapped. */
	REQUIRE(prctl(PR_SET_DUMPABLE, 1));
	REQUIRE(write_file("/proc/self/setgroups", "deny"));
	REQUIRE(write_file("/proc/self/uid_map", "0 1000 1"));
	REQUIRE(write_file("/proc/self/gid_map", "0 1000 1"));
	REQUIRE(MARKED(unshare(CLONE_NEWUSER | CLONE_NEWUTS),
		       ERRNOS_UNSHARE));
	REQUIRE(prctl(PR_SET_DUMPABLE, 1));
}

ACTOR(root, KEPT)
{
	pid_t target = actor_pid("target");
	long home, no_user, user, uts;
	int i;

	if (scenario_input() != ROOT)
		return;
	REQUIRE(home = namespace_of(getpid(), "uts"));
	REQUIRE(no_user = namespace_of(getpid(), "user"));
	for (i = 0; i < READS; i++) {
		/* The other namespaces are switched first, then this one. */
		REQUIRE(user = namespace_of(target, "user"));
		REQUIRE(uts = namespace_of(target, "uts"));
		if (trail_turns_back(&self->user, user))
			FAIL("read %d: in user namespace %ld again", i, user);
		if (trail_turns_back(&self->uts, uts))
			FAIL("read %d: in uts namespace %ld again", i, uts);
		if (user != no_user && uts == home)
			FAIL("read %d: user namespace without a uts one", i);
	}
}

/* By the calling actor, who stays who it is from then on. */
static int pidfd = -1;

static int begin_as(int user)
{
	static bool changed;

	if (!changed && (setresgid(user, user, user) ||
			 setresuid(user, user, user)))
		return -1;
	changed = true;
	pidfd = syscall(SYS_pidfd_open, actor_pid("target"), 0);
	return pidfd;
}

static void try_to_enter(void)
{
	REFUSED(setns(pidfd, CLONE_NEWUTS), EPERM, ENOMEM);
}

ACTOR(peer, KEPT)
{
	long seen, home;
	int i;

	REQUIRE(begin_as(USER));
	if (scenario_input() != PEER)
		return;
	REQUIRE(home = namespace_of(getpid(), "uts"));
	for (i = 0; i < READS; i++) {
		try_to_enter();
		seen = namespace_of(actor_pid("target"), "uts");
		ASSERT_ERRNO_IN(seen, EACCES);
		if (seen < 0)
			continue;
		/* From where it can be looked at, it is in one of its own. */
		if (seen == home || trail_turns_back(&self->uts, seen))
			FAIL("read %d: in uts namespace %ld", i, seen);
	}
}

ACTOR(stranger, KEPT)
{
	int i;

	REQUIRE(begin_as(OTHER_USER));
	if (scenario_input() != STRANGER)
		return;
	for (i = 0; i < READS; i++) {
		try_to_enter();
		if (namespace_of(actor_pid("target"), "uts") >= 0)
			FAIL("read %d: a link for a stranger", i);
		ASSERT_ERRNO_IN(-1, EACCES);
		if (ioctl(pidfd, PIDFD_GET_UTS_NAMESPACE, 0) >= 0)
			FAIL("read %d: a namespace for a stranger", i);
		ASSERT_ERRNO_IN(-1, EACCES);
	}
}

AFTER(peer)
{
	close(pidfd);
}

AFTER(stranger)
{
	close(pidfd);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A task makes its cgroup the root of what it sees, twice, by unshare(). From
 * outside it is in the same place all the time; who follows it by setns() sees
 * it at the root.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("cgroup-vs-unshare",
	 "/proc/PID/cgroup and setns() against unshare(CLONE_NEWCGROUP)");
REACHES("cgroupns_get", "validate_nsset", "unshare_commit", "setns_commit");

#define TRIES	3
#define MOVES	2

static const char mount_point[] = "/tmp/cgroup";
static const char group[] = "/tmp/cgroup/a";

STATE {
	struct trail trail;
};

SETUP()
{
	static bool mounted;

	if (mounted)
		return;
	ASSERT_EQ(0, mkdir(mount_point, 0755));
	ASSERT_EQ(0, mount("cgroup", mount_point, "cgroup2", 0, NULL));
	ASSERT_EQ(0, mkdir(group, 0755));
	mounted = true;
}

/* Once and for all: the group is not what races. */
static int join_group(void)
{
	static int fd = -1;

	if (fd >= 0)
		return 0;
	fd = open("/tmp/cgroup/a/cgroup.procs", O_WRONLY | O_CLOEXEC);
	return write(fd, "0", 1);
}

ACTOR(target, KEPT)
{
	int i;

	REQUIRE(join_group());
	for (i = 0; i < MOVES; i++)
		REQUIRE(MARKED(unshare(CLONE_NEWCGROUP), ERRNOS_UNSHARE));
}

AFTER(target)
{
	REQUIRE(namespaces_restore());
}

/* Where the target is, as the calling one sees it. */
static ssize_t see(int dir, char *text, size_t size)
{
	int fd = openat(dir, "../cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

	close(fd);
	if (len >= 0)
		text[len] = '\0';
	return len;
}

/* A link first: it may be older than what is seen next, never newer. */
static void see_from_outside(int dir, int nth)
{
	char text[64];
	long seen;

	REQUIRE(seen = namespace_at(dir, "cgroup"));
	if (trail_turns_back(&self->trail, seen))
		FAIL("try %d: in %ld again", nth, seen);
	REQUIRE(see(dir, text, sizeof(text)));
	if (strcmp(text, "0::/a\n"))
		FAIL("try %d: from outside in %s", nth, text);
}

ACTOR(reader, KEPT)
{
	static int dir = -1;
	int i;

	if (dir < 0)
		dir = namespaces_dir(actor_pid("target"));
	REQUIRE(dir);
	for (i = 0; i < TRIES; i++)
		see_from_outside(dir, i);
}

ACTOR(follower, KEPT)
{
	static int dir = -1, own = -1, pidfd = -1;
	char text[64];
	long home, now;
	int i;

	if (dir < 0) {
		dir = namespaces_dir(actor_pid("target"));
		own = namespaces_dir(getpid());
		pidfd = syscall(SYS_pidfd_open, actor_pid("target"), 0);
	}
	REQUIRE(pidfd);
	REQUIRE(home = namespace_at(own, "cgroup"));
	for (i = 0; i < TRIES; i++) {
		REQUIRE(MARKED(setns(pidfd, CLONE_NEWCGROUP),
			       ERRNOS_SETNS));
		REQUIRE(now = namespace_at(own, "cgroup"));
		REQUIRE(see(dir, text, sizeof(text)));
		if (strcmp(text, now == home ? "0::/a\n" : "0::/\n"))
			FAIL("try %d: from %s in %s", i,
			     now == home ? "outside" : "inside", text);
	}
}

AFTER(follower)
{
	REQUIRE(namespaces_restore());
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A reader opens the namespaces of a task that moves on, by /proc/PID/ns/TYPE
 * and by ioctl on a pidfd in turn. Each is of the right type and owner, none is
 * one that had been left before; and all can still be entered at the end.
 */

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("nsfs-vs-unshare",
	 "open and ioctl of another's namespaces against unshare()");
REACHES("utsns_get", "cgroupns_get", "mntns_get", "ipcns_get",
	"timens_for_children_get", "pidfd_ioctl", "unshare_commit");

#define OPENS	4
#define MOVES	2

/* <linux/pidfd.h> and <linux/nsfs.h> of this kernel. */
#define PIDFD_GET(n)	_IO(0xFF, n)

struct mnt_info {
	uint32_t size, nr_mounts;
	uint64_t mnt_ns_id;
};

#define GET_MNT_INFO	_IOR(NSIO, 10, struct mnt_info)

static const struct {
	const char *link;
	int flag;
	unsigned int get;
	int moves;
} types[] = {
	{ "uts", CLONE_NEWUTS, PIDFD_GET(10), MOVES },
	{ "cgroup", CLONE_NEWCGROUP, PIDFD_GET(1), MOVES },
	{ "mnt", CLONE_NEWNS, PIDFD_GET(3), MOVES },
	{ "ipc", CLONE_NEWIPC, PIDFD_GET(2), MOVES },
	{ "time_for_children", CLONE_NEWTIME, PIDFD_GET(8), MOVES },
	/* There is no link before it has a child. */
	{ NULL, CLONE_NEWPID, PIDFD_GET(6), 1 },
};

INPUTS(sizeof(types) / sizeof(types[0]));

STATE {
	struct trail trail;
	uint64_t mnt_ns_id;
};

/* The reader's. */
static int fds[OPENS];
static long numbers[OPENS];
static int nfds;

ACTOR(target, KEPT)
{
	int i, flag = types[scenario_input()].flag;

	for (i = 0; i < types[scenario_input()].moves; i++)
		REQUIRE(MARKED_AS(namespaces_call("unshare", flag),
				  unshare(flag), ERRNOS_UNSHARE));
}

AFTER(target)
{
	REQUIRE(namespaces_restore());
}

/* Opened once by the reader: the way there is no part of the race. */
static int pidfd = -1, dir = -1, own = -1;

static int prepare(void)
{
	if (pidfd < 0)
		pidfd = syscall(SYS_pidfd_open, actor_pid("target"), 0);
	if (dir < 0)
		dir = namespaces_dir(actor_pid("target"));
	if (own < 0)
		own = namespaces_dir(getpid());
	return pidfd < 0 || dir < 0 ? -1 : own;
}

static int open_one(int nth)
{
	const char *link = types[scenario_input()].link;

	if (link && nth % 2)
		return MARKED(openat(dir, link, O_RDONLY | O_CLOEXEC),
			      ERRNOS_OPEN);
	return MARKED(ioctl(pidfd, types[scenario_input()].get, 0),
		      ERRNOS_NS_IOCTL);
}

static void see_type(int fd)
{
	struct mnt_info info = { .size = sizeof(info) };
	struct stat owner;
	long user;
	int ret;

	ASSERT_EQ(types[scenario_input()].flag, ioctl(fd, NS_GET_NSTYPE));
	REQUIRE(user = namespace_at(own, "user"));
	REQUIRE(ret = MARKED(ioctl(fd, NS_GET_USERNS), ERRNOS_NS_IOCTL));
	fstat(ret, &owner);
	close(ret);
	ASSERT_EQ(user, owner.st_ino);
	if (types[scenario_input()].flag != CLONE_NEWNS)
		return;
	REQUIRE(ioctl(fd, GET_MNT_INFO, &info));
	/* These count up. */
	ASSERT_TRUE(info.mnt_ns_id >= self->mnt_ns_id && info.nr_mounts > 1);
	self->mnt_ns_id = info.mnt_ns_id;
}

/* The target has left it by now, or soon will. */
static void enter(int nth)
{
	const char *link = types[scenario_input()].link;
	int flag = types[scenario_input()].flag;
	long number;

	REQUIRE(MARKED_AS(namespaces_call("setns", flag),
			  setns(fds[nth], flag), ERRNOS_SETNS));
	if (!link)
		return;
	REQUIRE(number = namespace_at(own, link));
	ASSERT_EQ(numbers[nth], number);
}

ACTOR(reader, KEPT)
{
	struct stat stat;
	int i;

	REQUIRE(prepare());
	for (i = 0; i < OPENS; i++) {
		REQUIRE(fds[i] = open_one(i));
		nfds++;
		REQUIRE(fstat(fds[i], &stat));
		numbers[i] = stat.st_ino;
		if (trail_turns_back(&self->trail, numbers[i]))
			FAIL("open %d: %ld, which the target had left", i,
			     numbers[i]);
		see_type(fds[i]);
	}
	for (i = 0; i < OPENS; i++)
		enter(i);
}

AFTER(reader)
{
	while (nfds)
		close(fds[--nfds]);
	REQUIRE(namespaces_restore());
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Every way to another task's namespaces, tried on a task that dies and stays
 * a zombie. NULL means almost dead: the right errno, and no way back.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "nsproxy/lib/rtnl.h"
#include "lib/scenario.h"

SCENARIO("zombie-read", "every cross-task reader against a task that dies");
REACHES("utsns_get", "mounts_open_common", "get_proc_task_net",
	"get_net_ns_by_pid", "validate_nsset", "pidfd_ioctl",
	"unshare_commit", "setns_commit", "exit_before_namespaces");

#define ROUNDS	2

/* <linux/pidfd.h> of this kernel; the installed one may be older. */
#define PIDFD_GET_UTS_NAMESPACE	_IO(0xFF, 10)

static int pidfd = -1;

STATE {
	unsigned int gone;
};

static int proc_file(const char *file, int (*use)(const char *path))
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", actor_pid("target"), file);
	return use(path);
}

static int follow(const char *path)
{
	char text[64];

	return readlink(path, text, sizeof(text));
}

static int look(const char *path)
{
	int fd = open(path, O_RDONLY);

	return fd < 0 ? -1 : close(fd);
}

static int read_link(void)
{
	return proc_file("ns/uts", follow);
}

static int open_mounts(void)
{
	return proc_file("mounts", look);
}

static int open_net(void)
{
	return proc_file("net/dev", look);
}

/* By a socket that each process opens once. */
static int ask_rtnetlink(void)
{
	static int rtnl = -1;

	if (rtnl < 0)
		rtnl = rtnl_open();
	if (rtnl < 0)
		return -1;
	return rtnl_get_nsid(rtnl, actor_pid("target"));
}

static int enter(void)
{
	return setns(pidfd, CLONE_NEWUTS);
}

static int ask_pidfd(void)
{
	int fd = ioctl(pidfd, PIDFD_GET_UTS_NAMESPACE, 0);

	return fd < 0 ? -1 : close(fd);
}

/* What a zombie answers, and what a task may answer while it dies. */
static const struct {
	const char *name;
	int (*read)(void);
	int dead;
	int dying;
} readers[] = {
	{ "readlink of ns/uts", read_link, ENOENT, ENOENT },
	/* The root directory goes before the namespaces. */
	{ "open of mounts", open_mounts, EINVAL, ENOENT },
	{ "open of net/dev", open_net, ENOENT, ENOENT },
	{ "RTM_GETNSID", ask_rtnetlink, ESRCH, ESRCH },
	{ "setns(pidfd)", enter, ESRCH, ESRCH },
	{ "PIDFD_GET_UTS_NAMESPACE", ask_pidfd, ESRCH, ESRCH },
};

#define READERS	(sizeof(readers) / sizeof(readers[0]))

static void move(void)
{
	REQUIRE(MARKED(unshare(CLONE_NEWUTS), ERRNOS_UNSHARE));
}

ACTOR(target, FRESH)
{
	move();
	_exit(0);
}

static void try_reader(unsigned int i)
{
	int ret = MARKED_AS(readers[i].name, readers[i].read(), ERRNOS_OPEN,
			    ERRNOS_READLINK, ERRNOS_SETNS, ERRNOS_NETLINK);

	if (ret < 0 && scenario_injected())
		return;
	if (ret < 0 && (errno == readers[i].dead || errno == readers[i].dying))
		self->gone |= 1U << i;
	else if (ret < 0)
		FAIL("%s: unexpected %s", readers[i].name, strerror(errno));
	else if (self->gone & 1U << i)
		FAIL("%s: alive again", readers[i].name);
}

ACTOR(reader, KEPT)
{
	unsigned int i, first = scenario_random() % READERS;

	pidfd = syscall(SYS_pidfd_open, actor_pid("target"), 0);
	REQUIRE(pidfd);
	for (i = 0; i < ROUNDS * READERS; i++)
		try_reader((first + i) % READERS);
}

AFTER(reader)
{
	close(pidfd);
	REQUIRE(namespaces_restore());
}

CHECK()
{
	unsigned int i;

	/* Now it is a zombie for sure, and no fault is injected into us. */
	pidfd = syscall(SYS_pidfd_open, actor_pid("target"), 0);
	ASSERT_TRUE(pidfd >= 0);
	for (i = 0; i < READERS; i++) {
		int ret = readers[i].read();

		if (ret >= 0 || errno != readers[i].dead)
			scenario_fail(__FILE__, __LINE__,
				      "%s of a zombie: %s, expected %s",
				      readers[i].name,
				      ret < 0 ? strerror(errno) : "done",
				      strerror(readers[i].dead));
	}
	close(pidfd);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A reader lists the devices of a task, by /proc/PID/net, while the task moves
 * from one network namespace to the next. It sees the devices of one of them,
 * whole, and never those of an earlier one.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "nsproxy/lib/rtnl.h"
#include "lib/scenario.h"

SCENARIO("proc-net-vs-setns", "/proc/PID/net against setns()");
REACHES("get_proc_task_net", "setns_commit");

#define STOPS	2
#define READS	4

/* One device in each names it. They are made once and stay. */
static const char * const devices[STOPS] = { "nsl-a", "nsl-b" };
static int stops[STOPS];

STATE {
	int at;
};

static int make_stop(const char *device)
{
	int fd = -1, rtnl = -1, home = open("/proc/self/ns/net", O_RDONLY);

	if (home >= 0 && !unshare(CLONE_NEWNET))
		rtnl = rtnl_open();
	if (rtnl >= 0 && !rtnl_new_dummy(rtnl, device, 0))
		fd = open("/proc/self/ns/net", O_RDONLY);
	close(rtnl);
	if (setns(home, CLONE_NEWNET))
		return -1;
	close(home);
	return fd;
}

/* In the execution that only warms up: nothing is injected or judged there. */
static int make_stops(void)
{
	int i;

	for (i = 0; i < STOPS; i++) {
		if (!stops[i])
			stops[i] = make_stop(devices[i]);
		if (stops[i] < 0)
			return -1;
	}
	return 0;
}

ACTOR(target, KEPT)
{
	int i;

	REQUIRE(make_stops());
	for (i = 0; i < STOPS; i++)
		REQUIRE(MARKED(setns(stops[i], CLONE_NEWNET), ERRNOS_SETNS));
}

AFTER(target)
{
	REQUIRE(namespaces_restore());
}

/* Which namespace the list is of: 0 for the first, STOPS for the last. */
static int whose(const char *text)
{
	int i;

	for (i = STOPS; i > 0; i--)
		if (strstr(text, devices[i - 1]))
			return i;
	return 0;
}

ACTOR(reader, KEPT)
{
	char path[64], text[4096];
	ssize_t len;
	int i, fd, at;

	snprintf(path, sizeof(path), "/proc/%d/net/dev", actor_pid("target"));
	for (i = 0; i < READS; i++) {
		fd = MARKED(open(path, O_RDONLY), ERRNOS_OPEN);
		REQUIRE(fd);
		len = MARKED(read(fd, text, sizeof(text) - 1), ERRNOS_READ);
		close(fd);
		REQUIRE(len);
		text[len] = '\0';
		at = whose(text);
		if (at < self->at)
			FAIL("read %d: namespace %d after %d", i, at, self->at);
		self->at = at;
		ASSERT_TRUE(strstr(text, " lo:"));
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A reader opens the mount tables of a task that moves from one mount namespace
 * to the next. Each table is whole and of one namespace, and none is of one
 * that had been left before.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("mountinfo-vs-unshare",
	 "/proc/PID/{mounts,mountinfo,mountstats} against unshare() and setns()");
REACHES("mounts_open_common", "unshare_commit", "setns_commit");

#define STOPS	2
#define READS	4

static const char * const tables[] = { "mounts", "mountinfo", "mountstats" };

/* A mount in each names it. They are made once and stay. */
static const char * const marks[STOPS] = { "nsl-a", "nsl-b" };
static int stops[STOPS];

STATE {
	int at;
};

static int make_stop(const char *mark)
{
	int fd;

	if (unshare(CLONE_NEWNS) || mount(mark, "/tmp", "tmpfs", 0, NULL))
		return -1;
	fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return namespaces_restore() ? -1 : fd;
}

/* In the execution that only warms up: nothing is injected or judged there. */
static int make_stops(void)
{
	int i;

	for (i = 0; i < STOPS; i++) {
		if (!stops[i])
			stops[i] = make_stop(marks[i]);
		if (stops[i] < 0)
			return -1;
	}
	return 0;
}

ACTOR(target, KEPT)
{
	REQUIRE(make_stops());
	REQUIRE(MARKED(setns(stops[0], CLONE_NEWNS), ERRNOS_SETNS));
	REQUIRE(MARKED(setns(stops[1], CLONE_NEWNS), ERRNOS_SETNS));
	/* A copy of the second, marked like it. */
	REQUIRE(MARKED(unshare(CLONE_NEWNS), ERRNOS_UNSHARE));
}

AFTER(target)
{
	REQUIRE(namespaces_restore());
}

/* Which namespace the table is of: 0 for the first, STOPS for the last. */
static int whose(const char *text)
{
	int i, at = 0;

	for (i = 0; i < STOPS; i++) {
		if (!strstr(text, marks[i]))
			continue;
		if (at)
			scenario_fail(__FILE__, __LINE__, "two in one table");
		at = i + 1;
	}
	return at;
}

static void read_table(int dir, const char *table)
{
	char text[4096];
	ssize_t len;
	int fd, at;

	REQUIRE(fd = MARKED(openat(dir, table, O_RDONLY | O_CLOEXEC),
			    ERRNOS_OPEN));
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	REQUIRE(len);
	text[len] = '\0';
	/*
	 * The namespace and the root directory are switched one by one; in
	 * between, nothing of the one is below the other.
	 */
	if (!len)
		return;
	ASSERT_TRUE(strstr(text, " / ") && strstr(text, " /proc "));
	at = whose(text);
	if (at < self->at)
		FAIL("%s: of namespace %d after %d", table, at, self->at);
	self->at = at;
}

ACTOR(reader, KEPT)
{
	static int dir = -1;
	char path[64];
	int i;

	if (dir < 0) {
		snprintf(path, sizeof(path), "/proc/%d", actor_pid("target"));
		dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	REQUIRE(dir);
	for (i = 0; i < READS; i++)
		read_table(dir, tables[(scenario_random() + i) % 3]);
}

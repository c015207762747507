// SPDX-License-Identifier: GPL-2.0
/*
 * A reader opens the mount tables of a task that exits. It gets a whole table
 * or the error of a task that is almost dead, and once an error, no table.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "lib/scenario.h"

SCENARIO("mounts-vs-exit",
	 "/proc/PID/{mounts,mountinfo,mountstats} against exit");
REACHES("mounts_open_common", "unshare_commit", "exit_before_namespaces");

#define ROUNDS	3

static const char * const tables[] = { "mounts", "mountinfo", "mountstats" };

STATE {
	bool gone;
};

ACTOR(target, FRESH_REAPED)
{
	/* A namespace of its own, so that the exit is the end of it. */
	REQUIRE(MARKED(unshare(CLONE_NEWNS), ERRNOS_UNSHARE));
	_exit(0);
}

static void read_table(const char *table)
{
	char path[64], text[4096];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", actor_pid("target"), table);
	fd = MARKED(open(path, O_RDONLY), ERRNOS_OPEN);
	if (fd < 0) {
		if (scenario_injected())
			return;
		/* No namespaces any more, or no task of that number. */
		ASSERT_ERRNO_IN(fd, EINVAL, ENOENT, ESRCH);
		self->gone = true;
		return;
	}
	len = MARKED(read(fd, text, sizeof(text) - 1), ERRNOS_READ);
	close(fd);
	REQUIRE(len);
	text[len] = '\0';
	if (self->gone)
		FAIL("%s: a table after the task was gone", table);
	/*
	 * unshare() switches the namespace first and the root after it; in
	 * between, nothing of the one is below the other.
	 */
	if (len && !strstr(text, " / "))
		FAIL("%s: no root in \"%.80s\"", table, text);
}

ACTOR(reader, KEPT)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		read_table(tables[(scenario_random() + i) % 3]);
}

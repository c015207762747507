// SPDX-License-Identifier: GPL-2.0
/*
 * A reader follows /proc/PID/ns/uts and user of a task that leaves its user
 * namespace, and with the credentials its other namespaces. Each link names
 * one of the two that the task had, and never the first after the second.
 */

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "lib/scenario.h"

SCENARIO("ns-readlink-vs-newuser",
	 "readlink of /proc/PID/ns/{user,uts} against unshare(CLONE_NEWUSER)");
REACHES("utsns_get", "unshare_commit");

#define READS	3

static const char * const links[] = { "user", "uts" };

INPUTS(sizeof(links) / sizeof(links[0]));

STATE {
	char had[2][48];
	int nhad;
	char seen[READS][48];
	int nseen;
};

static int read_link(pid_t pid, char *to, size_t size)
{
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid,
		 links[scenario_input()]);
	len = MARKED(readlink(path, to, size - 1), ERRNOS_READLINK);
	if (len >= 0)
		to[len] = '\0';
	return len;
}

ACTOR(target, FRESH)
{
	/* The nsproxy shared with init is left, the one left next is freed. */
	REQUIRE(MARKED(unshare(CLONE_NEWUTS), ERRNOS_UNSHARE));
	REQUIRE(read_link(getpid(), self->had[0], sizeof(self->had[0])));
	self->nhad = 1;
	REQUIRE(MARKED(unshare(CLONE_NEWUSER | CLONE_NEWUTS),
		       ERRNOS_UNSHARE));
	REQUIRE(read_link(getpid(), self->had[1], sizeof(self->had[0])));
	self->nhad = 2;
}

ACTOR(reader, KEPT)
{
	int i;

	for (i = 0; i < READS; i++) {
		REQUIRE(read_link(actor_pid("target"), self->seen[i],
				  sizeof(self->seen[0])));
		self->nseen++;
	}
}

CHECK()
{
	int i;

	for (i = 1; self->nhad == 2 && i < self->nseen; i++)
		if (!strcmp(self->seen[i - 1], self->had[1]) &&
		    strcmp(self->seen[i], self->had[1]))
			FAIL("read %d: %s, after the newer %s", i, self->seen[i],
			     self->had[1]);
	for (i = 0; self->nhad == 2 && i < self->nseen; i++)
		if (!strcmp(self->seen[i], "") ||
		    (i && strcmp(self->seen[i], self->seen[i - 1]) &&
		     strcmp(self->seen[i], self->had[0]) &&
		     strcmp(self->seen[i], self->had[1])))
			FAIL("read %d: %s, which the target never had", i,
			     self->seen[i]);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A reader follows /proc/PID/ns/TYPE while its target moves to new namespaces.
 * Each link names a namespace that the target really had, and never an older
 * one than the link before.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("ns-readlink-vs-unshare",
	 "readlink of /proc/PID/ns/TYPE against unshare() of every type");

#define READS	4
#define MOVES	2

/* The type of an execution is drawn from its seed. */
static const struct {
	const char *link;
	int flag;
	int moves;
} types[] = {
	{ "uts", CLONE_NEWUTS, MOVES },
	{ "ipc", CLONE_NEWIPC, MOVES },
	{ "mnt", CLONE_NEWNS, MOVES },
	{ "net", CLONE_NEWNET, MOVES },
	{ "cgroup", CLONE_NEWCGROUP, MOVES },
	{ "time_for_children", CLONE_NEWTIME, MOVES },
	/* A second one would need a map of ids, or a child, in the first. */
	{ "user", CLONE_NEWUSER, 1 },
	{ "pid_for_children", CLONE_NEWPID, 1 },
};

STATE {
	unsigned int type;
	char path[64];
	char had[MOVES + 1][48];
	int nhad;
	char seen[READS][48];
	int nseen;
};

static int read_link(const char *path, char *to, size_t size)
{
	ssize_t len = readlink(path, to, size - 1);

	if (len >= 0) {
		to[len] = '\0';
	} else if (errno == ENOENT && strstr(path, "pid_for_children") &&
		   !scenario_injected()) {
		/* A pid namespace has no name before it has a child. */
		snprintf(to, size, "nameless");
		len = 0;
	}
	return len;
}

SETUP()
{
	self->type = scenario_random() % (sizeof(types) / sizeof(types[0]));
}

ACTOR(target, FRESH)
{
	char path[64];
	int i;

	snprintf(path, sizeof(path), "/proc/self/ns/%s",
		 types[self->type].link);
	REQUIRE(read_link(path, self->had[0], sizeof(self->had[0])));
	self->nhad = 1;

	/*
	 * The first move leaves the nsproxy that is shared with the parent,
	 * which nobody frees. Only a later one gives back the target's own.
	 */
	if (types[self->type].moves < MOVES)
		REQUIRE(unshare(CLONE_NEWUTS));
	for (i = 0; i < types[self->type].moves; i++) {
		REQUIRE(unshare(types[self->type].flag));
		REQUIRE(read_link(path, self->had[self->nhad],
				  sizeof(self->had[0])));
		self->nhad++;
	}
}

ACTOR(reader, KEPT)
{
	int i;

	snprintf(self->path, sizeof(self->path), "/proc/%d/ns/%s",
		 actor_pid("target"), types[self->type].link);
	for (i = 0; i < READS; i++) {
		REQUIRE(read_link(self->path, self->seen[i],
				  sizeof(self->seen[0])));
		self->nseen++;
	}
}

CHECK()
{
	/* An injected fault may have kept the target from one last look. */
	bool cut_short = self->nhad <= types[self->type].moves;
	const char *unseen = NULL;
	int i, at = 0;

	for (i = 0; i < self->nseen; i++) {
		if (unseen && strcmp(self->seen[i], unseen))
			FAIL("read %d: %s, after the newer %s", i,
			     self->seen[i], unseen);
		/* The target may have moved on and not yet looked itself. */
		while (at < self->nhad && strcmp(self->seen[i], self->had[at]))
			at++;
		if (at == self->nhad && !cut_short)
			FAIL("read %d: %s, which the target did not have then",
			     i, self->seen[i]);
		if (at == self->nhad)
			unseen = self->seen[i];
	}
}

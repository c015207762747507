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

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

#ifdef HEAVY_NAMESPACES
SCENARIO("ns-readlink-vs-unshare-heavy",
	 "readlink of /proc/PID/ns/{ipc,mnt,net} against unshare() of the same");
REACHES("ipcns_get", "mntns_get", "netns_get", "unshare_commit");
#else
SCENARIO("ns-readlink-vs-unshare",
	 "readlink of /proc/PID/ns/TYPE against unshare() of TYPE, four types");
REACHES("utsns_get", "cgroupns_get", "timens_for_children_get",
	"pidns_for_children_get", "unshare_commit");
#endif

#define READS	4
#define MOVES	2

#ifdef HEAVY_NAMESPACES
#define UNSHARE_ERRNOS	ERRNOS_UNSHARE_NET
#else
#define UNSHARE_ERRNOS	ERRNOS_UNSHARE
#endif

/*
 * One in turn. Those that take long to make are another scenario, and so is the
 * user namespace, from which there is no way back.
 */
static const struct {
	const char *link;
	int flag;
	int moves;
} types[] = {
#ifdef HEAVY_NAMESPACES
	{ "ipc", CLONE_NEWIPC, MOVES },
	{ "mnt", CLONE_NEWNS, MOVES },
	{ "net", CLONE_NEWNET, MOVES },
#else
	{ "uts", CLONE_NEWUTS, MOVES },
	{ "cgroup", CLONE_NEWCGROUP, MOVES },
	{ "time_for_children", CLONE_NEWTIME, MOVES },
	/* A second one would need a child in the first. */
	{ "pid_for_children", CLONE_NEWPID, 1 },
#endif
};

INPUTS(sizeof(types) / sizeof(types[0]));

STATE {
	char had[MOVES + 1][48];
	int nhad;
	char seen[READS][48];
	int nseen;
};

/* Opened once: the way there is no part of the race. */
static int ns_dir(void)
{
	static int dir = -1;
	char path[64];

	if (dir < 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns",
			 actor_pid("target"));
		dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return dir;
}

static int read_link(int dir, char *to, size_t size)
{
	const char *link = types[scenario_input()].link;
	ssize_t len = MARKED(readlinkat(dir, link, to, size - 1),
			     ERRNOS_READLINK);

	if (len >= 0) {
		to[len] = '\0';
	} else if (errno == ENOENT && !strcmp(link, "pid_for_children") &&
		   !scenario_injected()) {
		/* A pid namespace has no name before it has a child. */
		snprintf(to, size, "nameless");
		len = 0;
	}
	return len;
}

ACTOR(target, KEPT)
{
	int flag = types[scenario_input()].flag;
	int dir = ns_dir();
	int i;

	REQUIRE(dir);
	REQUIRE(read_link(dir, self->had[0], sizeof(self->had[0])));
	self->nhad = 1;
	for (i = 0; i < types[scenario_input()].moves; i++) {
		REQUIRE(MARKED_AS(namespaces_call("unshare", flag),
				  unshare(flag), UNSHARE_ERRNOS));
		REQUIRE(read_link(dir, self->had[self->nhad],
				  sizeof(self->had[0])));
		self->nhad++;
	}
}

/* A nsproxy of its own, which is freed when it leaves it for the first move. */
AFTER(target)
{
	REQUIRE(namespaces_restore());
}

ACTOR(reader, KEPT)
{
	int dir = ns_dir();
	int i;

	REQUIRE(dir);
	for (i = 0; i < READS; i++) {
		REQUIRE(read_link(dir, self->seen[i], sizeof(self->seen[0])));
		self->nseen++;
	}
}

CHECK()
{
	/* An injected fault may have kept the target from one last look. */
	bool cut_short = self->nhad <= types[scenario_input()].moves;
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

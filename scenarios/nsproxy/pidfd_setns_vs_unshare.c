// SPDX-License-Identifier: GPL-2.0
/*
 * A task enters several namespaces of another at once, by setns() on a pidfd,
 * while that one moves on with all of them. What it then has is one set that
 * the target had, never a mix of two, and never an older one than before.
 */

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("pidfd-setns-vs-unshare",
	 "setns(pidfd, several types) against unshare() of the same");
REACHES("validate_nsset", "unshare_commit", "setns_commit");

#define MOVES	2
#define TRIES	3
#define TYPES	2

/* With the mount namespace, the root directory moves as well. */
static const struct {
	int flags;
	const char *links[TYPES];
} inputs[] = {
	{ CLONE_NEWUTS | CLONE_NEWCGROUP, { "uts", "cgroup" } },
	{ CLONE_NEWUTS | CLONE_NEWIPC, { "uts", "ipc" } },
	{ CLONE_NEWNS | CLONE_NEWCGROUP, { "mnt", "cgroup" } },
};

INPUTS(sizeof(inputs) / sizeof(inputs[0]));

struct set {
	long of[TYPES];
};

STATE {
	struct set had[MOVES + 1];
	int nhad;
	struct set got[TRIES];
	int ngot;
};

/* That of the calling actor, which is its own affair: nobody races with it. */
static int look(struct set *set)
{
	static int dir = -1;
	int i;

	if (dir < 0)
		dir = namespaces_dir(getpid());
	if (dir < 0)
		return -1;
	for (i = 0; i < TYPES; i++) {
		set->of[i] = namespace_at(dir,
					  inputs[scenario_input()].links[i]);
		if (set->of[i] < 0)
			return -1;
	}
	return 0;
}

ACTOR(target, KEPT)
{
	int i, flags = inputs[scenario_input()].flags;

	REQUIRE(look(&self->had[0]));
	self->nhad = 1;
	for (i = 0; i < MOVES; i++) {
		REQUIRE(MARKED_AS(namespaces_call("unshare", flags),
				  unshare(flags), ERRNOS_UNSHARE));
		REQUIRE(look(&self->had[self->nhad]));
		self->nhad++;
	}
}

AFTER(target)
{
	REQUIRE(namespaces_restore());
}

ACTOR(follower, KEPT)
{
	static int pidfd = -1;
	int i, flags = inputs[scenario_input()].flags;

	if (pidfd < 0)
		pidfd = syscall(SYS_pidfd_open, actor_pid("target"), 0);
	REQUIRE(pidfd);
	for (i = 0; i < TRIES; i++) {
		REQUIRE(MARKED_AS(namespaces_call("setns", flags),
				  setns(pidfd, flags), ERRNOS_SETNS));
		REQUIRE(look(&self->got[i]));
		self->ngot++;
	}
}

AFTER(follower)
{
	REQUIRE(namespaces_restore());
}

static bool same(const struct set *a, const struct set *b)
{
	return !memcmp(a, b, sizeof(*a));
}

CHECK()
{
	/* An injected fault may have kept the target from one last look. */
	const struct set *unseen = NULL;
	int i, at = 0;

	for (i = 0; i < self->ngot; i++) {
		const struct set *got = &self->got[i];

		while (at < self->nhad && !same(got, &self->had[at]))
			at++;
		if (at < self->nhad)
			continue;
		if (self->nhad > MOVES || (unseen && !same(got, unseen)))
			FAIL("try %d: %ld with %ld, which the target did not have then",
			     i, got->of[0], got->of[1]);
		unseen = got;
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Three tasks share a nsproxy. One exits, one moves away and exits, one moves
 * twice: whoever is the last frees what all were in, maybe under a reader that
 * found it by another. Each is seen where all began or where it went since.
 */

#include <sched.h>
#include <unistd.h>

#include "lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("ns-readlink-vs-siblings",
	 "readlink of three that share a nsproxy, and leave it one by one");

#define SHARERS	3
#define READS	6

static const char * const sharers[SHARERS] = { "leaver", "guest", "host" };

STATE {
	long began;
	struct trail trails[SHARERS];
	bool gone[SHARERS];
};

ACTOR(leaver, CHILD)
{
	_exit(0);
}

ACTOR(guest, CHILD)
{
	REQUIRE(unshare(CLONE_NEWUTS));
	_exit(0);
}

/* The parent of both. */
ACTOR(host, KEPT)
{
	REQUIRE(unshare(CLONE_NEWUTS));
	REQUIRE(unshare(CLONE_NEWUTS));
}

BEFORE(host)
{
	/* From the second execution on, it has a nsproxy of its own to share. */
	REQUIRE(actor_make("leaver", 0));
	REQUIRE(actor_make("guest", 0));
}

AFTER(host)
{
	REQUIRE(namespaces_restore());
}

static void look_at(int which)
{
	long seen = namespace_of(actor_pid(sharers[which]), "uts");

	if (seen < 0) {
		if (scenario_injected())
			return;
		/* No namespaces any more; no task; none since just now. */
		ASSERT_ERRNO_IN(seen, ENOENT, ESRCH, EACCES);
		if (which == 2)
			FAIL("the host has no namespace: %s", strerror(errno));
		self->gone[which] = true;
		return;
	}
	if (self->gone[which])
		FAIL("%s: alive again, in %ld", sharers[which], seen);
	if (which == 0 && seen != self->began)
		FAIL("the leaver is in %ld, expected %ld", seen, self->began);
	if (trail_turns_back(&self->trails[which], seen))
		FAIL("%s: in %ld again", sharers[which], seen);
	/* Where it began, then wherever it likes. */
	if (self->trails[which].n > 1 + which)
		FAIL("%s: in %ld, one move too many", sharers[which], seen);
}

ACTOR(reader, KEPT)
{
	int i, first = scenario_random() % SHARERS;

	/* They share the namespace of init, but not its nsproxy. */
	REQUIRE(self->began = namespace_of(getpid(), "uts"));
	for (i = 0; i < READS; i++)
		look_at((first + i) % SHARERS);
}

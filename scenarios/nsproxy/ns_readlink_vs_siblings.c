// SPDX-License-Identifier: GPL-2.0
/*
 * Three tasks share a nsproxy. One exits and two move away: the one that is the last
 * frees what all were in, maybe under a reader that found it by another. Each is
 * seen where all began, or where it went, and does not come back.
 */

#include <sched.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("ns-readlink-vs-siblings",
	 "readlink of one of three that share a nsproxy, and leave it");
REACHES("utsns_get", "unshare_commit", "exit_before_namespaces");

#define SHARERS	3
#define READS	2

static const char * const sharers[SHARERS] = { "leaver", "guest", "host" };

/* The task that the reader looks at. */
INPUTS(SHARERS);

STATE {
	struct trail trail;
	bool gone;
};

ACTOR(leaver, CHILD)
{
	_exit(0);
}

ACTOR(guest, CHILD)
{
	REQUIRE(MARKED(unshare(CLONE_NEWUTS), ERRNOS_UNSHARE));
}

/* The parent of both. */
ACTOR(host, KEPT)
{
	REQUIRE(MARKED(unshare(CLONE_NEWUTS), ERRNOS_UNSHARE));
}

BEFORE(host)
{
	REQUIRE(actor_make("leaver", 0));
	REQUIRE(actor_make("guest", 0));
}

/* What it is going to share is not what init has. */
AFTER(host)
{
	REQUIRE(namespaces_restore());
	REQUIRE(unshare(CLONE_NEWUTS));
}

ACTOR(reader, KEPT)
{
	const char *sharer = sharers[scenario_input()];
	long seen, home;
	int i;

	REQUIRE(home = namespace_of(getpid(), "uts"));
	for (i = 0; i < READS; i++) {
		seen = namespace_of(actor_pid(sharer), "uts");
		if (seen < 0 && scenario_injected())
			return;
		/* No namespaces any more; no task; none since just now. */
		if (!strcmp(sharer, "leaver"))
			ASSERT_ERRNO_IN(seen, ENOENT, ESRCH, EACCES);
		else if (seen < 0)
			FAIL("%s: %s", sharer, strerror(errno));
		self->gone |= seen < 0;
		if (seen < 0)
			continue;
		if (self->gone)
			FAIL("%s: alive again, in %ld", sharer, seen);
		if (seen == home)
			FAIL("%s: in %ld, where it never was", sharer, seen);
		if (trail_turns_back(&self->trail, seen))
			FAIL("%s: in %ld again", sharer, seen);
		if (!strcmp(sharer, "leaver") && self->trail.n > 1)
			FAIL("%s: moved to %ld", sharer, seen);
	}
}

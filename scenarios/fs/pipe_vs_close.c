// SPDX-License-Identifier: GPL-2.0
/*
 * Both ends of a pipe are closed at once: whoever is last frees it.
 */

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("pipe-vs-close", "close() of both ends of a pipe");

STATE {
	int dummy;
};

/* The reader's, and its child's. */
static int ends[2];

ACTOR(writer, CHILD)
{
	close(ends[1]);
}

ACTOR(reader, KEPT)
{
	char byte;

	REQUIRE(read(ends[0], &byte, 1));
	close(ends[0]);
}

BEFORE(reader)
{
	REQUIRE(pipe2(ends, O_CLOEXEC));
	REQUIRE(write(ends[1], "x", 1));
	REQUIRE(actor_make("writer", CLONE_FILES));
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The owner of a socket is changed by way of its path, which does not keep the
 * file open, while it is closed.
 */

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("fchown-vs-close", "fchownat(AT_EMPTY_PATH) against close() of a socket");

STATE {
	int dummy;
};

/* The changer's, and its child's. */
static int sock;

ACTOR(closer, CHILD)
{
	close(sock);
}

ACTOR(changer, KEPT)
{
	ASSERT_ERRNO_IN(fchownat(sock, "", 0, -1, AT_EMPTY_PATH), EBADF,
			ENOENT);
}

BEFORE(changer)
{
	REQUIRE(sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	REQUIRE(actor_make("closer", CLONE_FILES));
}

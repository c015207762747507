// SPDX-License-Identifier: GPL-2.0
/*
 * recvmmsg() gets one message and fails with the second, which it notes in the
 * socket, while somebody who shares the descriptors closes that.
 */

#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("recvmmsg-vs-close", "recvmmsg() against close() of its socket");

STATE {
	int dummy;
};

/* The receiver's, and its child's. */
static int pair[2];

ACTOR(closer, CHILD)
{
	close(pair[0]);
}

ACTOR(receiver, KEPT)
{
	char byte;
	struct iovec good = { &byte, 1 };
	struct mmsghdr messages[] = {
		{ .msg_hdr = { .msg_iov = &good, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = (void *)1, .msg_iovlen = 1 } },
	};

	ASSERT_ERRNO_IN(recvmmsg(pair[0], messages, 2, MSG_DONTWAIT, NULL),
			EBADF);
}

BEFORE(receiver)
{
	REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));
	REQUIRE(send(pair[1], "1", 1, 0));
	REQUIRE(send(pair[1], "2", 1, 0));
	REQUIRE(actor_make("closer", CLONE_FILES));
}

AFTER(receiver)
{
	close(pair[1]);
}

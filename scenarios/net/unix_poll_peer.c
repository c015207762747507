// SPDX-License-Identifier: GPL-2.0
/*
 * A connected socket is added to an epoll set while it is connected to somebody
 * else, and its first peer goes away.
 */

#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("unix-poll-peer", "epoll on a connected socket against its peer's end");

STATE {
	int dummy;
};

/* The poller's, and its child's. */
static int client = -1, set = -1, peers[2] = { -1, -1 };

static int connect_to(int peer)
{
	struct sockaddr_un address;
	socklen_t len = sizeof(address);

	if (getsockname(peer, (void *)&address, &len))
		return -1;
	return connect(client, (void *)&address, len);
}

/* Those that could be made are closed, whatever failed. */
static void close_it(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int new_socket(int *fd)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	*fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -1;
	return bind(*fd, (void *)&any, sizeof(any.sun_family));
}

ACTOR(leaver, CHILD)
{
	REQUIRE(connect_to(peers[1]));
	close_it(&peers[0]);
}

ACTOR(poller, KEPT)
{
	struct epoll_event event = { .events = EPOLLOUT };

	REQUIRE(MARKED(epoll_ctl(set, EPOLL_CTL_ADD, client, &event), ENOMEM,
		       ENOSPC));
	close_it(&set);
}

BEFORE(poller)
{
	REQUIRE(set = epoll_create1(EPOLL_CLOEXEC));
	REQUIRE(new_socket(&client));
	REQUIRE(new_socket(&peers[0]));
	REQUIRE(new_socket(&peers[1]));
	REQUIRE(connect_to(peers[0]));
	REQUIRE(actor_make("leaver", CLONE_FILES));
}

AFTER(poller)
{
	close_it(&set);
	close_it(&client);
	close_it(&peers[0]);
	close_it(&peers[1]);
}

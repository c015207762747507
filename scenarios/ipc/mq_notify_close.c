// SPDX-License-Identifier: GPL-2.0
/*
 * mq_notify() waits for room in a netlink socket. Somebody who shares the
 * descriptors closes the one that it was given and then makes room.
 */

#include <fcntl.h>
#include <linux/netlink.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/lib/errnos.h"
#include "lib/scenario.h"

SCENARIO("mq-notify-close",
	 "mq_notify(SIGEV_THREAD) against close() of its socket");

#define COOKIE	32	/* NOTIFY_COOKIE_LEN */

STATE {
	int dummy;
};

/* The closer's, and its child's. */
static int sock, other, queue;

/* The call itself; the library would make a thread. */
ACTOR(waiter, CHILD)
{
	char cookie[COOKIE] = "";
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD,
		.sigev_signo = sock,
		.sigev_value.sival_ptr = cookie,
	};

	ASSERT_ERRNO_IN(MARKED(syscall(SYS_mq_notify, queue, &event),
			       ERRNOS_MQ_NOTIFY), EBADF);
}

ACTOR(closer, KEPT)
{
	char data[2048];

	close(sock);
	while (recv(other, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	/* Who has put the socket once too often has freed it. */
	close(other);
}

/* Until there is no room in @sock. */
static int fill(void)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(to);
	char data[1024] = "";
	int small = 1, from;

	if (setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) ||
	    bind(sock, (void *)&to, sizeof(to)) ||
	    getsockname(sock, (void *)&to, &len))
		return -1;
	from = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_USERSOCK);
	if (from < 0)
		return -1;
	while (sendto(from, data, sizeof(data), MSG_DONTWAIT, (void *)&to,
		      sizeof(to)) > 0)
		;
	close(from);
	return 0;
}

BEFORE(closer)
{
	queue = mq_open("/notify", O_CREAT | O_RDWR, 0600, NULL);
	REQUIRE(queue);
	sock = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_USERSOCK);
	REQUIRE(sock);
	REQUIRE(fill());
	REQUIRE(other = dup(sock));
	REQUIRE(actor_make("waiter", CLONE_FILES));
}

AFTER(closer)
{
	mq_close(queue);
	mq_unlink("/notify");
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks ask for dumps on one netlink socket. The second is told that it is
 * busy, or its dump follows the first. Who receives may find that the other has
 * come to the end of the dump, and is told that it is not valid.
 */

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/scenario.h"
#include "nsproxy/lib/rtnl.h"

SCENARIO("netlink-dump", "two dumps on one netlink socket");

STATE {
	int sock;
};

SETUP()
{
	REQUIRE(self->sock = rtnl_open());
}

static void dump(void)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg family;
	} request = {
		.header.nlmsg_len = sizeof(request),
		.header.nlmsg_type = RTM_GETLINK,
		.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
	};
	char answer[8192];
	ssize_t len;

	REQUIRE(MARKED(send(self->sock, &request, sizeof(request), 0), ENOMEM,
		       ENOBUFS));
	do {
		len = recv(self->sock, answer, sizeof(answer), MSG_DONTWAIT);
		ASSERT_ERRNO_IN(len, EAGAIN, EINVAL);
	} while (len > 0);
}

ACTOR(one, FRESH)
{
	dump();
}

ACTOR(other, FRESH)
{
	dump();
}

TEARDOWN()
{
	close(self->sock);
}

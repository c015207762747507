// SPDX-License-Identifier: GPL-2.0
/*
 * A packet socket joins a fanout group while it is bound anew. Each may be refused
 * because of the other; afterwards the socket is in the group and hooked, or not.
 */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("packet-fanout", "setsockopt(PACKET_FANOUT) against bind()");

#define GROUP	1

STATE {
	int sock;
};

static int new_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
}

SETUP()
{
	REQUIRE(self->sock = new_socket());
}

ACTOR(joiner, FRESH)
{
	int group = GROUP | PACKET_FANOUT_LB << 16;

	ASSERT_ERRNO_IN(MARKED_AS("setsockopt(PACKET_FANOUT)",
				  setsockopt(self->sock, SOL_PACKET,
					     PACKET_FANOUT, &group,
					     sizeof(group)), ENOMEM, EINVAL),
			EINVAL);
}

ACTOR(binder, FRESH)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
	};

	ASSERT_ERRNO_IN(bind(self->sock, (void *)&to, sizeof(to)), EINVAL);
}

/* Whatever refers to the socket by mistake is looked at by the next one. */
TEARDOWN()
{
	close(self->sock);
	close(new_socket());
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The version of a packet socket's ring is changed while the ring is made. Once
 * there is one, the version stays: the ring is taken down as it was made.
 */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("packet-version",
	 "setsockopt(PACKET_VERSION) against setsockopt(PACKET_RX_RING)");

#define BLOCK	4096
#define FRAME	2048

STATE {
	int sock;
};

static int set_version(int version)
{
	return setsockopt(self->sock, SOL_PACKET, PACKET_VERSION, &version,
			  sizeof(version));
}

SETUP()
{
	self->sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	REQUIRE(self->sock);
	REQUIRE(set_version(TPACKET_V3));
}

ACTOR(maker, FRESH)
{
	struct tpacket_req3 ring = {
		.tp_block_size = BLOCK,
		.tp_block_nr = 1,
		.tp_frame_size = FRAME,
		.tp_frame_nr = BLOCK / FRAME,
		.tp_retire_blk_tov = 1,
	};

	/* An older version wants the shorter structure, so it takes both. */
	REQUIRE(MARKED_AS("setsockopt(PACKET_RX_RING)",
			  setsockopt(self->sock, SOL_PACKET, PACKET_RX_RING,
				     &ring, sizeof(ring)), ENOMEM));
}

ACTOR(changer, FRESH)
{
	ASSERT_ERRNO_IN(set_version(TPACKET_V1), EBUSY);
}

/* A timer that is still armed runs when the clock goes on. */
TEARDOWN()
{
	close(self->sock);
	usleep(20000);
}

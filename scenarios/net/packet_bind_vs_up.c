// SPDX-License-Identifier: GPL-2.0
/*
 * A packet socket is bound to another protocol while its device goes down and
 * comes up: the socket is hooked once, whoever does it.
 */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/scenario.h"
#include "nsproxy/lib/rtnl.h"

SCENARIO("packet-bind-vs-up", "bind() of a packet socket against its device");

static const char device[] = "nsl-bind";

STATE {
	int sock, control;
};

static int set_flags(int flags)
{
	struct ifreq request = { .ifr_flags = flags };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	return ioctl(self->control, SIOCSIFFLAGS, &request);
}

static int bind_to(int protocol)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = if_nametoindex(device),
	};

	return bind(self->sock, (void *)&to, sizeof(to));
}

/* The device stays. */
static int make_device(void)
{
	static int fd = -1;

	if (fd >= 0)
		return 0;
	fd = rtnl_open();
	return fd < 0 ? -1 : rtnl_new_dummy(fd, device, 0);
}

SETUP()
{
	REQUIRE(make_device());
	self->control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	REQUIRE(self->control);
	REQUIRE(set_flags(IFF_UP));
	self->sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	REQUIRE(self->sock);
	REQUIRE(bind_to(ETH_P_ALL));
}

ACTOR(binder, FRESH)
{
	ASSERT_ERRNO_IN(bind_to(ETH_P_ARP), ENETDOWN);
}

ACTOR(switcher, FRESH)
{
	REQUIRE(set_flags(0));
	REQUIRE(set_flags(IFF_UP));
}

TEARDOWN()
{
	close(self->sock);
	close(self->control);
}

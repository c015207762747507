// SPDX-License-Identifier: GPL-2.0
/*
 * A device is asked for in a network namespace that is named by its id, while the
 * last task in there exits.
 */

#include <sched.h>
#include <unistd.h>

#include "lib/scenario.h"
#include "nsproxy/lib/rtnl.h"

SCENARIO("net-by-id", "RTM_GETLINK by IFLA_TARGET_NETNSID against exit");

#define ID	7
#define TRIES	4

STATE {
	int dummy;
};

ACTOR(target, FRESH_REAPED)
{
	int fd = rtnl_open();

	REQUIRE(fd);
	REQUIRE(unshare(CLONE_NEWNET));
	REQUIRE(rtnl_set_nsid(fd, getpid(), ID));
	_exit(0);
}

ACTOR(asker, KEPT)
{
	static int fd = -1;
	int i;

	if (fd < 0)
		REQUIRE(fd = rtnl_open());
	for (i = 0; i < TRIES; i++)
		ASSERT_ERRNO_IN(rtnl_get_link_there(fd, ID), EINVAL, ENODEV);
}

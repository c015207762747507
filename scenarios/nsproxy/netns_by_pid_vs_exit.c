// SPDX-License-Identifier: GPL-2.0
/*
 * A device is made in the network namespace of a task that exits: the
 * get_net_ns_by_pid() of the 2007 commit. Either there is such a namespace or
 * there is no such task, and once there is none, it stays so.
 */

#include <sched.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/rtnl.h"
#include "lib/scenario.h"

SCENARIO("netns-by-pid-vs-exit", "rtnetlink IFLA_NET_NS_PID against exit");
REACHES("get_net_ns_by_pid", "unshare_commit", "exit_before_namespaces");

#define TRIES	3

/* netdev_register_kobject() does not ask whether there was memory for it. */
#define NO_NAME	EINVAL

static const char device[] = "nsl-pid";

STATE {
	bool gone;
};

/* Opened once by each process that needs one. */
static int rtnl(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = rtnl_open();
	return fd;
}

ACTOR(target, FRESH_REAPED)
{
	REQUIRE(MARKED(unshare(CLONE_NEWNET), ERRNOS_UNSHARE_NET));
	_exit(0);
}

ACTOR(maker, KEPT)
{
	int i, ret;

	REQUIRE(rtnl());
	for (i = 0; i < TRIES; i++) {
		ret = MARKED(rtnl_new_dummy(rtnl(), device,
					    actor_pid("target")),
			     ERRNOS_NETLINK, ESRCH, EEXIST, NO_NAME);
		if (ret && scenario_injected())
			continue;
		/* It exists already when the target has not moved since. */
		ASSERT_ERRNO_IN(ret, ESRCH, EEXIST);
		if (ret && errno == ESRCH)
			self->gone = true;
		else if (self->gone)
			FAIL("try %d: a namespace after the task was gone", i);
	}
}

TEARDOWN()
{
	/* The target had not moved yet, and it was made in our namespace. */
	rtnl_del_link(rtnl(), device);
}

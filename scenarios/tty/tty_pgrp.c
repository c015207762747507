// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks of a session set the process group of their terminal, one of them by
 * way of the master.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/scenario.h"
#include "tty/lib/pty.h"

SCENARIO("tty-pgrp", "ioctl(TIOCSPGRP) on both sides of a pty");

STATE {
	int dummy;
};

/* The leader's, and its child's. */
static int master, slave;

static void set(int fd)
{
	pid_t group = getsid(0);

	REQUIRE(ioctl(fd, TIOCSPGRP, &group));
}

ACTOR(other, CHILD)
{
	set(master);
}

ACTOR(leader, KEPT)
{
	set(slave);
}

BEFORE(leader)
{
	char path[32];

	signal(SIGHUP, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	if (getsid(0) != getpid())
		REQUIRE(setsid());
	REQUIRE(master = pty_open(path, sizeof(path)));
	REQUIRE(slave = open(path, O_RDWR | O_CLOEXEC));
	REQUIRE(actor_make("other", 0));
}

/* Without a terminal, as at first. */
AFTER(leader)
{
	REQUIRE(ioctl(slave, TIOCNOTTY));
	close(slave);
	close(master);
}

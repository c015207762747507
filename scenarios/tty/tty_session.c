// SPDX-License-Identifier: GPL-2.0
/*
 * Somebody asks for the session of a terminal whose leader exits.
 */

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/scenario.h"
#include "tty/lib/pty.h"

SCENARIO("tty-session", "ioctl(TIOCGSID) against exit of the session's leader");

STATE {
	int master;
	char path[32];
};

SETUP()
{
	REQUIRE(self->master = pty_open(self->path, sizeof(self->path)));
}

/* The terminal that a leader opens is that of its session. */
ACTOR(leader, FRESH_REAPED)
{
	REQUIRE(setsid());
	REQUIRE(open(self->path, O_RDWR));
	_exit(0);
}

ACTOR(reader, FRESH)
{
	pid_t sid;

	ASSERT_ERRNO_IN(ioctl(self->master, TIOCGSID, &sid), ENOTTY, EIO);
}

TEARDOWN()
{
	close(self->master);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/PID/status shows the credentials of a task that replaces them.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("cred-resurrect", "read of /proc/PID/status against setresuid()");

STATE {
	int dummy;
};

ACTOR(changer, KEPT)
{
	REQUIRE(MARKED(syscall(SYS_setresuid, 1, -1, -1), ENOMEM, EAGAIN));
	REQUIRE(MARKED(syscall(SYS_setresuid, 0, -1, -1), ENOMEM, EAGAIN));
}

AFTER(changer)
{
	REQUIRE(syscall(SYS_setresuid, 0, -1, -1));
}

ACTOR(reader, KEPT)
{
	static int fd = -1;
	char path[32], text[4096];

	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/status",
			 actor_pid("changer"));
		REQUIRE(fd = open(path, O_RDONLY | O_CLOEXEC));
	}
	REQUIRE(pread(fd, text, sizeof(text), 0));
}

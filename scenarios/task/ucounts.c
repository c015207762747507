// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks of one effective user make an inotify instance each and close it.
 * Nothing else is counted for that user, so the counters come and go with them.
 */

#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("ucounts", "counters of a user that come against those that go");

#define USER	4711

STATE {
	int dummy;
};

/* Of this thread alone; the real one, root, is what is counted for elsewhere. */
static long set_effective(uid_t uid)
{
	return syscall(SYS_setresuid, -1, uid, -1);
}

static void count(void)
{
	int fd = MARKED(inotify_init1(IN_CLOEXEC), ENOMEM, EMFILE, ENFILE);

	REQUIRE(fd);
	close(fd);
}

ACTOR(one, KEPT)
{
	count();
}

BEFORE(one)
{
	REQUIRE(set_effective(USER));
}

AFTER(one)
{
	REQUIRE(set_effective(0));
}

ACTOR(other, KEPT)
{
	count();
}

BEFORE(other)
{
	REQUIRE(set_effective(USER));
}

AFTER(other)
{
	REQUIRE(set_effective(0));
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A file is locked while somebody who shares the descriptors closes that one.
 * When it is closed, the lock is gone.
 */

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("setlk-vs-close", "fcntl(F_SETLK) against close()");

#define PATH	"/tmp/setlk"

STATE {
	int dummy;
};

/* The locker's, and its child's. */
static int file;

ACTOR(closer, CHILD)
{
	close(file);
}

ACTOR(locker, KEPT)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	ASSERT_ERRNO_IN(MARKED(fcntl(file, F_SETLK, &lock), ENOLCK, EBADF),
			EBADF);
}

BEFORE(locker)
{
	REQUIRE(file = open(PATH, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	REQUIRE(actor_make("closer", CLONE_FILES));
}

CHECK()
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(PATH, O_RDWR | O_CLOEXEC);
	int ret = fcntl(fd, F_GETLK, &lock);

	close(fd);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(F_UNLCK, lock.l_type);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A task asks to be told of changes in a directory while somebody who shares its
 * descriptors closes that one. When it is closed, nobody is told any more.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("dnotify-vs-close", "fcntl(F_NOTIFY) against close()");

#define FOLDER	"/tmp/dnotify"

STATE {
	int dummy;
};

/* The notifier's, and its child's. */
static int folder;

ACTOR(closer, CHILD)
{
	close(folder);
}

ACTOR(notifier, KEPT)
{
	ASSERT_ERRNO_IN(MARKED(fcntl(folder, F_NOTIFY,
				     DN_CREATE | DN_MULTISHOT), ENOMEM, EBADF),
			EBADF);
}

BEFORE(notifier)
{
	signal(SIGIO, SIG_IGN);
	mkdir(FOLDER, 0755);
	REQUIRE(folder = open(FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	REQUIRE(actor_make("closer", CLONE_FILES));
}

/* Whoever is still on the list is sent a signal. */
CHECK()
{
	int fd = open(FOLDER "/new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ASSERT_TRUE(fd >= 0);
	close(fd);
	unlink(FOLDER "/new");
}

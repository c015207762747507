// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks add a watch that must not exist yet: one of them does. There is room
 * for one inotify instance, so for another one only when this one is gone.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("inotify-create", "two inotify_add_watch(IN_MASK_CREATE)");

#define FOLDER	"/tmp/inotify-create"
#define USUAL	128	/* instances of a user */

STATE {
	int events;
	int added[2];
};

/* For each user. */
static int set_most_instances(int most)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", most);
	int fd = open("/proc/sys/fs/inotify/max_user_instances",
		      O_WRONLY | O_CLOEXEC);
	int ret = write(fd, text, len) == len ? 0 : -1;

	close(fd);
	return ret;
}

/* Instances may be left from executions before: as many as there are and one. */
static int only_instance(void)
{
	static int most = 1;
	int fd;

	do {
		if (set_most_instances(most))
			return -1;
		fd = inotify_init1(IN_CLOEXEC);
	} while (fd < 0 && errno == EMFILE && ++most < USUAL);
	return fd;
}

SETUP()
{
	mkdir(FOLDER, 0755);
	REQUIRE(self->events = only_instance());
}

static void add(int who)
{
	int watch;

	watch = MARKED_AS("inotify_add_watch(IN_MASK_CREATE)",
			  inotify_add_watch(self->events, FOLDER,
					    IN_MODIFY | IN_MASK_CREATE),
			  ENOMEM, ENOSPC, EEXIST);
	self->added[who] = watch >= 0;
	close(self->events);
	ASSERT_ERRNO_IN(watch, EEXIST);
}

ACTOR(one, FRESH)
{
	add(0);
}

ACTOR(other, FRESH)
{
	add(1);
}

CHECK()
{
	int fd;

	close(self->events);
	ASSERT_TRUE(self->added[0] + self->added[1] < 2);
	/* Some of it is done when all is at rest. */
	usleep(20000);
	REQUIRE(fd = inotify_init1(IN_CLOEXEC));
	close(fd);
}

TEARDOWN()
{
	set_most_instances(USUAL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks add a watch that must not exist yet: one of them does. There may be
 * one inotify instance, so there is another one only when this one is gone.
 */

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("inotify-create", "two inotify_add_watch(IN_MASK_CREATE)");

#define FOLDER	"/tmp/inotify-create"

STATE {
	int events;
	int added[2];
};

/* For each user. */
static int set_most_instances(const char *text)
{
	int fd = open("/proc/sys/fs/inotify/max_user_instances",
		      O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text);
	int ret = write(fd, text, len) == len ? 0 : -1;

	close(fd);
	return ret;
}

SETUP()
{
	mkdir(FOLDER, 0755);
	REQUIRE(set_most_instances("1"));
	REQUIRE(self->events = inotify_init1(IN_CLOEXEC));
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
	set_most_instances("128");
}

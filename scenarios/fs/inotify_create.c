// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks add a watch that must not exist yet: one of them does. When nobody
 * watches any more and the directory is removed, its inode goes.
 */

#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("inotify-create", "two inotify_add_watch(IN_MASK_CREATE)");

#define FOLDER	"/tmp/inotify-create"

STATE {
	int events;
	int added[2];
	long inodes;
};

static long free_inodes(void)
{
	struct statfs fs = {};

	statfs("/tmp", &fs);
	return fs.f_ffree;
}

SETUP()
{
	self->inodes = free_inodes();
	REQUIRE(mkdir(FOLDER, 0755));
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
	close(self->events);
	rmdir(FOLDER);
	ASSERT_TRUE(self->added[0] + self->added[1] < 2);
	/* Some of it is done when all is at rest. */
	usleep(20000);
	ASSERT_EQ(self->inodes, free_inodes());
}

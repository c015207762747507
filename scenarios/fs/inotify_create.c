// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks add a watch that must not exist yet: one of them does.
 */

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

SETUP()
{
	mkdir(FOLDER, 0755);
	REQUIRE(self->events = inotify_init1(IN_CLOEXEC));
}

static void add(int who)
{
	int watch;

	watch = MARKED_AS("inotify_add_watch(IN_MASK_CREATE)",
			  inotify_add_watch(self->events, FOLDER,
					    IN_MODIFY | IN_MASK_CREATE),
			  ENOMEM, ENOSPC, EEXIST);

	ASSERT_ERRNO_IN(watch, EEXIST);
	self->added[who] = watch >= 0;
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
	ASSERT_TRUE(self->added[0] + self->added[1] < 2);
}

TEARDOWN()
{
	close(self->events);
}

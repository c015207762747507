// SPDX-License-Identifier: GPL-2.0
/*
 * inotify is told the name of a file that changes while the file gets a longer
 * name: the event has one of the two names, whole.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("inotify-rename", "inotify event of a file against rename()");

#define FOLDER		"/tmp/inotify"
#define SHORT_NAME	"f"
#define LONG_NAME	"a-name-that-is-much-longer-than-the-one-before-it"

STATE {
	int file, events;
};

SETUP()
{
	mkdir(FOLDER, 0755);
	self->file = open(FOLDER "/" SHORT_NAME,
			  O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	REQUIRE(self->file);
	REQUIRE(self->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
	REQUIRE(inotify_add_watch(self->events, FOLDER, IN_MODIFY));
}

ACTOR(writer, FRESH)
{
	REQUIRE(write(self->file, "x", 1));
}

ACTOR(renamer, FRESH)
{
	REQUIRE(rename(FOLDER "/" SHORT_NAME, FOLDER "/" LONG_NAME));
}

CHECK()
{
	union {
		struct inotify_event event;
		char bytes[sizeof(struct inotify_event) + 256];
	} seen;

	if (read(self->events, &seen, sizeof(seen)) < 0)
		return;
	/* There was no memory for the event. */
	if (seen.event.mask & IN_Q_OVERFLOW)
		return;
	ASSERT_TRUE(!strcmp(seen.event.name, SHORT_NAME) ||
		    !strcmp(seen.event.name, LONG_NAME));
}

TEARDOWN()
{
	close(self->events);
	close(self->file);
	unlink(FOLDER "/" SHORT_NAME);
	unlink(FOLDER "/" LONG_NAME);
}

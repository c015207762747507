// SPDX-License-Identifier: GPL-2.0
/*
 * The last user of a network namespace exits while a reader opens its list of
 * devices. What was opened is still the same at the end, whole; new ones are of
 * a later namespace or none, and then there is none for good.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "lib/scenario.h"

SCENARIO("proc-net-vs-exit",
	 "open and read of /proc/PID/net against the end of the namespace");
REACHES("get_proc_task_net", "exit_before_namespaces");

#define OPENS	3
#define TEXT	1024

STATE {
	bool gone;
};

/* The reader's. */
static struct {
	int fd;
	char text[TEXT];
} files[OPENS];
static int nfiles;
static int dir = -1;

/*
 * Not reaped before the end: release_task() waits for who lets go of a dentry
 * in /proc/PID by spinning, and among real-time tasks that can be for ever.
 */
ACTOR(target, FRESH)
{
	REQUIRE(MARKED(unshare(CLONE_NEWNET), ERRNOS_UNSHARE_NET));
	_exit(0);
}

static ssize_t read_all(int fd, char *text)
{
	ssize_t len = pread(fd, text, TEXT - 1, 0);

	if (len >= 0)
		text[len] = '\0';
	return len;
}

/* Only the first network namespace has this device. */
static bool is_first(const char *text)
{
	return strstr(text, "dummy0:");
}

/* Return: 0, or -1 with errno set. */
static int open_one(void)
{
	char path[64];
	int fd;

	if (dir < 0) {
		snprintf(path, sizeof(path), "/proc/%d/net",
			 actor_pid("target"));
		dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	fd = dir < 0 ? -1 :
		       MARKED(openat(dir, "dev", O_RDONLY | O_CLOEXEC),
			      ERRNOS_OPEN, ENXIO);
	if (fd >= 0)
		files[nfiles++].fd = fd;
	return fd < 0 ? -1 : 0;
}

ACTOR(reader, KEPT)
{
	char again[TEXT], *text;
	int i, ret;

	for (i = 0; i < OPENS; i++) {
		ret = open_one();
		if (ret && scenario_injected())
			return;
		/* No namespaces any more; a list whose namespace just went. */
		ASSERT_ERRNO_IN(ret, ENOENT, ENXIO);
		if (ret) {
			self->gone |= errno != ENXIO;
			continue;
		}
		if (self->gone)
			FAIL("open %d: a list after the task was gone", i);
		text = files[nfiles - 1].text;
		REQUIRE(read_all(files[nfiles - 1].fd, text));
		ASSERT_TRUE(strstr(text, " lo:"));
		if (nfiles > 1 && is_first(text) &&
		    !is_first(files[nfiles - 2].text))
			FAIL("open %d: of the namespace that was left", i);
	}
	for (i = 0; i < nfiles; i++) {
		REQUIRE(read_all(files[i].fd, again));
		if (strcmp(files[i].text, again))
			FAIL("list %d has become \"%.80s\"", i, again);
	}
}

AFTER(reader)
{
	while (nfiles)
		close(files[--nfiles].fd);
	close(dir);
	dir = -1;
}

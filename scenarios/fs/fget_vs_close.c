// SPDX-License-Identifier: GPL-2.0
/*
 * A descriptor is read while it is closed and another file is opened, whose
 * struct file may be the same memory. It is read, or it is closed: what the
 * other file has is never seen.
 */

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("fget-vs-close", "pread() against close() and open()");

#define RIGHT	"/tmp/fget-right"
#define WRONG	"/tmp/fget-wrong"

STATE {
	int dummy;
};

/* The reader's, and its child's. */
static int file;

ACTOR(closer, CHILD)
{
	close(file);
	/* There is a lower descriptor, so it does not get this one. */
	REQUIRE(open(WRONG, O_RDONLY | O_CLOEXEC));
}

ACTOR(reader, KEPT)
{
	char byte = 0;
	ssize_t len = pread(file, &byte, 1, 0);

	ASSERT_ERRNO_IN(len, EBADF);
	if (len >= 0 && byte != 'r')
		FAIL("read '%c' from a file that has 'r'", byte);
}

static int written(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || pwrite(fd, text, 1, 0) != 1)
		return -1;
	return fd;
}

BEFORE(reader)
{
	static int low = -1;

	/* That of the execution before, opened by the child. */
	if (low >= 0)
		close(low);
	REQUIRE(low = written(WRONG, "w"));
	REQUIRE(file = written(RIGHT, "r"));
	close(low);
	REQUIRE(actor_make("closer", CLONE_FILES));
}

AFTER(reader)
{
	close(file);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A private mapping is written by way of /proc/PID/mem, although it is read-only,
 * while its owner drops what it has of its own. The file stays as it is.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("dirty-cow", "write of /proc/PID/mem against madvise(MADV_DONTNEED)");

#define PATH	"/tmp/cow"
#define SIZE	4096
#define AT	0x30000000UL	/* known to both, and the same in each boot */

STATE {
	int dummy;
};

ACTOR(owner, KEPT)
{
	REQUIRE(madvise((void *)AT, SIZE, MADV_DONTNEED));
}

BEFORE(owner)
{
	static int fd = -1;

	if (fd >= 0)
		return;
	REQUIRE(fd = open(PATH, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	REQUIRE(ftruncate(fd, SIZE));
	ASSERT_TRUE(mmap((void *)AT, SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED,
			 fd, 0) != MAP_FAILED);
}

AFTER(owner)
{
	REQUIRE(madvise((void *)AT, SIZE, MADV_DONTNEED));
}

ACTOR(writer, KEPT)
{
	static int fd = -1;
	char path[32];

	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/mem",
			 actor_pid("owner"));
		REQUIRE(fd = open(path, O_RDWR | O_CLOEXEC));
	}
	REQUIRE(pwrite(fd, "x", 1, AT));
}

CHECK()
{
	int fd = open(PATH, O_RDONLY | O_CLOEXEC);
	char byte = 'x';
	ssize_t len = read(fd, &byte, 1);

	close(fd);
	ASSERT_EQ(1, len);
	ASSERT_EQ(0, byte);
}

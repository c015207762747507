// SPDX-License-Identifier: GPL-2.0
/*
 * A task makes a segment, moves to another ipc namespace, and exits, while its
 * segment is removed. Segments go with those who made them, in both, so it is gone
 * then from the namespace that it was in, and from what that counts.
 */

#include <fcntl.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include "ipc/lib/errnos.h"
#include "ipc/lib/keeper.h"
#include "lib/scenario.h"
#include "nsproxy/lib/errnos.h"

SCENARIO("shm-vs-setns-exit",
	 "exit in another ipc namespace against shmctl(IPC_RMID)");

STATE {
	int id;
	bool made, exits;
	unsigned long pages;
};

/* "1": segments go with the task that made them. */
static int set_forced(const char *text)
{
	int fd = open("/proc/sys/kernel/shm_rmid_forced", O_WRONLY | O_CLOEXEC);
	int ret = write(fd, text, 1) == 1 ? 0 : -1;

	close(fd);
	return ret;
}

/* In all segments of this namespace. */
static unsigned long pages_of_all(void)
{
	struct shm_info info = {};

	shmctl(0, SHM_INFO, (void *)&info);
	return info.shm_tot;
}

/* Of the namespace to move to, which stays. */
static int other = -1;

static int make_other(void)
{
	int own = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	int ret = -1;

	if (own < 0 || unshare(CLONE_NEWIPC) || set_forced("1"))
		return -1;
	other = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	if (other >= 0)
		ret = setns(own, CLONE_NEWIPC);
	close(own);
	return ret;
}

SETUP()
{
	if (other < 0)
		REQUIRE(make_other());
	ASSERT_TRUE(keep_objects());
	REQUIRE(set_forced("1"));
	self->pages = pages_of_all();
}

ACTOR(leaver, FRESH_REAPED)
{
	self->id = MARKED(shmget(IPC_PRIVATE, 1, 0600), ERRNOS_SHMGET);
	REQUIRE(self->id);
	self->made = true;
	/* Unlike unshare(), this leaves the segment to the task. */
	REQUIRE(MARKED(setns(other, CLONE_NEWIPC), ERRNOS_SETNS));
	self->exits = true;
	_exit(0);
}

ACTOR(remover, KEPT)
{
	if (self->made)
		ASSERT_ERRNO_IN(shmctl(self->id, IPC_RMID, NULL), REMOVED);
}

CHECK()
{
	struct shmid_ds segment;

	/* It may be alive still, where an allocation failed. */
	if (!self->exits)
		return;
	ASSERT_TRUE(shmctl(self->id, IPC_STAT, &segment) < 0);
	ASSERT_EQ((long)self->pages, (long)pages_of_all());
}

TEARDOWN()
{
	set_forced("0");
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A task makes a segment, moves to an ipc namespace of its own where segments go
 * with those who made them, and exits, while its segment is removed. That one is
 * in the other namespace, where nobody has asked for that.
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
	bool made, removed;
};

static int forced_removal(void)
{
	int fd = open("/proc/sys/kernel/shm_rmid_forced", O_WRONLY | O_CLOEXEC);
	int ret = write(fd, "1", 1) == 1 ? 0 : -1;

	close(fd);
	return ret;
}

SETUP()
{
	ASSERT_TRUE(keep_objects());
}

ACTOR(leaver, FRESH_REAPED)
{
	self->id = MARKED(shmget(IPC_PRIVATE, 1, 0600), ERRNOS_SHMGET);
	REQUIRE(self->id);
	self->made = true;
	REQUIRE(MARKED(unshare(CLONE_NEWIPC), ERRNOS_UNSHARE));
	REQUIRE(forced_removal());
	_exit(0);
}

ACTOR(remover, KEPT)
{
	if (!self->made)
		return;
	REQUIRE(shmctl(self->id, IPC_RMID, NULL));
	self->removed = true;
}

CHECK()
{
	struct shmid_ds segment;
	int ret;

	if (!self->made || self->removed)
		return;
	ret = shmctl(self->id, IPC_STAT, &segment);
	if (ret < 0)
		FAIL("the segment is gone, which nobody has removed");
}

TEARDOWN()
{
	if (self->made && !self->removed)
		shmctl(self->id, IPC_RMID, NULL);
}

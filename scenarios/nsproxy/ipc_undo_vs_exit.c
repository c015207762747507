// SPDX-License-Identifier: GPL-2.0
/*
 * A task that exits undoes what it did to a semaphore, in the ipc namespace
 * that it still has then. Who follows it by setns() finds the semaphore as the
 * task left it or undone, and once undone, it stays so.
 */

#include <sched.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("ipc-undo-vs-exit",
	 "setns() to an ipc namespace against exit and its semaphores' undo");
REACHES("validate_nsset", "setns_commit", "exit_before_namespaces",
	"exit_after_namespaces");

#define TRIES	4
#define KEY	0x6e736c

STATE {
	bool up, undone, gone;
};

static void do_and_exit(void)
{
	struct sembuf up = { .sem_op = 1, .sem_flg = SEM_UNDO };
	int sem;

	REQUIRE(MARKED(unshare(CLONE_NEWIPC), ERRNOS_UNSHARE));
	REQUIRE(sem = MARKED(semget(KEY, 1, IPC_CREAT | 0600), ERRNOS_IPC));
	REQUIRE(MARKED(semop(sem, &up, 1), ERRNOS_IPC));
	self->up = true;
}

ACTOR(target, FRESH)
{
	do_and_exit();
	_exit(0);
}

static void look(bool up)
{
	int sem = semget(KEY, 0, 0), value;

	/* Before the target has come here, or before it has made it. */
	if (sem < 0 && !up && errno == ENOENT)
		return;
	REQUIRE(sem);
	REQUIRE(value = semctl(sem, 0, GETVAL));
	ASSERT_TRUE(value == 0 || value == 1);
	if (self->undone)
		ASSERT_EQ(0, value);
	self->undone = up && !value;
}

static int pidfd = -1;

ACTOR(follower, KEPT)
{
	int i, ret;

	pidfd = syscall(SYS_pidfd_open, actor_pid("target"), 0);
	REQUIRE(pidfd);
	for (i = 0; i < TRIES; i++) {
		bool up = self->up;

		ret = MARKED(setns(pidfd, CLONE_NEWIPC), ERRNOS_SETNS);
		if (ret && scenario_injected())
			return;
		ASSERT_ERRNO_IN(ret, ESRCH);
		self->gone |= ret != 0;
		if (!ret && self->gone)
			FAIL("try %d: namespaces after they were gone", i);
		if (!ret)
			look(up);
	}
}

AFTER(follower)
{
	close(pidfd);
	REQUIRE(namespaces_restore());
}

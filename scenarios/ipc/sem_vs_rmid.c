// SPDX-License-Identifier: GPL-2.0
/*
 * semop() has to wait on a semaphore while its array is removed. It fails:
 * with EIDRM if it had found the array, with EINVAL if the id was gone. It must
 * not sleep on an array that no task can reach any more.
 */

#include <sys/ipc.h>
#include <sys/sem.h>

#include "ipc/lib/errnos.h"
#include "ipc/lib/keeper.h"
#include "lib/scenario.h"

SCENARIO("sem-vs-rmid", "semop() that waits against semctl(IPC_RMID)");
REACHES("ipc_lookup", "ipc_before_rmid", "ipc_last_put");

/* How many semaphores the operation is about, and whether exit undoes it. */
enum { ONE, ONE_UNDONE, TWO, WAYS };

INPUTS(WAYS);

STATE {
	int id;
	bool removed;
};

SETUP()
{
	ASSERT_TRUE(keep_objects());
	self->id = semget(IPC_PRIVATE, 2, 0600);
	ASSERT_TRUE(self->id >= 0);
}

ACTOR(waiter, KEPT)
{
	short flags = scenario_input() == ONE_UNDONE ? SEM_UNDO : 0;
	struct sembuf take[] = {
		{ .sem_num = 0, .sem_op = -1, .sem_flg = flags },
		{ .sem_num = 1, .sem_op = -1 },
	};
	int ret;

	ret = MARKED(semop(self->id, take, scenario_input() == TWO ? 2 : 1),
		     ERRNOS_SEMOP);
	if (ret >= 0)
		FAIL("semop() took what no task has given");
	ASSERT_ERRNO_IN(ret, REMOVED);
}

ACTOR(remover, KEPT)
{
	REQUIRE(semctl(self->id, 0, IPC_RMID));
	self->removed = true;
}

CHECK()
{
	if (self->removed)
		ASSERT_TRUE(semctl(self->id, 0, GETVAL) < 0);
}

TEARDOWN()
{
	if (!self->removed)
		semctl(self->id, 0, IPC_RMID);
}

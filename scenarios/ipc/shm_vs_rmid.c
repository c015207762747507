// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks attach a segment and detach it while it is removed. A task that has
 * attached it has its bytes until it detaches it, and the last one to do so
 * ends the segment.
 */

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "ipc/lib/errnos.h"
#include "ipc/lib/keeper.h"
#include "lib/scenario.h"

SCENARIO("shm-vs-rmid", "shmat() and shmdt() against shmctl(IPC_RMID)");
REACHES("ipc_lookup", "ipc_before_rmid", "ipc_last_put");

#define WORD	0x6e736c

STATE {
	int id;
	bool removed;
};

SETUP()
{
	int *word;

	ASSERT_TRUE(keep_objects());
	self->id = shmget(IPC_PRIVATE, sizeof(*word), 0600);
	ASSERT_TRUE(self->id >= 0);
	word = shmat(self->id, NULL, 0);
	ASSERT_TRUE(word != (void *)-1);
	*word = WORD;
	ASSERT_TRUE(!shmdt(word));
}

/*
 * Short of memory, shmdt() leaves the segment attached and yet returns 0: it ignores
 * what munmap() says. Try again then; msync() knows what is mapped.
 */
static int detach(void *at)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < 100; i++) {
		ret = shmdt(at);
		if (!scenario_injected() || msync(at, 1, MS_ASYNC))
			break;
	}
	return ret;
}

static void attach(void)
{
	long at;

	at = MARKED_AS("shmat(id)", (long)shmat(self->id, NULL, 0),
		       ERRNOS_SHMAT);
	ASSERT_ERRNO_IN(at, REMOVED);
	if (at == -1)
		return;
	ASSERT_EQ(WORD, *(int *)at);
	REQUIRE(detach((void *)at));
}

ACTOR(first, KEPT)
{
	attach();
}

ACTOR(second, KEPT)
{
	attach();
}

ACTOR(remover, KEPT)
{
	REQUIRE(shmctl(self->id, IPC_RMID, NULL));
	self->removed = true;
}

CHECK()
{
	struct shmid_ds segment;

	if (self->removed)
		ASSERT_TRUE(shmctl(self->id, IPC_STAT, &segment) < 0);
}

TEARDOWN()
{
	if (!self->removed)
		shmctl(self->id, IPC_RMID, NULL);
}

// SPDX-License-Identifier: GPL-2.0
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "ipc/lib/keeper.h"

bool keep_objects(void)
{
	static bool kept;

	kept = kept || (semget(IPC_PRIVATE, 1, 0600) >= 0 &&
			msgget(IPC_PRIVATE, 0600) >= 0 &&
			shmget(IPC_PRIVATE, 1, 0600) >= 0);
	return kept;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * System V semaphores, messages and shared memory, and POSIX queues: ids are looked
 * up under rcu_read_lock(), and removed under the lock of their object.
 *
 * No task publishes a pointer to one of these objects, and most of them are kmalloc()
 * memory, so this subject has points and counters, and leaves lifetimes to KASAN.
 */

#include "ipc.h"

#define NUMBER	2

enum {
#define NSLAB_POINT(id, name, class, effect, about) POINT_##id,
#include "points.def"
#undef NSLAB_POINT
};

NSLAB_DELAY(REMOVE, "delay_ipc_remove");

#define NSLAB_POINT(id, name, class, effect, about)			\
	NSLAB_DEFINE_POINT(id, name, class, effect, NUMBER, POINT_##id);
#include "points.def"
#undef NSLAB_POINT

#define NSLAB_VARIANT(id, name, about)	NSLAB_DEFINE_VARIANT(id, name);
#include "variants.def"
#undef NSLAB_VARIANT

NSLAB_SUBJECT(ipc) = {
	.name = "ipc",
	.number = NUMBER,
	.counters = nslab_ipc_counters,
	.ncounters = NSLAB_IPC_COUNTERS,
	.attributes = nslab_ipc_attributes,
	.nattributes = NSLAB_IPC_ATTRIBUTES,
};

// SPDX-License-Identifier: GPL-2.0
/*
 * How many objects the first ipc namespace has, and what a task has of them. The
 * kernel counts all of it already, for its limits.
 */

#include <linux/ipc.h>
#include <linux/ipc_namespace.h>
#include <linux/list.h>
#include <linux/percpu_counter.h>
#include <linux/sched.h>

#include <../ipc/util.h>
#include "ipc.h"

static u64 count_ids(unsigned int kind)
{
	return init_ipc_ns.ids[kind].in_use;
}

static u64 count_pages(unsigned int unused)
{
	return init_ipc_ns.shm_tot;
}

static u64 count_messages(unsigned int unused)
{
	return percpu_counter_sum(&init_ipc_ns.percpu_msg_hdrs);
}

static u64 count_queues(unsigned int unused)
{
	return init_ipc_ns.mq_queues_count;
}

const struct nslab_counter nslab_ipc_counters[] = {
	{ "semaphore arrays", count_ids, IPC_SEM_IDS },
	{ "message queues", count_ids, IPC_MSG_IDS },
	{ "messages", count_messages },
	{ "shared memory segments", count_ids, IPC_SHM_IDS },
	{ "pages of shared memory segments", count_pages },
	{ "POSIX queues", count_queues },
};

static u64 read_undo_list(unsigned int unused)
{
	return (unsigned long)current->sysvsem.undo_list;
}

static u64 count_own_segments(unsigned int unused)
{
	return list_count_nodes(&current->sysvshm.shm_clist);
}

const struct nslab_attribute nslab_ipc_attributes[] = {
	{ "its list of semaphores to undo is another one", read_undo_list,
	  .kind = NSLAB_IS_IDENTITY },
	{ "it has # segments that it has made", count_own_segments,
	  .kind = NSLAB_IS_COUNT },
};

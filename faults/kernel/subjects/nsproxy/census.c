// SPDX-License-Identifier: GPL-2.0
/*
 * How many nsproxies and namespaces there are: what an execution made must be gone
 * after it. The kernel counts namespaces already, for the limits in /proc/sys/user,
 * and by the references on the first of each kind.
 */

#include <linux/atomic.h>
#include <linux/cgroup.h>
#include <linux/init_task.h>
#include <linux/ipc_namespace.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>

#include <../fs/mount.h>
#include "nsproxy.h"

/* Those that make namespaces in scenarios: root, and a user without privilege. */
static const uid_t owners[] = { 0, NSLAB_UNPRIVILEGED_UID };

static struct ucounts *ucounts[ARRAY_SIZE(owners)];
static atomic_t nsproxies;

void nslab_nsproxy_alloc(const void *object, unsigned long ip)
{
	atomic_inc(&nsproxies);
}

void nslab_nsproxy_free(const void *object, unsigned long ip)
{
	atomic_dec(&nsproxies);
}

/* Looked up once for all kinds: this is done after each execution. */
void nslab_nsproxy_counting_begins(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(owners); i++)
		ucounts[i] = alloc_ucounts(&init_user_ns, KUIDT_INIT(owners[i]));
}

void nslab_nsproxy_counting_ends(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(owners); i++)
		if (ucounts[i])
			put_ucounts(ucounts[i]);
}

static u64 read_nsproxies(unsigned int unused)
{
	return atomic_read(&nsproxies);
}

/* Of a kind, made by one of the owners. */
static u64 read_namespaces(unsigned int type)
{
	unsigned int i;
	u64 n = 0;

	for (i = 0; i < ARRAY_SIZE(owners); i++)
		if (ucounts[i])
			n += atomic_long_read(&ucounts[i]->ucount[type]);
	return n;
}

/**
 * nslab_nsproxy_references() - on a nsproxy, but for those of the tasks that use it
 * @nsproxy: it
 *
 * Kernel threads come and go as the kernel likes, and all of them use the
 * first one.
 */
u64 nslab_nsproxy_references(const struct nsproxy *nsproxy)
{
	struct task_struct *process, *task;
	unsigned int users = 0;

	rcu_read_lock();
	for_each_process_thread(process, task)
		users += READ_ONCE(task->nsproxy) == nsproxy;
	rcu_read_unlock();
	return refcount_read(&nsproxy->count) - users;
}

static u64 read_first_nsproxy(unsigned int unused)
{
	return nslab_nsproxy_references(&init_nsproxy);
}

/* References on the first namespace of a kind. */
static u64 read_first(unsigned int type)
{
	const struct ns_common *first;

	switch (type) {
	case UCOUNT_PID_NAMESPACES:
		first = &init_pid_ns.ns;
		break;
	case UCOUNT_UTS_NAMESPACES:
		first = &init_uts_ns.ns;
		break;
	case UCOUNT_IPC_NAMESPACES:
		first = &init_ipc_ns.ns;
		break;
	case UCOUNT_NET_NAMESPACES:
		first = &init_net.ns;
		break;
	case UCOUNT_MNT_NAMESPACES:
		first = &init_nsproxy.mnt_ns->ns;
		break;
	case UCOUNT_CGROUP_NAMESPACES:
		first = &init_cgroup_ns.ns;
		break;
	default:
		first = &init_time_ns.ns;
	}
	return refcount_read(&first->count);
}

const struct nslab_counter nslab_nsproxy_counters[] = {
	{ "nsproxies", read_nsproxies },
	{ "user namespaces", read_namespaces, UCOUNT_USER_NAMESPACES },
	{ "pid namespaces", read_namespaces, UCOUNT_PID_NAMESPACES },
	{ "uts namespaces", read_namespaces, UCOUNT_UTS_NAMESPACES },
	{ "ipc namespaces", read_namespaces, UCOUNT_IPC_NAMESPACES },
	{ "net namespaces", read_namespaces, UCOUNT_NET_NAMESPACES },
	{ "mnt namespaces", read_namespaces, UCOUNT_MNT_NAMESPACES },
	{ "cgroup namespaces", read_namespaces, UCOUNT_CGROUP_NAMESPACES },
	{ "time namespaces", read_namespaces, UCOUNT_TIME_NAMESPACES },
	{ "references on the first nsproxy", read_first_nsproxy },
	/* Not of users: each set of credentials has a reference. */
	{ "pid namespace", read_first, UCOUNT_PID_NAMESPACES },
	{ "uts namespace", read_first, UCOUNT_UTS_NAMESPACES },
	{ "ipc namespace", read_first, UCOUNT_IPC_NAMESPACES },
	{ "net namespace", read_first, UCOUNT_NET_NAMESPACES },
	{ "mnt namespace", read_first, UCOUNT_MNT_NAMESPACES },
	{ "cgroup namespace", read_first, UCOUNT_CGROUP_NAMESPACES },
	{ "time namespace", read_first, UCOUNT_TIME_NAMESPACES },
};

static_assert(ARRAY_SIZE(nslab_nsproxy_counters) == NSLAB_NSPROXY_COUNTERS);

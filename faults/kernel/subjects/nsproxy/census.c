// SPDX-License-Identifier: GPL-2.0
/*
 * How many nsproxies and namespaces there are: what an execution made must be
 * gone after it. Namespaces are counted by the kernel already, for the limits in
 * /proc/sys/user, and by the references on the first of each kind.
 */

#include <linux/atomic.h>
#include <linux/cgroup.h>
#include <linux/init_task.h>
#include <linux/ipc_namespace.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>

#include <../fs/mount.h>
#include "../../nslab.h"

/* Who makes namespaces in scenarios: root, and somebody without privilege. */
static const uid_t owners[] = { 0, NSLAB_UNPRIVILEGED_UID };

static atomic_t nsproxies;

/**
 * nslab_census_alloc() - a nsproxy was allocated
 */
void nslab_census_alloc(void)
{
	atomic_inc(&nsproxies);
}

/**
 * nslab_census_free() - a nsproxy is about to be freed
 */
void nslab_census_free(void)
{
	atomic_dec(&nsproxies);
}

/* Looked up once for all kinds: this is done after each execution. */
static void add_made_by(uid_t uid, struct nslab_census *census)
{
	static const enum ucount_type types[NSLAB_NS_TYPES] = {
		[NSLAB_NS_USER] = UCOUNT_USER_NAMESPACES,
		[NSLAB_NS_PID] = UCOUNT_PID_NAMESPACES,
		[NSLAB_NS_UTS] = UCOUNT_UTS_NAMESPACES,
		[NSLAB_NS_IPC] = UCOUNT_IPC_NAMESPACES,
		[NSLAB_NS_NET] = UCOUNT_NET_NAMESPACES,
		[NSLAB_NS_MNT] = UCOUNT_MNT_NAMESPACES,
		[NSLAB_NS_CGROUP] = UCOUNT_CGROUP_NAMESPACES,
		[NSLAB_NS_TIME] = UCOUNT_TIME_NAMESPACES,
	};
	struct ucounts *ucounts = alloc_ucounts(&init_user_ns,
						KUIDT_INIT(uid));
	unsigned int i;

	if (!ucounts)
		return;
	for (i = 0; i < NSLAB_NS_TYPES; i++)
		census->namespaces[i] +=
			atomic_long_read(&ucounts->ucount[types[i]]);
	put_ucounts(ucounts);
}

/**
 * nslab_nsproxy_references() - on a nsproxy, but for those of who uses it
 * @nsproxy: it
 *
 * Kernel threads come and go as the kernel likes, and all of them use the
 * first one.
 */
unsigned int nslab_nsproxy_references(const struct nsproxy *nsproxy)
{
	struct task_struct *process, *task;
	unsigned int users = 0;

	rcu_read_lock();
	for_each_process_thread(process, task)
		users += READ_ONCE(task->nsproxy) == nsproxy;
	rcu_read_unlock();
	return refcount_read(&nsproxy->count) - users;
}

/**
 * nslab_census() - count
 * @census: out
 */
void nslab_census(struct nslab_census *census)
{
	const struct ns_common *first[NSLAB_NS_TYPES] = {
		/* Not of users: each set of credentials has one. */
		[NSLAB_NS_PID] = &init_pid_ns.ns,
		[NSLAB_NS_UTS] = &init_uts_ns.ns,
		[NSLAB_NS_IPC] = &init_ipc_ns.ns,
		[NSLAB_NS_NET] = &init_net.ns,
		[NSLAB_NS_MNT] = &init_nsproxy.mnt_ns->ns,
		[NSLAB_NS_CGROUP] = &init_cgroup_ns.ns,
		[NSLAB_NS_TIME] = &init_time_ns.ns,
	};
	unsigned int i;

	memset(census, 0, sizeof(*census));
	census->nsproxies = atomic_read(&nsproxies);
	census->first_nsproxy = nslab_nsproxy_references(&init_nsproxy);
	for (i = 0; i < ARRAY_SIZE(owners); i++)
		add_made_by(owners[i], census);
	for (i = 0; i < NSLAB_NS_TYPES; i++)
		if (first[i])
			census->first[i] = refcount_read(&first[i]->count);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * What a task has, and a system call that fails has to leave alone.
 */

#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/fs_struct.h>
#include <linux/ipc_namespace.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/time_namespace.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>

#include <../fs/mount.h>
#include "nsproxy.h"

enum { USER, PID, UTS, IPC, NET, MNT, CGROUP, TIME, PID_CHILDREN, TIME_CHILDREN };

/* The ids of its namespaces, as links in /proc/self/ns have them. */
static u64 read_id(unsigned int kind)
{
	const struct nsproxy *nsproxy = current->nsproxy;

	switch (kind) {
	case USER:
		return current_user_ns()->ns.inum;
	case PID:
		return task_active_pid_ns(current)->ns.inum;
	case UTS:
		return nsproxy->uts_ns->ns.inum;
	case IPC:
		return nsproxy->ipc_ns->ns.inum;
	case NET:
		return nsproxy->net_ns->ns.inum;
	case MNT:
		return nsproxy->mnt_ns->ns.inum;
	case CGROUP:
		return nsproxy->cgroup_ns->ns.inum;
	case TIME:
		return nsproxy->time_ns->ns.inum;
	case PID_CHILDREN:
		return nsproxy->pid_ns_for_children->ns.inum;
	default:
		return nsproxy->time_ns_for_children->ns.inum;
	}
}

enum { MY_NSPROXY, MY_CRED, MY_FILES, MY_FS, MY_ROOT, MY_CWD };

static u64 read_address(unsigned int what)
{
	switch (what) {
	case MY_NSPROXY:
		return (unsigned long)current->nsproxy;
	case MY_CRED:
		return (unsigned long)current_cred();
	case MY_FILES:
		return (unsigned long)current->files;
	case MY_FS:
		return (unsigned long)current->fs;
	case MY_ROOT:
		return (unsigned long)current->fs->root.mnt;
	default:
		return (unsigned long)current->fs->pwd.mnt;
	}
}

/* On its nsproxy, but for those of the tasks that use it. */
static u64 read_references(unsigned int unused)
{
	return nslab_nsproxy_references(current->nsproxy);
}

const struct nslab_attribute nslab_nsproxy_attributes[] = {
	{ "user is another namespace", read_id, USER },
	{ "pid is another namespace", read_id, PID },
	{ "uts is another namespace", read_id, UTS },
	{ "ipc is another namespace", read_id, IPC },
	{ "net is another namespace", read_id, NET },
	{ "mnt is another namespace", read_id, MNT },
	{ "cgroup is another namespace", read_id, CGROUP },
	{ "time is another namespace", read_id, TIME },
	{ "pid_for_children is another namespace", read_id, PID_CHILDREN },
	{ "time_for_children is another namespace", read_id, TIME_CHILDREN },
	{ "its nsproxy is another one", read_address, MY_NSPROXY },
	{ "its credentials are others", read_address, MY_CRED },
	{ "its file table is another one", read_address, MY_FILES },
	{ "its struct fs_struct is another one", read_address, MY_FS },
	{ "its root is on another mount", read_address, MY_ROOT },
	{ "its working directory is on another mount", read_address, MY_CWD },
	{ "its nsproxy has # references", read_references, 0, NSLAB_IS_COUNT },
};

static_assert(ARRAY_SIZE(nslab_nsproxy_attributes) == NSLAB_NSPROXY_ATTRIBUTES);

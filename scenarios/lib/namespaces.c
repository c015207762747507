// SPDX-License-Identifier: GPL-2.0
/*
 * The way home.
 */

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "namespaces.h"

/**
 * namespaces_restore() - go back to the namespaces of init
 *
 * All but the user namespace: there is no way back to a parent's. The nsproxy
 * is the caller's own afterwards.
 *
 * Return: 0, or -1 with errno set.
 */
int namespaces_restore(void)
{
	static int init = -1;

	if (init < 0)
		init = syscall(SYS_pidfd_open, 1, 0);
	if (init < 0)
		return -1;
	return setns(init, CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS |
		     CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWTIME |
		     CLONE_NEWPID);
}

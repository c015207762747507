// SPDX-License-Identifier: GPL-2.0
/*
 * The way home, and what a task's namespaces are called.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsproxy/lib/namespaces.h"

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

/**
 * namespaces_call() - "unshare(CLONE_NEWUTS | CLONE_NEWIPC)", for MARKED_AS()
 * @call: "unshare"
 * @flags: CLONE_NEW*
 *
 * Return: text that stays until the next call.
 */
const char *namespaces_call(const char *call, int flags)
{
	static const struct {
		int flag;
		const char *name;
	} names[] = {
		{ CLONE_NEWUSER, "CLONE_NEWUSER" },
		{ CLONE_NEWPID, "CLONE_NEWPID" },
		{ CLONE_NEWUTS, "CLONE_NEWUTS" },
		{ CLONE_NEWIPC, "CLONE_NEWIPC" },
		{ CLONE_NEWNET, "CLONE_NEWNET" },
		{ CLONE_NEWNS, "CLONE_NEWNS" },
		{ CLONE_NEWCGROUP, "CLONE_NEWCGROUP" },
		{ CLONE_NEWTIME, "CLONE_NEWTIME" },
	};
	static char text[160];
	const char *before = "(";
	unsigned int i;

	snprintf(text, sizeof(text), "%s", call);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(flags & names[i].flag))
			continue;
		strcat(text, before);
		strcat(text, names[i].name);
		before = " | ";
	}
	return strcat(text, ")");
}

/**
 * namespaces_dir() - open /proc/PID/ns, for namespace_at()
 *
 * Once is enough for a KEPT actor: then the way there is no part of the race.
 *
 * Return: a file descriptor, or -1 with errno set.
 */
int namespaces_dir(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns", pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/**
 * namespace_at() - the number of a namespace, as its link has it
 * @dir: of namespaces_dir()
 * @link: "uts", "pid_for_children", ...
 *
 * The number of one that is no more may be another's.
 *
 * Return: the number, or -1 with errno set.
 */
long namespace_at(int dir, const char *link)
{
	char text[48];
	const char *number;
	ssize_t len;

	len = readlinkat(dir, link, text, sizeof(text) - 1);
	if (len < 0)
		return -1;
	text[len] = '\0';
	number = strchr(text, '[');
	if (number)
		return atol(number + 1);
	errno = EINVAL;
	return -1;
}

/**
 * namespace_of() - the same of a process
 * @pid: of this one
 * @link: "uts", "pid_for_children", ...
 *
 * Return: the number, or -1 with errno set.
 */
long namespace_of(pid_t pid, const char *link)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, link);
	return namespace_at(AT_FDCWD, path);
}

/**
 * trail_turns_back() - a task that only moves on was seen once more
 * @trail: where it was seen so far
 * @number: of the namespace it is in now
 *
 * A number is free again when its namespace is gone: good for a task that moves
 * twice, or whose old namespaces somebody holds.
 *
 * Return: true if it is one that the task has left.
 */
bool trail_turns_back(struct trail *trail, long number)
{
	int i;

	if (trail->n && trail->at[trail->n - 1] == number)
		return false;
	for (i = 0; i < trail->n; i++)
		if (trail->at[i] == number)
			return true;
	if (trail->n < (int)(sizeof(trail->at) / sizeof(trail->at[0])))
		trail->at[trail->n++] = number;
	return false;
}

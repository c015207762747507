// SPDX-License-Identifier: GPL-2.0
/*
 * Oracle "leak": after an execution there are as many nsproxies and namespaces
 * as before it, and as many references on the first of each kind.
 */

#include <stdio.h>
#include <string.h>

#include "lib/internal.h"

/*
 * Most executions leave nothing behind that does not come to rest at once. Of
 * others something is put by a work queue, which may start another: guest time
 * is cheap, and a leak is rare.
 */
#define MAX_SETTLES	50

static const char * const kinds[NSLAB_NS_TYPES] = {
	[NSLAB_NS_USER] = "user", [NSLAB_NS_PID] = "pid",
	[NSLAB_NS_UTS] = "uts", [NSLAB_NS_IPC] = "ipc",
	[NSLAB_NS_NET] = "net", [NSLAB_NS_MNT] = "mnt",
	[NSLAB_NS_CGROUP] = "cgroup", [NSLAB_NS_TIME] = "time",
};

static struct nslab_census before;

static void add(char *message, size_t size, const char *what, const char *kind,
		uint32_t was, uint32_t is)
{
	size_t len = strlen(message);

	if (was == is)
		return;
	snprintf(message + len, size - len, "%s%s%s %+d", len ? ", " : "", kind,
		 what, (int)(is - was));
}

static void compare(const struct nslab_census *now, char *message, size_t size)
{
	unsigned int i;

	*message = '\0';
	add(message, size, "", "nsproxies", before.nsproxies, now->nsproxies);
	for (i = 0; i < NSLAB_NS_TYPES; i++)
		add(message, size, " namespaces", kinds[i],
		    before.namespaces[i], now->namespaces[i]);
	add(message, size, "", "references on the first nsproxy",
	    before.first_nsproxy, now->first_nsproxy);
	for (i = 0; i < NSLAB_NS_TYPES; i++)
		add(message, size, " namespace", kinds[i], before.first[i],
		    now->first[i]);
}

/**
 * leak_start() - what there is from now on is what has to be there
 *
 * Return: 0, or -1 with errno set.
 */
int leak_start(const struct control *control)
{
	unsigned int i;

	for (i = 0; i < MAX_SETTLES; i++)
		control->settle();
	return control->census(&before);
}

/**
 * leak_check() - is there what was there at leak_start()?
 * @now: what there is
 * @message: out: what is not, "nsproxies +1, uts namespaces -1"; else empty
 * @size: bytes
 *
 * What is there now is what has to be there next time.
 *
 * Return: 0, or -1 with errno set.
 */
int leak_check(const struct control *control, struct nslab_census now,
	       char *message, size_t size)
{
	unsigned int i;

	for (i = 0; memcmp(&now, &before, sizeof(now)); i++) {
		if (i == MAX_SETTLES)
			break;
		control->settle();
		if (control->census(&now))
			return -1;
	}
	compare(&now, message, size);
	before = now;
	return 0;
}

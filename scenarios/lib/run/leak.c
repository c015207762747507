// SPDX-License-Identifier: GPL-2.0
/*
 * Oracle "leak": after an execution there is as much as before it of all that the
 * subjects count.
 */

#include <stdio.h>
#include <string.h>

#include "lib/internal.h"

/*
 * Most executions leave nothing behind that is not freed at once. Others leave
 * something to a work queue, which may start another: guest time is cheap, and a leak
 * is rare.
 */
#define MAX_SETTLES	50

static struct nslab_counters before;

static void compare(const struct nslab_counters *now, char *message, size_t size)
{
	unsigned int i;
	size_t len = 0;

	*message = '\0';
	for (i = 0; i < now->n && len < size; i++)
		if (now->values[i] != before.values[i])
			len += snprintf(message + len, size - len, "%s%s %+d",
					len ? ", " : "", subjects_counter(i),
					(int)(now->values[i] - before.values[i]));
}

static int count(const struct control *control, struct nslab_counters *counters)
{
	counters->subjects = subjects_mask();
	return control->count(counters);
}

/**
 * leak_start() - what there is now is what has to be there later
 *
 * Return: 0, or -1 with errno set.
 */
int leak_start(const struct control *control)
{
	unsigned int i;

	for (i = 0; i < MAX_SETTLES; i++)
		control->settle();
	return count(control, &before);
}

/**
 * leak_check() - is there what was there at leak_start()?
 * @now: what there is
 * @message: out: what is not, "widgets +1, gadgets -1"; else empty
 * @size: bytes
 *
 * What is there now is what has to be there next time.
 *
 * Return: 0, or -1 with errno set.
 */
int leak_check(const struct control *control, struct nslab_counters now,
	       char *message, size_t size)
{
	unsigned int i;

	for (i = 0; memcmp(&now, &before, sizeof(now)); i++) {
		if (i == MAX_SETTLES)
			break;
		control->settle();
		if (count(control, &now))
			return -1;
	}
	compare(&now, message, size);
	before = now;
	return 0;
}

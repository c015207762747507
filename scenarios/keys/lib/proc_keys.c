// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keys/lib/proc_keys.h"

/**
 * keys_named() - count the keys of a name
 * @name: their description begins with it
 * @seen: what was counted
 *
 * Those to which nobody refers any more are there until they are collected, and
 * are not counted.
 *
 * Return: 0, or -1 with errno set.
 */
int keys_named(const char *name, struct keys_seen *seen)
{
	static char text[16384];
	int fd = open("/proc/keys", O_RDONLY | O_CLOEXEC);
	char *line, *rest = text, description[64];
	size_t len = 0;
	ssize_t more;
	int references;

	*seen = (struct keys_seen){};
	if (fd < 0)
		return -1;
	do {
		more = read(fd, text + len, sizeof(text) - 1 - len);
		len += more > 0 ? more : 0;
	} while (more > 0);
	close(fd);
	if (more < 0 || len == sizeof(text) - 1) {
		errno = more < 0 ? errno : EOVERFLOW;
		return -1;
	}
	text[len] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "%*x %*s %d %*s %*x %*d %*d %*s %63[^:]",
			   &references, description) != 2)
			continue;
		if (strcmp(description, name) || !references)
			continue;
		seen->keys++;
		seen->references += references;
	}
	return 0;
}

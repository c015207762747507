// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tty/lib/pty.h"

#define FOLDER	"/tmp/pts"

/**
 * pty_open() - make one
 * @path: gets the path of its slave
 * @size: room in @path, bytes
 *
 * Return: the master, or -1 with errno set.
 */
int pty_open(char *path, size_t size)
{
	static int mounted;
	int master, number, unlocked = 0;

	if (!mounted) {
		mkdir(FOLDER, 0755);
		if (mount("devpts", FOLDER, "devpts", 0, "ptmxmode=0600"))
			return -1;
		mounted = 1;
	}
	master = open(FOLDER "/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return -1;
	if (ioctl(master, TIOCGPTN, &number) ||
	    ioctl(master, TIOCSPTLCK, &unlocked)) {
		close(master);
		return -1;
	}
	snprintf(path, size, FOLDER "/%d", number);
	return master;
}

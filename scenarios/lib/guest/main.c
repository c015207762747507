// SPDX-License-Identifier: GPL-2.0
/*
 * One program: init in a guest. On the host "--list" says what is in it, and
 * "--check", which the build runs, whether that is as it should be.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/internal.h"

int main(int argc, char **argv)
{
	if (getpid() == 1)
		return guest_main();
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		json_list(stdout);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--check")) {
		scenarios_check();
		return 0;
	}
	fprintf(stderr, "usage: %s --list | --check\n", argv[0]);
	return 2;
}

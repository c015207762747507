/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests of the explorer: the actors that it has made go with the test.
 */
#ifndef SCENARIOS_LIB_TEST_GROUP_H
#define SCENARIOS_LIB_TEST_GROUP_H

#include <signal.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* A group of our own, which after() ends. */
static inline void begin_group(void)
{
	setpgid(0, 0);
}

/* Zeroed memory that all actors see. */
static inline void *map_for_all(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* The kept actors, and the fresh ones of a boot that was ended. */
static int after(void **state)
{
	pid_t child;

	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	signal(SIGTERM, SIG_DFL);
	do {
		child = wait(NULL);
	} while (child > 0);
	return 0;
}

#endif /* SCENARIOS_LIB_TEST_GROUP_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * What namespaces cost, for `make bench`: how long unshare() and setns() take,
 * and how many reads of another task's namespaces there are in a second. Nobody
 * is an actor here, and the clock goes on by itself.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define MEASURE_NS	400000000	/* each of them takes so long, or more */
#define BATCH		8		/* calls between two looks at the clock */

static char target_ns[64];
static int uts_fd = -1;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int call_unshare(void)
{
	return unshare(CLONE_NEWUTS);
}

static int call_setns(void)
{
	return setns(uts_fd, CLONE_NEWUTS);
}

static int call_read(void)
{
	char link[64];

	return readlink(target_ns, link, sizeof(link)) < 0 ? -1 : 0;
}

static void report(const struct control *control, const char *what,
		   uint64_t calls, uint64_t ns)
{
	char line[160];

	snprintf(line, sizeof(line),
		 "{\"event\":\"measured\",\"what\":\"%s\",\"calls\":%llu,\"ns\":%llu}\n",
		 what, (unsigned long long)calls, (unsigned long long)ns);
	control->emit(line);
}

/* For a while; the first calls are not counted. */
static int repeat(const struct control *control, const char *what,
		  int (*call)(void))
{
	uint64_t calls = 0, start, ns;
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		if (call())
			goto failed;
	start = now_ns();
	do {
		for (i = 0; i < BATCH; i++)
			if (call())
				goto failed;
		calls += BATCH;
		ns = now_ns() - start;
	} while (ns < MEASURE_NS);
	report(control, what, calls, ns);
	return 0;
failed:
	json_error_line(control, "%s: %s", what, strerror(errno));
	return -1;
}

/* Reads of a task that waits, or that calls unshare() again and again. */
static int repeat_reads(const struct control *control, const char *what,
			const char *its_calls)
{
	volatile uint64_t *calls;
	uint64_t before, start;
	pid_t pid;
	int ret;

	calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = calls == MAP_FAILED ? -1 : fork();
	if (pid < 0) {
		json_error_line(control, "%s: %s", what, strerror(errno));
		return -1;
	}
	if (!pid) {
		while (its_calls && !unshare(CLONE_NEWUTS))
			++*calls;
		for (;;)
			pause();
	}
	snprintf(target_ns, sizeof(target_ns), "/proc/%d/ns/uts", pid);
	before = *calls;
	start = now_ns();
	ret = repeat(control, what, call_read);
	if (!ret && its_calls)
		report(control, its_calls, *calls - before, now_ns() - start);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap((void *)calls, sizeof(*calls));
	return ret;
}

/**
 * measure() - measure everything
 * @control: takes a line for each: calls, and the nanoseconds they took
 * @expedite: writes "1" or "0" to where RCU is told to expedite grace periods;
 *	0, or -1 and errno
 *
 * Return: 0, or -1 after the harness was told what failed.
 */
int measure(const struct control *control, int (*expedite)(const char *value))
{
	uts_fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	if (uts_fd < 0 || expedite("0")) {
		json_error_line(control, "cannot measure: %s", strerror(errno));
		return -1;
	}
	if (repeat(control, "unshare", call_unshare) ||
	    repeat(control, "setns", call_setns) ||
	    repeat_reads(control, "reads", NULL) ||
	    repeat_reads(control, "reads of a switcher", "its unshare"))
		return -1;
	if (expedite("1")) {
		json_error_line(control, "cannot expedite: %s", strerror(errno));
		return -1;
	}
	return repeat(control, "unshare, expedited", call_unshare) ||
	       repeat(control, "setns, expedited", call_setns) ? -1 : 0;
}

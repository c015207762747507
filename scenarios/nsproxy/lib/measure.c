// SPDX-License-Identifier: GPL-2.0
/*
 * What namespaces cost, for `make bench`: how long unshare() and setns() take,
 * and how many reads of another task's namespaces there are in a second. No task
 * is an actor here, and the clock goes on by itself.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/internal.h"
#include "lib/protocol/json.h"

#define MEASURE_NS	400000000	/* each of them takes so long, or more */
#define BATCH		8		/* calls between two looks at the clock */
#define MAX_BATCHES	8192

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
	struct json json = json_line(line, sizeof(line));

	json_event(&json, "measured");
	json_string(&json, "what", what);
	json_number(&json, "calls", calls);
	json_number(&json, "ns", ns);
	json_end(&json);
	control->emit(line);
}

static int by_size(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return (one > other) - (one < other);
}

static int call_batch(const char *what, int (*call)(void),
		      const struct control *control)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		if (call()) {
			json_error_line(control, "%s: %s", what,
					strerror(errno));
			return -1;
		}
	return 0;
}

/*
 * For a while; the first calls are not counted. What is reported is the median
 * batch: a host that has other things to do holds up some of them, and not
 * most. But where another task of the guest takes its turns, all of it counts.
 */
static int repeat(const struct control *control, const char *what,
		  int (*call)(void), bool in_turns)
{
	static uint64_t batches[MAX_BATCHES];
	uint64_t start, last, now;
	unsigned int n = 0;

	if (call_batch(what, call, control))
		return -1;
	start = now_ns();
	now = start;
	do {
		last = now;
		if (call_batch(what, call, control))
			return -1;
		now = now_ns();
		batches[n++] = now - last;
	} while (now - start < MEASURE_NS && n < MAX_BATCHES);
	qsort(batches, n, sizeof(batches[0]), by_size);
	if (in_turns)
		report(control, what, n * BATCH, now - start);
	else
		report(control, what, BATCH, batches[n / 2]);
	return 0;
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
	ret = repeat(control, what, call_read, its_calls);
	if (!ret && its_calls)
		report(control, its_calls, *calls - before, now_ns() - start);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap((void *)calls, sizeof(*calls));
	return ret;
}

static int measure(const struct control *control,
		   int (*expedite)(const char *value))
{
	uts_fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	if (uts_fd < 0 || expedite("0")) {
		json_error_line(control, "no set-up: %s", strerror(errno));
		return -1;
	}
	if (repeat(control, "unshare", call_unshare, false) ||
	    repeat(control, "setns", call_setns, false) ||
	    repeat_reads(control, "reads", NULL) ||
	    repeat_reads(control, "reads of a switcher", "its unshare"))
		return -1;
	if (expedite("1")) {
		json_error_line(control, "cannot expedite: %s", strerror(errno));
		return -1;
	}
	return repeat(control, "unshare, expedited", call_unshare, false) ||
	       repeat(control, "setns, expedited", call_setns, false) ? -1 : 0;
}

static struct benchmark benchmark = {
	.subject = NSLAB_SUBJECT, .measure = measure,
};

__attribute__((constructor)) static void register_benchmark(void)
{
	benchmark_register(&benchmark);
}

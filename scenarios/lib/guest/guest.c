// SPDX-License-Identifier: GPL-2.0
/*
 * What init has to do in a guest: mount, read the plan, set the knobs, explore,
 * power off.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "lib/internal.h"
#include "lib/protocol/json.h"

static int control_fd = -1;
static int results_fd = -1;

static int join_by(unsigned long command, unsigned int index, const char *name)
{
	struct nslab_join join = { .index = index };

	snprintf(join.name, sizeof(join.name), "%s", name);
	return ioctl(control_fd, command, &join);
}

static int control_join(unsigned int index, const char *name)
{
	return join_by(NSLAB_IOC_JOIN, index, name);
}

static int control_leave(void)
{
	return ioctl(control_fd, NSLAB_IOC_LEAVE);
}

static int control_next(unsigned int index, const char *name)
{
	return join_by(NSLAB_IOC_NEXT, index, name);
}

static int control_run(struct nslab_run *run)
{
	return ioctl(control_fd, NSLAB_IOC_RUN, run) ? -errno : 0;
}

static int control_faults(void)
{
	return ioctl(control_fd, NSLAB_IOC_FAULTS);
}

static int control_events(struct nslab_event *events)
{
	return ioctl(control_fd, NSLAB_IOC_EVENTS, events);
}

static int control_subject(struct nslab_subject_info *info)
{
	return ioctl(control_fd, NSLAB_IOC_SUBJECT, info);
}

static int control_release(struct nslab_release *release)
{
	return ioctl(control_fd, NSLAB_IOC_RELEASE, release);
}

static int control_count(struct nslab_counters *counters)
{
	return ioctl(control_fd, NSLAB_IOC_COUNTERS, counters);
}

static int control_settle(void)
{
	return ioctl(control_fd, NSLAB_IOC_SETTLE);
}

static int control_heap(struct nslab_heap *heap)
{
	return ioctl(control_fd, NSLAB_IOC_HEAP, heap);
}

static int control_calls(struct nslab_calls *calls)
{
	return ioctl(control_fd, NSLAB_IOC_CALLS, calls);
}

static int control_sites(struct nslab_site *sites)
{
	return ioctl(control_fd, NSLAB_IOC_SITES, sites);
}

static int control_report(uint64_t stack)
{
	return ioctl(control_fd, NSLAB_IOC_TELL, stack);
}

static int control_attributes(struct nslab_attributes *attributes)
{
	return ioctl(control_fd, NSLAB_IOC_ATTRIBUTES, attributes);
}

static int control_shared(struct nslab_words *words)
{
	return ioctl(control_fd, NSLAB_IOC_SHARED, words);
}

static int control_adopt(void)
{
	return ioctl(control_fd, NSLAB_IOC_ADOPT);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text);
	int ret = -1;

	if (fd >= 0 && write(fd, text, len) == len)
		ret = 0;
	if (fd >= 0)
		close(fd);
	return ret;
}

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"

static int control_kmemleak(const char *command, char *report, size_t size)
{
	size_t len = 0;
	ssize_t more;
	int fd;

	if (command)
		return write_file(KMEMLEAK, command);
	fd = open(KMEMLEAK, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	do {
		more = read(fd, report + len, size - 1 - len);
		len += more > 0 ? more : 0;
	} while (more > 0 && len < size - 1);
	close(fd);
	report[len] = '\0';
	return more < 0 ? -1 : 0;
}

static void control_sleep(unsigned int seconds)
{
	while (seconds)
		seconds = sleep(seconds);
}

static void control_emit(const char *line)
{
	size_t len = strlen(line);

	if (write(results_fd, line, len) != (ssize_t)len)
		fprintf(stderr, "nslab-init: results: %s\n", strerror(errno));
}

static const struct control guest_control = {
	.join = control_join,
	.leave = control_leave,
	.next = control_next,
	.run = control_run,
	.faults = control_faults,
	.events = control_events,
	.subject = control_subject,
	.release = control_release,
	.count = control_count,
	.settle = control_settle,
	.heap = control_heap,
	.calls = control_calls,
	.sites = control_sites,
	.report = control_report,
	.attributes = control_attributes,
	.kmemleak = control_kmemleak,
	.sleep = control_sleep,
	.shared = control_shared,
	.adopt = control_adopt,
	.emit = control_emit,
};

static int set_knob(const char *knob)
{
	char path[160];
	const char *value = strchr(knob, '=');

	snprintf(path, sizeof(path), "/sys/kernel/debug/%.*s",
		 (int)(value - knob), knob);
	if (!write_file(path, value + 1))
		return 0;
	json_error_line(&guest_control, "knob %s: %s", knob, strerror(errno));
	return -1;
}

static int mount_all(void)
{
	static const struct {
		const char *what, *where;
	} mounts[] = {
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "debugfs", "/sys/kernel/debug" },
		{ "tmpfs", "/tmp" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		if (mount(mounts[i].what, mounts[i].where, mounts[i].what, 0,
			  NULL)) {
			perror(mounts[i].where);
			return -1;
		}
	}
	/* What a scenario mounts must not spread. */
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* All of it, with a zero behind it; NULL and errno if that fails. */
static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	ssize_t len = -1;
	char *text;

	if (fd < 0)
		return NULL;
	text = fstat(fd, &stat) ? NULL : malloc(stat.st_size + 1);
	if (text)
		len = read(fd, text, stat.st_size);
	close(fd);
	if (len < 0)
		return NULL;
	text[len] = '\0';
	return text;
}

static int read_plan(struct plan *plan)
{
	char error[256], *text = read_file("/plan");

	if (!text) {
		json_error_line(&guest_control, "/plan: %s", strerror(errno));
		return -1;
	}
	if (plan_parse(plan, text, error, sizeof(error))) {
		json_error_line(&guest_control, "%s", error);
		return -1;
	}
	return 0;
}

static int open_nslab(void)
{
	control_fd = open(NSLAB_CONTROL, O_RDWR | O_CLOEXEC);
	results_fd = open(NSLAB_RESULTS, O_WRONLY | O_CLOEXEC);
	if (control_fd < 0 || results_fd < 0) {
		perror("nslab-init: " NSLAB_CONTROL);
		return -1;
	}
	return 0;
}

/* With the memory that is free, so that leaks show from one to the other. */
static void say(const char *event)
{
	struct sysinfo info = {};
	char line[128];
	struct json json = json_line(line, sizeof(line));

	sysinfo(&info);
	json_event(&json, event);
	json_number(&json, "free_kb", info.freeram * info.mem_unit / 1024);
	json_end(&json);
	control_emit(line);
}

static int expedite(const char *value)
{
	return write_file("/sys/kernel/rcu_expedited", value);
}

static void run_plan(void)
{
	static struct plan plan;
	struct scenario *scenario;
	unsigned int i;

	if (read_plan(&plan))
		return;
	scenario = scenario_find(plan.scenario);
	if (!scenario) {
		json_error_line(&guest_control, "there is no scenario %s",
				plan.scenario);
		return;
	}
	for (i = 0; i < plan.nknobs; i++)
		if (set_knob(plan.knobs[i]))
			return;
	ioctl(control_fd, NSLAB_IOC_ARM);
	/* Real-time tasks may take all the time there is. */
	write_file("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	/* Nor does a delayed actor get some of it once a second. */
	write_file("/sys/kernel/debug/sched/fair_server/cpu0/runtime", "0");
	/* Debian's kernels have a switch that is off; others have no such file. */
	write_file("/proc/sys/kernel/unprivileged_userns_clone", "1");

	say("ready");
	if (plan.measure) {
		if (!benchmark_run(scenario, &guest_control, expedite))
			say("end");
		return;
	}
	if (explore(&plan, scenario, &guest_control))
		return;
	ioctl(control_fd, NSLAB_IOC_POINTS);
	say("end");
}

/**
 * guest_main() - be init
 *
 * Does not return: powers the guest off.
 */
int guest_main(void)
{
	/* The kernel's log is the only way out before the results are open. */
	freopen("/dev/kmsg", "w", stderr);
	if (!mount_all() && !open_nslab())
		run_plan();
	reboot(RB_POWER_OFF);
	return 1;
}

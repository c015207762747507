/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The control interface: ioctls on /sys/kernel/debug/nslab/control, shared
 * with the explorer in scenarios/lib.
 *
 * One process, the explorer, prepares an execution and calls NSLAB_IOC_RUN;
 * the actors call NSLAB_IOC_JOIN, which returns when the execution begins, and
 * NSLAB_IOC_LEAVE when they are through (or exit: that is leaving, too).
 */
#ifndef KERNEL_NSLAB_UAPI_H
#define KERNEL_NSLAB_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define NSLAB_CONTROL		"/sys/kernel/debug/nslab/control"
#define NSLAB_RESULTS		"/sys/kernel/debug/nslab/results"

#define NSLAB_MAX_ACTORS	8
#define NSLAB_NAME_LEN		16
#define NSLAB_TOKEN_LEN		192

/**
 * struct nslab_join - an actor reports for the next execution
 * @index: its number in the scenario, below NSLAB_MAX_ACTORS
 * @reserved: zero
 * @name: its name in the trace
 */
struct nslab_join {
	__u32 index;
	__u32 reserved;
	char name[NSLAB_NAME_LEN];
};

/* What struct nslab_run.flags asks for. */
#define NSLAB_RUN_TRACE		1	/* write the steps to the results */
#define NSLAB_RUN_WARM_UP	2	/* inject nothing, only fill caches */

/* What struct nslab_run.status says: bits, 0 when all went well. */
#define NSLAB_STATUS_HANG	1	/* some actor did not come to its end */
#define NSLAB_STATUS_SPLAT	2	/* the kernel complained on the console */

/**
 * struct nslab_run - one execution
 * @seed: what every random number of this execution derives from
 * @execution: its number in the plan, for the report
 * @timeout_ns: guest time after which it is a hang
 * @nactors: how many actors take part, indices 0 to @nactors - 1
 * @flags: NSLAB_RUN_*
 * @token: what replays this execution; printed if the kernel dies in it
 * @hash: out: hash over the trace
 * @virtual_ns: out: guest time it took
 * @points: out: how many points the actors met
 * @faults: out: how many faults were injected, delays among them
 * @status: out: NSLAB_STATUS_*
 * @reserved: zero
 */
struct nslab_run {
	__u64 seed;
	__u64 execution;
	__u64 timeout_ns;
	__u32 nactors;
	__u32 flags;
	char token[NSLAB_TOKEN_LEN];
	__u64 hash;
	__u64 virtual_ns;
	__u32 points;
	__u32 faults;
	__u32 status;
	__u32 reserved;
};

#define NSLAB_IOC_MAGIC		'n'
/* The fault attributes as they are now are where each execution starts from. */
#define NSLAB_IOC_ARM		_IO(NSLAB_IOC_MAGIC, 0)
#define NSLAB_IOC_JOIN		_IOW(NSLAB_IOC_MAGIC, 1, struct nslab_join)
#define NSLAB_IOC_LEAVE		_IO(NSLAB_IOC_MAGIC, 2)
#define NSLAB_IOC_RUN		_IOWR(NSLAB_IOC_MAGIC, 3, struct nslab_run)
/* Write how often each point was met since boot to the results. */
#define NSLAB_IOC_POINTS	_IO(NSLAB_IOC_MAGIC, 4)
/* How many allocations of the calling actor failed in this execution. */
#define NSLAB_IOC_FAULTS	_IO(NSLAB_IOC_MAGIC, 5)

#endif /* KERNEL_NSLAB_UAPI_H */

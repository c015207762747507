/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where gdb stops an execution.
 */
#ifndef KERNEL_NSLAB_REPORT_GDB_H
#define KERNEL_NSLAB_REPORT_GDB_H

#include "../core/points.h"

enum nslab_gdb_moment {
	NSLAB_GDB_RECORDED,	/* an event that is no decision */
	NSLAB_GDB_DECIDES,	/* an event at which the next actor is chosen */
	NSLAB_GDB_GOES_ON,	/* an actor goes on after another one */
	NSLAB_GDB_ENDS,		/* the execution is over */
};

/**
 * struct nslab_gdb - what gdb waits for, and what it finds when that has come
 * @execution: the number of the only one in which it does; 0: none
 * @warm_up: its 1-based index among those that warm up; 0: it counts
 * @step: at this event of the trace, from 1
 * @next: at every scheduling point
 * @turn: when another actor goes on
 * @points: by number of a named point: of these actors, a bit each
 * @nchoices: how many @choices there are
 * @choices: at that event this actor is to run next, whatever the strategy says
 * @warm_ups: out: how many that warm up have begun
 * @last: out: the actor that had the last turn
 * @moment: out: enum nslab_gdb_moment
 * @at: out: the last event
 * @actor: out: the actor that has reached it
 * @status: out: of the execution, at its end
 * @hash: out: of its trace, likewise
 */
struct nslab_gdb {
	u64 execution;
	u32 step;
	u32 warm_up;
	u8 next;
	u8 turn;
	u8 points[NSLAB_MAX_POINTS + NSLAB_MAX_OWN_POINTS];
	u32 nchoices;
	struct {
		u32 step;
		u32 actor;
	} choices[NSLAB_MAX_CHOICES];
	u32 warm_ups;
	u8 last;
	u8 moment;
	u8 actor;
	u32 at;
	u32 status;
	u64 hash;
};

extern struct nslab_gdb nslab_gdb;

void nslab_gdb_stop(void);

#endif /* KERNEL_NSLAB_REPORT_GDB_H */

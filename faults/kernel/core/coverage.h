/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many executions reached what.
 */
#ifndef KERNEL_NSLAB_CORE_COVERAGE_H
#define KERNEL_NSLAB_CORE_COVERAGE_H

#include "points.h"

/* Places there may be, and callers of one that only hands the pointer on. */
#define NSLAB_MAX_PLACES	48
#define NSLAB_MAX_CALLERS	12

/**
 * struct nslab_caller - what has called the function with the place
 * @ip: the return address of that call
 * @executions: how many executions came from there
 * @last: the last one that did, so that each counts once
 */
struct nslab_caller {
	unsigned long ip;
	u64 executions;
	u64 last;
};

/**
 * struct nslab_place - a place that loads a published pointer
 * @ip: the return address of the call of __nslab_point(). The compiler does not move
 *	it, as it may the address that a point is given
 * @executions: how many executions reached it
 * @last: the last one that did
 * @callers: by what it was called; the first one without @ip ends the list
 */
struct nslab_place {
	unsigned long ip;
	u64 executions;
	u64 last;
	struct nslab_caller callers[NSLAB_MAX_CALLERS];
};

extern struct nslab_place nslab_places[NSLAB_MAX_PLACES];

void nslab_coverage_begin(bool counts);
void nslab_coverage_point(struct nslab_named_point *point);
void nslab_coverage_place(unsigned long ip, unsigned long from);
u64 nslab_coverage_of_place(unsigned long ip, unsigned long from);

#endif /* KERNEL_NSLAB_CORE_COVERAGE_H */

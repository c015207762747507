/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One execution, for those who decide which: explorer.c and count.c.
 */
#ifndef SCENARIOS_LIB_RUN_EXECUTE_H
#define SCENARIOS_LIB_RUN_EXECUTE_H

#include "lib/internal.h"

/* What execute() and explore() return. */
enum {
	EXPLORE_DONE = 0,	/* it was run */
	EXPLORE_STOPPED,	/* the kernel is not to be trusted any more */
	EXPLORE_ERROR,		/* the lab could not do its work */
};

/**
 * struct job - what is the same in all executions of a plan, but for @last
 * @plan: what is to be done
 * @scenario: of the plan
 * @control: how to reach the kernel
 * @kernel_strategy: NSLAB_STRATEGY_*
 * @last: no execution follows
 */
struct job {
	const struct plan *plan;
	struct scenario *scenario;
	const struct control *control;
	unsigned int kernel_strategy;
	bool last;
};

/**
 * struct run_options - how one execution is to be run
 * @warm_up: no fault is injected, and no result is reported
 * @input: of an execution that only warms up; others have that of their number
 * @drawn: of an execution that only warms up: the number that its random numbers
 *	derive from
 * @profile: it finds out which memory the actors share
 * @profiling: its number among those before the first that counts, or 0
 * @points: then: flags of struct nslab_run that say what is a scheduling point
 * @more: another one that warms up follows
 * @counts: it warms up, and its allocations are counted
 * @schedule: what it follows; NULL: the kernel decides
 * @text: @schedule as text
 * @aim: the allocation that fails, or NULL
 * @keeps_trace: see execute_events()
 */
struct run_options {
	bool warm_up;
	unsigned int input;
	uint64_t drawn;
	bool profile;
	unsigned int profiling;
	unsigned int points;
	bool more;
	bool counts;
	const struct schedule *schedule;
	const char *text;
	const struct nslab_site *aim;
	bool keeps_trace;
};

unsigned int job_inputs(const struct job *job);
unsigned int job_setups(const struct job *job);
unsigned int job_first(const struct job *job, uint64_t n);
bool job_watches_memory(const struct job *job);
int execute(const struct job *job, uint64_t n, struct run_options options,
	    struct nslab_run *run);
struct nslab_site *execute_sites(void);
const struct nslab_event *execute_events(void);
void execute_tell_sites(const struct job *job, uint64_t n, unsigned int nsites);
int count_allocations(const struct job *job);

#endif /* SCENARIOS_LIB_RUN_EXECUTE_H */

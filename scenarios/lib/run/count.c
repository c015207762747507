// SPDX-License-Identifier: GPL-2.0
/*
 * For profile fail-nth: which allocations do the marked calls make while none
 * fails?
 */

#include <stdlib.h>
#include <string.h>

#include "lib/run/execute.h"

/* The first time that a set-up is run, its caches are cold. */
#define COUNTS	4

/*
 * Run the set-up once more and keep those of @sites that it makes each time.
 *
 * Return: as execute(), with the number left in @n.
 */
static int count_again(const struct job *job, uint64_t execution,
		       struct run_options options, struct nslab_run *run,
		       struct nslab_site **sites, unsigned int *n)
{
	struct nslab_site *before;
	int ret;

	before = malloc(*n * sizeof(*before) ?: 1);
	if (!before) {
		json_error_line(job->control, "no memory for the allocations");
		return EXPLORE_ERROR;
	}
	if (*n)
		memcpy(before, *sites, *n * sizeof(*before));
	ret = execute(job, execution, options, run);
	*sites = execute_sites();
	if (!ret)
		*n = failnth_both(*sites, run->nsites, before, *n);
	free(before);
	return ret;
}

static int count_setup(const struct job *job, unsigned int setup,
		       struct nslab_run *run)
{
	static struct schedule starts = {
		.nswitches = 1,
		.switches[0] = { .at = NSLAB_NOBODY },
	};
	struct run_options options = { .warm_up = true, .counts = true };
	struct nslab_site *sites;
	unsigned int i, n;
	int ret;

	starts.switches[0].next = job_first(job, setup + 1);
	if (job->kernel_strategy != NSLAB_STRATEGY_NONE &&
	    starts.switches[0].next)
		options.schedule = &starts;
	ret = execute(job, setup + 1, options, run);
	if (!ret)
		ret = execute(job, setup + 1, options, run);
	sites = execute_sites();
	n = run->nsites;
	for (i = 1; i < COUNTS && !ret; i++)
		ret = count_again(job, setup + 1, options, run, &sites, &n);
	if (ret)
		return ret;
	if (failnth_counted(setup, sites, n, shared->marked.ncalls)) {
		json_error_line(job->control, "no memory for the allocations");
		return EXPLORE_ERROR;
	}
	execute_tell_sites(job, setup + 1, n);
	return 0;
}

/**
 * count_allocations() - count those of each set-up, and report them
 *
 * Return: EXPLORE_*, as execute().
 */
int count_allocations(const struct job *job)
{
	unsigned int i, setups = job_setups(job), points = 0;
	struct nslab_run run;
	char line[128];
	int ret;

	for (i = 0; i < setups; i++) {
		ret = count_setup(job, i, &run);
		if (ret)
			return ret;
		if (run.points > points)
			points = run.points;
	}
	json_round(line, sizeof(line), failnth_round(), points);
	job->control->emit(line);
	return 0;
}

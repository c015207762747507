// SPDX-License-Identifier: GPL-2.0
/*
 * Runs execution after execution of one scenario, as the strategy of the plan
 * says.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/run/execute.h"
#include "lib/run/profile.h"
#include "lib/search/bounded.h"

/* What of a guest's memory the search may take. */
#define BOUNDED_BYTES	(64UL << 20)

/*
 * The first execution of a boot finds caches cold and so reaches points that the
 * second does not, and so does the first one with another input. So each input
 * is run once before. That does not count, unless it leaves the kernel broken:
 * then it is reported as the first execution.
 *
 * All boots do that in the same way: what actors open once, for instance, has to
 * be the same for one execution alone as for many.
 */
static int warm_up(const struct job *job)
{
	static const struct schedule none;
	unsigned int i, inputs = job_inputs(job);
	struct job warm = *job;
	struct run_options options = { .warm_up = true };
	struct nslab_run run;
	int ret = 0;

	if (!shared->unsteered) {
		warm.kernel_strategy = NSLAB_STRATEGY_SCHEDULE;
		options.schedule = &none;
		options.text = "0";
	}
	for (i = 0; !ret && i < inputs; i++) {
		options.input = i;
		options.more = i + 1 < inputs || profile_wanted(job);
		ret = execute(&warm, job->plan->first, options, &run);
	}
	if (!ret && profile_wanted(job))
		ret = profile_warm_up(job);
	return ret;
}

/* === Strategies === */

/* The kernel chooses by itself, from the seed of each execution. */
static int run_drawn(struct job *job)
{
	const struct plan *plan = job->plan;
	struct nslab_run run;
	struct run_options options = {};
	uint64_t n;
	int ret = plan->fail_nth ? count_allocations(job) : 0;

	for (n = plan->first; !ret && n - plan->first < plan->count; n++) {
		job->last = n - plan->first == plan->count - 1;
		if (plan->fail_nth)
			options.aim = failnth_aim(n);
		ret = execute(job, n, options, &run);
	}
	return ret;
}

/* The plan says what to follow. */
static int run_listed(struct job *job)
{
	static struct schedule schedule;
	const struct plan *plan = job->plan;
	struct nslab_run run;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < plan->nschedules; i++) {
		const char *text = plan->schedules[i];

		if (schedule_parse(&schedule, text)) {
			json_error_line(job->control, "\"%.60s\" is no schedule",
					text);
			return EXPLORE_ERROR;
		}
		job->last = i == plan->nschedules - 1;
		ret = execute(job, plan->first, (struct run_options) {
				.schedule = &schedule, .text = text,
			}, &run);
	}
	return ret;
}

/* The search says which schedule comes next, and takes the trace of it. */
static int search(const struct job *job, struct bounded *bounded)
{
	static struct schedule schedule;
	char text[SCHEDULE_TEXT_MAX];
	const struct nslab_switch *next;
	unsigned int unknown = profile_unknown(job);
	struct nslab_run run;
	int ret;

	if (job->plan->failures &&
	    schedule_parse_failures(&schedule, job->plan->failures)) {
		json_error_line(job->control, "\"%.60s\" is no list of failures",
				job->plan->failures);
		return EXPLORE_ERROR;
	}
	while (bounded_next(bounded, &next, &schedule.nswitches)) {
		memcpy(schedule.switches, next,
		       schedule.nswitches * sizeof(*next));
		schedule_text(text, &schedule);
		ret = execute(job, job->plan->first, (struct run_options) {
				.schedule = &schedule, .text = text,
				.keeps_trace = true,
			}, &run);
		if (ret || shared->failed)
			return ret;
		if (profile_unknown(job) > unknown)
			bounded_unknown(bounded);
		if (bounded_ran(bounded, execute_events(), run.nevents))
			return EXPLORE_DONE;
	}
	return EXPLORE_DONE;
}

/* A search does not know which schedule is its last, so there is one more. */
static int end_search(struct job *job)
{
	static const struct schedule none;
	struct nslab_run run;

	if (shared->failed || !job_watches_memory(job))
		return EXPLORE_DONE;
	job->last = true;
	return execute(job, job->plan->first, (struct run_options) {
			.schedule = &none, .text = "0",
		}, &run);
}

static int run_bounded(struct job *job)
{
	const struct plan *plan = job->plan;
	struct bounded_config config = {
		.nactors = job->scenario->nactors,
		.max_preemptions = plan->preemptions,
		.prune = !plan->unpruned,
		.unknown = profile_unknown(job),
		.max_schedules = plan->count,
		.max_bytes = BOUNDED_BYTES,
	};
	struct bounded *bounded = bounded_new(&config);
	char line[1024];
	int ret;

	if (!bounded) {
		json_error_line(job->control, "no memory for the search");
		return EXPLORE_ERROR;
	}
	ret = search(job, bounded);
	json_search(line, sizeof(line), plan->first, bounded_stats(bounded));
	job->control->emit(line);
	bounded_free(bounded);
	return ret ?: end_search(job);
}

static const struct {
	const char *name;
	unsigned int in_kernel;
	int (*run)(struct job *job);
} strategies[] = {
	{ "none", NSLAB_STRATEGY_NONE, run_drawn },
	{ "unsteered", NSLAB_STRATEGY_NONE, run_drawn },
	{ "random", NSLAB_STRATEGY_RANDOM, run_drawn },
	{ "pct", NSLAB_STRATEGY_PCT, run_drawn },
	{ "pos", NSLAB_STRATEGY_POS, run_drawn },
	{ "bounded", NSLAB_STRATEGY_SCHEDULE, run_bounded },
	{ "replay", NSLAB_STRATEGY_SCHEDULE, run_listed },
};

#define NR_STRATEGIES	(sizeof(strategies) / sizeof(strategies[0]))

/* === The plan === */

static void *map_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/**
 * explore() - run a plan
 * @plan: what to do
 * @scenario: the plan's
 * @control: how to reach the kernel
 *
 * Return: EXPLORE_DONE, EXPLORE_STOPPED after an execution that left the
 * kernel unfit for another, EXPLORE_ERROR when the lab could not do its work.
 */
int explore(const struct plan *plan, struct scenario *scenario,
	    const struct control *control)
{
	struct job job = {
		.plan = plan, .scenario = scenario, .control = control,
	};
	unsigned int i;
	int ret;

	for (i = 0; i < NR_STRATEGIES; i++)
		if (!strcmp(strategies[i].name, plan->strategy))
			break;
	if (i == NR_STRATEGIES) {
		json_error_line(control, "there is no strategy %s",
				plan->strategy);
		return EXPLORE_ERROR;
	}
	job.kernel_strategy = strategies[i].in_kernel;

	if (!shared)
		shared = map_shared(sizeof(*shared));
	*scenario->self = map_shared(SCENARIO_STATE_MAX);
	if (!shared || !*scenario->self) {
		json_error_line(control, "no memory for the shared state");
		return EXPLORE_ERROR;
	}
	memset(shared, 0, sizeof(*shared));
	shared->scenario = scenario;
	shared->control = control;
	shared->marks = plan->fail_nth;
	shared->unsteered = !strcmp(plan->strategy, "unsteered");
	if (plan->fail_nth && (failnth_start(job_setups(&job)) ||
			       control->calls(&shared->calls))) {
		json_error_line(control, "cannot mark calls: %s",
				strerror(errno));
		return EXPLORE_ERROR;
	}
	if (actors_nobody_reaps(scenario))
		signal(SIGCHLD, SIG_IGN);

	if (subjects_start(control, scenario))
		return EXPLORE_ERROR;
	if (actors_start(scenario, control, true)) {
		json_error_line(control, "cannot start an actor: %s",
				strerror(errno));
		return EXPLORE_ERROR;
	}
	ret = warm_up(&job);
	if (ret)
		return ret;
	ret = strategies[i].run(&job);
	if (ret != EXPLORE_ERROR)
		profile_end(&job);
	return ret;
}

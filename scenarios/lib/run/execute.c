// SPDX-License-Identifier: GPL-2.0
/*
 * One execution: set up, run, checked, judged, reported.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/run/execute.h"
#include "lib/run/profile.h"

/**
 * json_error_line() - tell the harness why we cannot go on
 */
void json_error_line(const struct control *control, const char *fmt, ...)
{
	char text[SCENARIO_MESSAGE_MAX], line[6 * SCENARIO_MESSAGE_MAX + 64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	json_error(line, sizeof(line), text);
	control->emit(line);
}

/**
 * job_inputs() - how many inputs the scenario has
 */
unsigned int job_inputs(const struct job *job)
{
	return job->scenario->inputs ?: 1;
}

/**
 * job_setups() - for profile fail-nth: each input with each actor as the first
 */
unsigned int job_setups(const struct job *job)
{
	return job_inputs(job) * job->scenario->nactors;
}

/**
 * job_first() - which actor is the first to run in execution @n
 */
unsigned int job_first(const struct job *job, uint64_t n)
{
	return job->plan->fail_nth ?
	       (n - 1) % job_setups(job) / job_inputs(job) : 0;
}

/* Random numbers come from the seed of execution @drawn. */
static void begin(const struct job *job, uint64_t n, uint64_t drawn,
		  unsigned int input)
{
	shared->n = n;
	shared->input = input;
	shared->seed = execution_seed(job->plan->seed, drawn);
	shared->failed = false;
	memset(&shared->calls, 0, sizeof(shared->calls));
	memset(&shared->marked, 0, sizeof(shared->marked));
	memset(*job->scenario->self, 0, SCENARIO_STATE_MAX);
	if (job->scenario->setup)
		job->scenario->setup();
}

static void judge(const struct nslab_run *run, const char *leak,
		  const char *kmemleak, struct result *result)
{
	if (run->status & NSLAB_STATUS_SPLAT) {
		result->oracle = "splat";
	} else if (run->status & NSLAB_STATUS_HANG) {
		result->oracle = "hang";
		result->message = "no actor can go on";
	} else if (shared->failed) {
		result->oracle = "assertion";
		result->message = shared->message;
	} else if (*leak) {
		result->oracle = "leak";
		result->message = leak;
	} else if (*kmemleak) {
		result->oracle = "kmemleak";
		result->message = kmemleak;
	} else if (run->status & NSLAB_STATUS_DIVERGED) {
		result->oracle = "diverged";
		result->message = "the execution does not follow its schedule";
	}
}

/**
 * job_watches_memory() - is kmemleak to be asked at the end of the boot?
 */
bool job_watches_memory(const struct job *job)
{
	const struct plan *plan = job->plan;
	unsigned int i;

	for (i = 0; i < plan->nknobs; i++)
		if (!strncmp(plan->knobs[i], "kmemleak=", 9))
			return true;
	return false;
}

/* After one of these a check could hang, and the next execution could fail. */
static bool is_fatal(const struct nslab_run *run)
{
	return run->status & (NSLAB_STATUS_SPLAT | NSLAB_STATUS_HANG);
}

/*
 * The leak oracle has waited until nothing was under way, and nothing has
 * happened since.
 */
static bool is_settled(const struct job *job)
{
	const struct scenario *scenario = job->scenario;

	return !shared->unsteered && shared->warm && !scenario->setup &&
	       !job_watches_memory(job) &&
	       actors_kept(scenario) == (1UL << scenario->nactors) - 1;
}

static int prepare(const struct job *job, uint64_t n, uint64_t drawn,
		   unsigned int input)
{
	begin(job, n, drawn, input);
	if (shared->failed) {
		json_error_line(job->control, "set-up of execution %llu: %s",
				(unsigned long long)n, shared->message);
		return EXPLORE_ERROR;
	}
	if (actors_start(job->scenario, job->control, false)) {
		json_error_line(job->control, "cannot start an actor: %s",
				strerror(errno));
		return EXPLORE_ERROR;
	}
	return EXPLORE_DONE;
}

/*
 * A reference that is still to be put would hide one that was put too often, so
 * nothing is under way when they are counted. Where the clock is not the lab's,
 * waiting for that would take real time; and a stress test starts from where it is.
 */
static unsigned int release_flags(const struct job *job)
{
	if (shared->unsteered)
		return 0;
	return NSLAB_RELEASE_SETTLE |
	       (job->scenario->carries_on ? 0 : NSLAB_RELEASE_RESTART);
}

static int clean_up(const struct job *job, uint64_t n,
		    struct nslab_release *release)
{
	*release = (struct nslab_release) {
		.mask = actors_kept(job->scenario),
		.flags = release_flags(job),
		.counters.subjects = subjects_mask(),
	};
	if (job->scenario->check)
		job->scenario->check();
	actors_stop_fresh(job->scenario);
	if (job->scenario->teardown)
		job->scenario->teardown();
	if (!job->control->release(release))
		return EXPLORE_DONE;
	json_error_line(job->control,
			"execution %llu: an actor did not come back",
			(unsigned long long)n);
	return EXPLORE_ERROR;
}

/* === What it leaves === */

/**
 * struct repetition - an execution that is run again
 * @job: of which plan
 * @n: its number
 * @drawn: see begin()
 * @input: likewise
 * @asked: what was asked for
 * @status: NSLAB_STATUS_* of all its repetitions
 */
struct repetition {
	const struct job *job;
	uint64_t n;
	uint64_t drawn;
	unsigned int input;
	struct nslab_run asked;
	unsigned int status;
};

/* A repetition shows nothing of the execution any more. */
#define EXPLORE_OTHER	(EXPLORE_ERROR + 1)

static int run_again(struct repetition *repetition, struct nslab_run run)
{
	const struct job *job = repetition->job;
	struct nslab_release release;
	int ret;

	run.flags &= ~(NSLAB_RUN_TRACE | NSLAB_RUN_PROFILE);
	run.flags |= NSLAB_RUN_REPEATED;
	ret = prepare(job, repetition->n, repetition->drawn, repetition->input);
	if (ret)
		return ret;
	ret = job->control->run(&run);
	if (ret) {
		json_error_line(job->control, "execution %llu, repeated: %s",
				(unsigned long long)repetition->n, strerror(-ret));
		return EXPLORE_ERROR;
	}
	repetition->status |= run.status;
	if (is_fatal(&run))
		return EXPLORE_OTHER;
	return clean_up(job, repetition->n, &release);
}

static int run_as_asked(void *data)
{
	struct repetition *repetition = data;
	int ret = run_again(repetition, repetition->asked);

	if (!ret && repetition->status & NSLAB_STATUS_DIVERGED)
		return EXPLORE_OTHER;
	return ret;
}

static int run_plain(void *data)
{
	struct repetition *repetition = data;
	struct nslab_run run = repetition->asked;

	run.strategy = NSLAB_STRATEGY_SCHEDULE;
	run.flags |= NSLAB_RUN_FAILURES | NSLAB_RUN_SYNC | NSLAB_RUN_WARM_UP;
	run.nswitches = 0;
	run.nfailures = 0;
	run.aim = (struct nslab_site) {};
	run.first = 0;
	return run_again(repetition, run);
}

static int repeat(struct repetition *repetition, struct nslab_run *run,
		  const struct nslab_site *failed, char *leak, size_t size)
{
	const struct heap_runs runs = {
		.again = run_as_asked, .plain = run_plain, .data = repetition,
	};
	const struct marked marked = shared->marked;
	int ret;

	/* It need not be the one that was to fail. */
	if (failed)
		repetition->asked.aim = *failed;
	ret = heap_check(repetition->job->control, &runs, leak, size);
	shared->marked = marked;
	shared->failed = false;
	run->status |= repetition->status &
		       (NSLAB_STATUS_SPLAT | NSLAB_STATUS_HANG);
	return ret == EXPLORE_OTHER ? 0 : ret;
}

/*
 * What an execution has freed or left may be noticed in one of the next. So that it is
 * known whose fault it is, these are followed by some that do nothing of their own.
 */
static int idle(struct repetition *repetition, struct nslab_run *run)
{
	const struct marked marked = shared->marked;
	unsigned int i;
	int ret = 0;

	if (shared->failed)
		return 0;
	for (i = 0; !ret && !shared->failed && i < repetition->job->plan->idle; i++)
		ret = run_plain(repetition);
	shared->marked = marked;
	run->status |= repetition->status &
		       (NSLAB_STATUS_SPLAT | NSLAB_STATUS_HANG);
	return ret == EXPLORE_OTHER ? 0 : ret;
}

static int look_for_leaks(struct repetition *repetition, struct nslab_run *run,
			  const struct nslab_site *failed,
			  const struct nslab_release *release, bool warm_up,
			  char *leak, size_t size)
{
	const struct control *control = repetition->job->control;
	int ret;

	if (warm_up) {
		ret = leak_start(control) ?: heap_start(control);
	} else {
		ret = leak_check(control, release->counters, leak, size);
		if (!ret && release->grown) {
			if (*leak || shared->failed ||
			    run->status & NSLAB_STATUS_DIVERGED)
				ret = heap_accept(control);
			else
				ret = repeat(repetition, run, failed, leak, size);
		}
	}
	shared->warm = true;
	if (ret == -1) {
		json_error_line(control, "no counters: %s", strerror(errno));
		return EXPLORE_ERROR;
	}
	return ret;
}

/* kmemleak is asked once a boot, after the last execution. */
static int look_for_memory(const struct job *job, bool warm_up, char *message,
			   size_t size)
{
	int ret = 0;

	if (warm_up)
		ret = kmemleak_start(job->control);
	else if (job->last)
		ret = kmemleak_check(job->control, message, size);
	if (!ret)
		return EXPLORE_DONE;
	json_error_line(job->control, "kmemleak: %s", strerror(errno));
	return EXPLORE_ERROR;
}

/* The trace of the execution that has just ended, where it is wanted. */
static struct nslab_event *events;

static int take_events(const struct job *job, const struct nslab_run *run)
{
	static size_t room;

	if (run->nevents > room) {
		room = run->nevents * 2;
		events = realloc(events, room * sizeof(*events));
	}
	if (events && !job->control->events(events))
		return 0;
	json_error_line(job->control, "no trace: %s", strerror(errno));
	return EXPLORE_ERROR;
}

/* The allocations in marked calls of the execution that has just ended. */
static struct nslab_site *sites;

static int take_sites(const struct job *job, const struct nslab_run *run)
{
	static unsigned int room;

	if (run->nsites > room) {
		room = run->nsites * 2;
		sites = realloc(sites, room * sizeof(*sites));
	}
	if (!run->nsites || (sites && !job->control->sites(sites)))
		return 0;
	json_error_line(job->control, "no list of allocations: %s",
			strerror(errno));
	return EXPLORE_ERROR;
}

/*
 * Report those that are new. After one that failed the call takes another path,
 * and so may everything that follows: what comes then is not counted.
 *
 * Return: the one that failed, or NULL.
 */
static const struct nslab_site *tell_sites(const struct job *job, uint64_t n,
					   unsigned int nsites, bool counted)
{
	unsigned int setup = (n - 1) % job_setups(job), i;
	char line[1024];

	for (i = 0; i < nsites; i++) {
		if (failnth_is_new(setup, &sites[i])) {
			json_site(line, sizeof(line), n, &sites[i], counted);
			job->control->emit(line);
			job->control->report(sites[i].stack);
		}
		if (sites[i].failed)
			return &sites[i];
	}
	return NULL;
}

static bool only_warms(const struct run_options *options)
{
	return options->warm_up && !options->counts;
}

/* The execution whose seed its random numbers come from. */
static uint64_t drawn_as(const struct job *job, uint64_t n,
			 const struct run_options *options)
{
	/* No execution has the number 0. */
	if (only_warms(options))
		return options->drawn;
	/* What was counted has to come again: a set-up has one seed. */
	return job->plan->fail_nth ? 1 + (n - 1) % job_setups(job) : n;
}

static unsigned int input_as(const struct job *job, uint64_t n,
			     const struct run_options *options)
{
	return only_warms(options) ? options->input : (n - 1) % job_inputs(job);
}

/* By its number, so that the harness knows it of one that the kernel died in. */
static bool reuses(const struct job *job, uint64_t n,
		   const struct run_options *options)
{
	return job->plan->reuse && !options->warm_up &&
	       (options->schedule || n % 2 == 0);
}

/**
 * execute() - run one execution and report its result
 * @job: of which plan
 * @n: its number
 * @options: how
 * @run: filled with what the kernel reports
 *
 * Return: EXPLORE_DONE, EXPLORE_STOPPED after one that left the kernel unfit for
 * another, EXPLORE_ERROR after an error line for the harness.
 */
int execute(const struct job *job, uint64_t n, struct run_options options,
	    struct nslab_run *run)
{
	const struct schedule *schedule = options.schedule;
	const struct plan *plan = job->plan;
	struct result result = { .n = n, .run = run, .schedule = options.text };
	static char line[RESULT_MAX], leak[SCENARIO_MESSAGE_MAX];
	static char kmemleak[SCENARIO_MESSAGE_MAX];
	struct repetition repetition = {
		.job = job, .n = n, .drawn = drawn_as(job, n, &options),
		.input = input_as(job, n, &options),
	};
	struct nslab_release release;
	int ret;

	if (!options.warm_up)
		options.profile = profile_due(job);
	*run = (struct nslab_run) {
		.execution = n,
		.timeout_ns = plan->timeout_ms * 1000000,
		.nactors = job->scenario->nactors,
		.subjects = subjects_mask(),
		.strategy = job->kernel_strategy,
		.depth = plan->depth,
		.length = plan->length,
		.first = only_warms(&options) ? 0 : job_first(job, n),
		.flags = (plan->trace ? NSLAB_RUN_TRACE : 0) |
			 (plan->unnamed ? NSLAB_RUN_UNNAMED : 0) |
			 (plan->shared ? NSLAB_RUN_SHARED : 0) |
			 (plan->all_points ? NSLAB_RUN_ALL_POINTS : 0) |
			 (shared->unsteered ? NSLAB_RUN_UNSTEERED : 0) |
			 (reuses(job, n, &options) ? NSLAB_RUN_REUSE : 0) |
			 (is_settled(job) ? NSLAB_RUN_SETTLED : 0) |
			 (plan->fail_nth ? NSLAB_RUN_CALLS : 0) |
			 (options.warm_up ? NSLAB_RUN_WARM_UP : 0) |
			 (options.profile ? NSLAB_RUN_PROFILE : 0),
	};
	/* So that the set is the same whatever the plan makes of it. */
	if (options.warm_up && options.profile) {
		run->flags &= ~(NSLAB_RUN_SHARED | NSLAB_RUN_ALL_POINTS |
				NSLAB_RUN_UNNAMED);
		run->flags |= options.points;
	}
	if (options.aim)
		run->aim = *options.aim;
	if (schedule) {
		run->flags |= NSLAB_RUN_FAILURES | NSLAB_RUN_SYNC;
		run->switches = (uintptr_t)schedule->switches;
		run->nswitches = schedule->nswitches;
		run->failures = (uintptr_t)schedule->failures;
		run->nfailures = schedule->nfailures;
	}

	ret = prepare(job, n, repetition.drawn, repetition.input);
	if (ret)
		return ret;
	result.seed = execution_seed(plan->seed, n);
	run->seed = only_warms(&options) ?
		    execution_seed(plan->seed, options.drawn) : result.seed;
	snprintf(run->token, sizeof(run->token), "%s.%llu", plan->token,
		 (unsigned long long)n);
	if (options.text)
		snprintf(run->token + strlen(run->token),
			 sizeof(run->token) - strlen(run->token), " schedule=%s",
			 options.text);
	repetition.asked = *run;
	profile_tell(job->control, options.profiling);
	ret = job->control->run(run);
	if (!ret && run->status & NSLAB_STATUS_MORE_SITES) {
		json_error_line(job->control, "execution %llu: more than %u allocations in marked calls",
				(unsigned long long)n, run->nsites);
		return EXPLORE_ERROR;
	}
	if (ret) {
		json_error_line(job->control, "execution %llu: %s",
				(unsigned long long)n,
				ret == -ETIMEDOUT ?
				"an actor did not reach the start" :
				strerror(-ret));
		return EXPLORE_ERROR;
	}
	ret = take_sites(job, run);
	if (!ret && options.profile && !options.warm_up)
		ret = profile_ran(job, run);
	if (!ret && options.keeps_trace && !is_fatal(run))
		ret = take_events(job, run);
	if (ret)
		return ret;
	/* Those of a warm-up are reported by count.c, or not at all. */
	if (!options.warm_up)
		result.failed = tell_sites(job, n, run->nsites, false);
	*leak = *kmemleak = '\0';
	if (!is_fatal(run))
		ret = clean_up(job, n, &release);
	if (!ret && !is_fatal(run))
		ret = look_for_leaks(&repetition, run, result.failed, &release,
				     options.warm_up, leak, sizeof(leak));
	if (!ret && !is_fatal(run) && !options.warm_up && !*leak)
		ret = idle(&repetition, run);
	if (!ret && !is_fatal(run) && job_watches_memory(job) && !options.counts &&
	    !options.more)
		ret = look_for_memory(job, options.warm_up, kmemleak,
				      sizeof(kmemleak));
	if (ret || (options.warm_up && !is_fatal(run)))
		return ret;
	/* The harness boots once more, without this one: see profile.c. */
	if (only_warms(&options) && options.profile)
		return EXPLORE_STOPPED;
	judge(run, leak, kmemleak, &result);
	if (*leak || *kmemleak)
		shared->failed = true;
	json_result(line, sizeof(line), &result);
	job->control->emit(line);
	return is_fatal(run) ? EXPLORE_STOPPED : EXPLORE_DONE;
}

/**
 * execute_events() - the trace of the last execution, if it was to be kept
 *
 * Return: as many as its run says; valid until the next one.
 */
const struct nslab_event *execute_events(void)
{
	return events;
}

/**
 * execute_sites() - the allocations in marked calls of the last execution
 *
 * Return: as many as its run says; valid until the next one.
 */
struct nslab_site *execute_sites(void)
{
	return sites;
}

/**
 * execute_tell_sites() - report the first of them, each of which is to fail
 */
void execute_tell_sites(const struct job *job, uint64_t n, unsigned int nsites)
{
	tell_sites(job, n, nsites, true);
}

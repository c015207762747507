// SPDX-License-Identifier: GPL-2.0
/*
 * Runs execution after execution of one scenario and reports each result.
 */

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/search/bounded.h"
#include "lib/internal.h"

/* What explore() returns. */
enum {
	EXPLORE_DONE = 0,	/* the whole plan was run */
	EXPLORE_STOPPED,	/* the kernel is not to be trusted any more */
	EXPLORE_ERROR,		/* the lab could not do its work */
};

/* What of a guest's memory the search may take. */
#define BOUNDED_BYTES	(64UL << 20)

/**
 * json_error_line() - tell the harness why we cannot go on
 */
void json_error_line(const struct control *control, const char *fmt, ...)
{
	char text[SCENARIO_MESSAGE_MAX], line[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	json_error(line, sizeof(line), text);
	control->emit(line);
}

/* === One execution === */

/**
 * struct job - what does not change from one execution to the next
 * @kernel_strategy: NSLAB_STRATEGY_*
 * @last: no execution comes after this one (this one does change)
 */
struct job {
	const struct plan *plan;
	struct scenario *scenario;
	const struct control *control;
	unsigned int kernel_strategy;
	bool last;
};

static unsigned int inputs_of(const struct job *job)
{
	return job->scenario->inputs ?: 1;
}

/* For "fail-nth": each input, and each actor as the first to start. */
static unsigned int setups_of(const struct job *job)
{
	return inputs_of(job) * job->scenario->nactors;
}

static unsigned int first_of(const struct job *job, uint64_t n)
{
	return job->plan->fail_nth ?
	       (n - 1) % setups_of(job) / inputs_of(job) : 0;
}

/* @drawn: what is random comes from the seed of that execution. */
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

static bool watches_memory(const struct plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->nknobs; i++)
		if (!strncmp(plan->knobs[i], "kmemleak=", 9))
			return true;
	return false;
}

/* After one of these a check could hang, or the next execution be spoilt. */
static bool is_fatal(const struct nslab_run *run)
{
	return run->status & (NSLAB_STATUS_SPLAT | NSLAB_STATUS_HANG);
}

/* The leak oracle has waited until nothing was pending, and no task ran since. */
static bool is_settled(const struct job *job)
{
	const struct scenario *scenario = job->scenario;

	return !shared->unsteered && shared->warm && !scenario->setup &&
	       !watches_memory(job->plan) &&
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
 * What is still to be put would hide what was put too often, so everything comes
 * to rest before it is counted. Where the clock goes on by itself, waiting for
 * that would take real time.
 */
static int clean_up(const struct job *job, uint64_t n, bool warm_up,
		    char *leak, size_t size)
{
	struct nslab_release release = {
		.mask = actors_kept(job->scenario),
		.flags = shared->unsteered ? 0 : NSLAB_RELEASE_SETTLE,
		.counters.subjects = subjects_mask(),
	};
	int ret;

	if (job->scenario->check)
		job->scenario->check();
	actors_stop_fresh(job->scenario);
	if (job->scenario->teardown)
		job->scenario->teardown();
	if (job->control->release(&release)) {
		json_error_line(job->control,
				"execution %llu: an actor did not come back",
				(unsigned long long)n);
		return EXPLORE_ERROR;
	}
	if (warm_up)
		ret = leak_start(job->control);
	else
		ret = leak_check(job->control, release.counters, leak, size);
	shared->warm = true;
	if (!ret)
		return EXPLORE_DONE;
	json_error_line(job->control, "no counters: %s", strerror(errno));
	return EXPLORE_ERROR;
}

/* At the end of a boot, which a search does not know beforehand. */
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

/* The allocations in marked calls of the execution that has just ended. */
static struct nslab_site *sites;

/* Copy them. */
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
 * Tell of those that are new. After one that failed the call takes another way,
 * and so may all that follows: that is none of them.
 */
static const struct nslab_site *tell_sites(const struct job *job, uint64_t n,
					   unsigned int nsites, bool counted)
{
	unsigned int setup = (n - 1) % setups_of(job), i;
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

/**
 * struct run_options - how an execution is to be done
 * @warm_up: nothing is injected or reported
 * @input: of one that only warms up; others have what their number says
 * @more: another one to warm up follows
 * @counts: it warms up, and its allocations are counted
 * @schedule: it follows that one; NULL: it draws its own
 * @text: of @schedule
 * @aim: the allocation that fails, or NULL
 */
struct run_options {
	bool warm_up;
	unsigned int input;
	bool more;
	bool counts;
	const struct schedule *schedule;
	const char *text;
	const struct nslab_site *aim;
};

/* No execution has this number: its seed is that of what warms up. */
#define WARM_UP_SEED	0

static bool only_warms(const struct run_options *options)
{
	return options->warm_up && !options->counts;
}

/* From the seed of which execution it has what is random. */
static uint64_t drawn_as(const struct job *job, uint64_t n,
			 const struct run_options *options)
{
	if (only_warms(options))
		return WARM_UP_SEED;
	/* What was counted has to come again: each set-up draws but once. */
	return job->plan->fail_nth ? 1 + (n - 1) % setups_of(job) : n;
}

static unsigned int input_as(const struct job *job, uint64_t n,
			     const struct run_options *options)
{
	return only_warms(options) ? options->input : (n - 1) % inputs_of(job);
}

static int execute(const struct job *job, uint64_t n, struct run_options options,
		   struct nslab_run *run)
{
	const struct schedule *schedule = options.schedule;
	const struct plan *plan = job->plan;
	struct result result = { .n = n, .run = run, .schedule = options.text };
	static char line[RESULT_MAX], leak[SCENARIO_MESSAGE_MAX];
	static char kmemleak[SCENARIO_MESSAGE_MAX];
	int ret;

	*run = (struct nslab_run) {
		.execution = n,
		.timeout_ns = plan->timeout_ms * 1000000,
		.nactors = job->scenario->nactors,
		.subjects = subjects_mask(),
		.strategy = job->kernel_strategy,
		.depth = plan->depth,
		.length = plan->length,
		.first = only_warms(&options) ? 0 : first_of(job, n),
		.flags = (plan->trace ? NSLAB_RUN_TRACE : 0) |
			 (plan->unnamed ? NSLAB_RUN_UNNAMED : 0) |
			 (shared->unsteered ? NSLAB_RUN_UNSTEERED : 0) |
			 (is_settled(job) ? NSLAB_RUN_SETTLED : 0) |
			 (plan->fail_nth ? NSLAB_RUN_CALLS : 0) |
			 (options.warm_up ? NSLAB_RUN_WARM_UP : 0),
	};
	if (options.aim)
		run->aim = *options.aim;
	if (schedule) {
		run->flags |= NSLAB_RUN_FAILURES | NSLAB_RUN_SYNC;
		run->switches = (uintptr_t)schedule->switches;
		run->nswitches = schedule->nswitches;
		run->failures = (uintptr_t)schedule->failures;
		run->nfailures = schedule->nfailures;
	}

	ret = prepare(job, n, drawn_as(job, n, &options),
		      input_as(job, n, &options));
	if (ret)
		return ret;
	result.seed = execution_seed(plan->seed, n);
	run->seed = only_warms(&options) ?
		    execution_seed(plan->seed, WARM_UP_SEED) : result.seed;
	snprintf(run->token, sizeof(run->token), "%s.%llu", plan->token,
		 (unsigned long long)n);
	if (options.text)
		snprintf(run->token + strlen(run->token),
			 sizeof(run->token) - strlen(run->token), " schedule=%s",
			 options.text);
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
				"an actor did not come to the start" :
				strerror(-ret));
		return EXPLORE_ERROR;
	}
	ret = take_sites(job, run);
	if (ret)
		return ret;
	/* The counting of allocations reports them itself. */
	if (!options.warm_up)
		result.failed = tell_sites(job, n, run->nsites, false);
	*leak = *kmemleak = '\0';
	if (!is_fatal(run))
		ret = clean_up(job, n, options.warm_up, leak, sizeof(leak));
	if (!ret && !is_fatal(run) && watches_memory(plan) && !options.counts &&
	    !options.more)
		ret = look_for_memory(job, options.warm_up, kmemleak,
				      sizeof(kmemleak));
	if (ret || (options.warm_up && !is_fatal(run)))
		return ret;
	judge(run, leak, kmemleak, &result);
	if (*leak || *kmemleak)
		shared->failed = true;
	json_result(line, sizeof(line), &result);
	job->control->emit(line);
	return is_fatal(run) ? EXPLORE_STOPPED : EXPLORE_DONE;
}

/*
 * The first execution of a boot has cold caches, which costs it points that
 * the second does not see, and so does the first with an input of its own. So
 * each input comes once before, which does not count unless it leaves the kernel
 * broken; then it is the first execution that did it.
 *
 * All boots do that in the same way, whatever comes then: what actors open once,
 * say, has to be the same for one execution alone as for many.
 */
static int warm_up(const struct job *job)
{
	static const struct schedule none;
	unsigned int i, inputs = inputs_of(job);
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
		options.more = i + 1 < inputs;
		ret = execute(&warm, job->plan->first, options, &run);
	}
	return ret;
}

/* === Each allocation of a marked call fails once === */

/* The first time a set-up comes, its caches are cold. */
#define COUNTS	4

/* What it needs each time is in @sites then, and how many in @n. */
static int count_again(const struct job *job, uint64_t execution,
		       struct run_options options, struct nslab_run *run,
		       unsigned int *n)
{
	struct nslab_site *before;
	int ret;

	before = malloc(*n * sizeof(*before) ?: 1);
	if (!before) {
		json_error_line(job->control, "no memory for the allocations");
		return EXPLORE_ERROR;
	}
	if (*n)
		memcpy(before, sites, *n * sizeof(*before));
	ret = execute(job, execution, options, run);
	if (!ret)
		*n = failnth_both(sites, run->nsites, before, *n);
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
	unsigned int i, n;
	int ret;

	starts.switches[0].next = first_of(job, setup + 1);
	if (job->kernel_strategy != NSLAB_STRATEGY_NONE &&
	    starts.switches[0].next)
		options.schedule = &starts;
	ret = execute(job, setup + 1, options, run);
	if (!ret)
		ret = execute(job, setup + 1, options, run);
	n = run->nsites;
	for (i = 1; i < COUNTS && !ret; i++)
		ret = count_again(job, setup + 1, options, run, &n);
	if (ret)
		return ret;
	if (failnth_counted(setup, sites, n, shared->marked.ncalls)) {
		json_error_line(job->control, "no memory for the allocations");
		return EXPLORE_ERROR;
	}
	tell_sites(job, setup + 1, n, true);
	return 0;
}

static int count_allocations(const struct job *job)
{
	unsigned int i, setups = setups_of(job), points = 0;
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

/* The search chooses the next schedule by the traces of those before. */
static int search(const struct job *job, struct bounded *bounded)
{
	static struct nslab_event *events;
	static struct schedule schedule;
	static size_t room;
	char text[SCHEDULE_TEXT_MAX];
	const struct nslab_switch *next;
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
			}, &run);
		if (ret || shared->failed)
			return ret;
		if (run.nevents > room) {
			room = run.nevents * 2;
			events = realloc(events, room * sizeof(*events));
		}
		if (!events || job->control->events(events)) {
			json_error_line(job->control, "no trace: %s",
					strerror(errno));
			return EXPLORE_ERROR;
		}
		if (bounded_ran(bounded, events, run.nevents))
			return EXPLORE_DONE;
	}
	return EXPLORE_DONE;
}

/* A search does not know which schedule is its last, so there is one more. */
static int end_search(struct job *job)
{
	static const struct schedule none;
	struct nslab_run run;

	if (shared->failed || !watches_memory(job->plan))
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
	if (plan->fail_nth && (failnth_start(setups_of(&job)) ||
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
	return ret ?: strategies[i].run(&job);
}

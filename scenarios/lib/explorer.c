// SPDX-License-Identifier: GPL-2.0
/*
 * Runs execution after execution of one scenario and says what each came to.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

/* What explore() returns. */
enum {
	EXPLORE_DONE = 0,	/* the whole plan was run */
	EXPLORE_STOPPED,	/* the kernel is not to be trusted any more */
	EXPLORE_ERROR,		/* the lab could not do its work */
};

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

/* === Actors === */

/* Takes part again and again, until the guest goes down with it. */
__attribute__((noreturn))
static void kept_actor(const struct control *control, struct actor *actor,
		       unsigned int index)
{
	for (;;) {
		if (control->join(index, actor->name) < 0)
			_exit(1);
		actor->body();
		control->leave();
	}
}

/* Takes part once, and stays for the check unless its part is to exit. */
__attribute__((noreturn))
static void fresh_actor(const struct control *control, struct actor *actor,
			unsigned int index)
{
	if (control->join(index, actor->name) < 0)
		_exit(1);
	actor->body();
	control->leave();
	for (;;)
		pause();
}

static int start_actor(const struct control *control,
		       struct scenario *scenario, unsigned int index)
{
	struct actor *actor = &scenario->actors[index];
	pid_t pid = fork();

	if (!pid) {
		if (actor->life == KEPT)
			kept_actor(control, actor, index);
		fresh_actor(control, actor, index);
	}
	if (pid < 0)
		return -1;
	shared->pids[index] = pid;
	return 0;
}

static int start_actors(const struct control *control,
			struct scenario *scenario, bool kept)
{
	unsigned int i;

	for (i = 0; i < scenario->nactors; i++)
		if ((scenario->actors[i].life == KEPT) == kept &&
		    start_actor(control, scenario, i))
			return -1;
	return 0;
}

/* An actor that died of a signal found something, whatever it was. */
static void stop_actor(struct actor *actor, pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		return;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		scenario_fail(actor->name, 0, "killed by signal %d (%s)",
			      WTERMSIG(status), strsignal(WTERMSIG(status)));
}

static void stop_fresh_actors(struct scenario *scenario)
{
	unsigned int i;

	for (i = 0; i < scenario->nactors; i++)
		if (scenario->actors[i].life != KEPT)
			stop_actor(&scenario->actors[i], shared->pids[i]);
}

static bool nobody_reaps(const struct scenario *scenario)
{
	unsigned int i;

	for (i = 0; i < scenario->nactors; i++)
		if (scenario->actors[i].life == FRESH_REAPED)
			return true;
	return false;
}

/* === Executions === */

static void begin(const struct plan *plan, struct scenario *scenario,
		  uint64_t n)
{
	shared->seed = execution_seed(plan->seed, n);
	shared->failed = false;
	memset(*scenario->self, 0, SCENARIO_STATE_MAX);
	if (scenario->setup)
		scenario->setup();
}

static void judge(const struct nslab_run *run, struct result *result)
{
	if (run->status & NSLAB_STATUS_SPLAT) {
		result->oracle = "splat";
	} else if (run->status & NSLAB_STATUS_HANG) {
		result->oracle = "hang";
		result->message = "no actor can go on";
	} else if (shared->failed) {
		result->oracle = "assertion";
		result->message = shared->message;
	}
}

/*
 * The first execution of a boot meets cold caches, which costs it points that
 * the second does not see. So there is one more before it that does not count,
 * unless it leaves the kernel broken.
 */
static int execute(const struct plan *plan, struct scenario *scenario,
		   const struct control *control, uint64_t n, bool warm_up)
{
	struct nslab_run run = {
		.execution = n,
		.timeout_ns = plan->timeout_ms * 1000000,
		.nactors = scenario->nactors,
		.flags = (plan->trace ? NSLAB_RUN_TRACE : 0) |
			 (warm_up ? NSLAB_RUN_WARM_UP : 0),
	};
	struct result result = { .n = n, .run = &run };
	char line[1024];
	int err;

	begin(plan, scenario, n);
	if (shared->failed) {
		json_error_line(control, "set-up of execution %llu: %s",
				(unsigned long long)n, shared->message);
		return EXPLORE_ERROR;
	}
	if (start_actors(control, scenario, false)) {
		json_error_line(control, "cannot start an actor: %s",
				strerror(errno));
		return EXPLORE_ERROR;
	}

	run.seed = result.seed = shared->seed;
	snprintf(run.token, sizeof(run.token), "%s.%llu", plan->token,
		 (unsigned long long)n);
	err = control->run(&run);
	if (err) {
		json_error_line(control, "execution %llu: %s",
				(unsigned long long)n,
				err == -ETIMEDOUT ?
				"an actor did not come to the start" :
				strerror(-err));
		return EXPLORE_ERROR;
	}

	/* After a hang or a splat a check could hang, too. */
	if (!run.status) {
		if (scenario->check)
			scenario->check();
		stop_fresh_actors(scenario);
		if (scenario->teardown)
			scenario->teardown();
	}

	if (warm_up && !run.status)
		return EXPLORE_DONE;
	judge(&run, &result);
	json_result(line, sizeof(line), &result);
	control->emit(line);
	return run.status ? EXPLORE_STOPPED : EXPLORE_DONE;
}

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
	uint64_t n;
	int ret;

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
	if (nobody_reaps(scenario))
		signal(SIGCHLD, SIG_IGN);

	if (start_actors(control, scenario, true)) {
		json_error_line(control, "cannot start an actor: %s",
				strerror(errno));
		return EXPLORE_ERROR;
	}
	ret = execute(plan, scenario, control, plan->first, true);
	for (n = plan->first; !ret && n - plan->first < plan->count; n++)
		ret = execute(plan, scenario, control, n, false);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The processes that take part: how they are made, and how they end.
 */

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/internal.h"

/* What a stress test does in place of a schedule. */
#define MAX_SLEEP_US	1000

static void do_part(struct actor *actor, unsigned int index)
{
	if (shared->unsteered)
		usleep(mix64(shared->seed + index) % MAX_SLEEP_US);
	actor->body();
}

/* The actors that the calling one has made, by index. */
static pid_t children[SCENARIO_MAX_ACTORS];

/* An actor that died of a signal found something, whatever it was. */
static void stop(struct actor *actor, pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		return;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		scenario_fail(actor->name, 0, "killed by signal %d (%s)",
			      WTERMSIG(status), strsignal(WTERMSIG(status)));
}

/* Those that the calling one has made. */
static void stop_children(void)
{
	unsigned int i;

	for (i = 0; i < SCENARIO_MAX_ACTORS; i++) {
		if (children[i])
			stop(&shared->scenario->actors[i], children[i]);
		children[i] = 0;
	}
}

/* Which one this process is, unless its stack says so; -1: none. */
static int kept_index = -1;

/* Takes part again and again, until the guest goes down with it. */
__attribute__((noreturn))
static void kept_actor(const struct control *control, struct actor *actor,
		       unsigned int index)
{
	kept_index = index;
	if (!actor->before && !actor->after) {
		if (control->join(index, actor->name) < 0)
			_exit(1);
		do
			do_part(actor, index);
		while (control->next(index, actor->name) >= 0);
		_exit(1);
	}
	for (;;) {
		if (actor->before)
			actor->before();
		if (control->join(index, actor->name) < 0)
			_exit(1);
		do_part(actor, index);
		control->leave();
		stop_children();
		if (actor->after)
			actor->after();
	}
}

/* Takes part once, and stays for the check unless its part is to exit. */
__attribute__((noreturn))
static void fresh_actor(const struct control *control, struct actor *actor,
			unsigned int index)
{
	if (control->join(index, actor->name) < 0)
		_exit(1);
	do_part(actor, index);
	control->leave();
	for (;;)
		pause();
}

/* === Making them === */

/* What a fresh actor has of its own: the rest of the memory is the explorer's. */
static struct {
	char stack[32 * 1024] __attribute__((aligned(16)));
	const struct control *control;
	struct actor *actor;
} fresh[SCENARIO_MAX_ACTORS];

/**
 * actors_self() - which actor is calling?
 *
 * Those that are not kept share their memory with the task that made them, but for
 * the stack.
 *
 * Return: its index, -1 if it is none.
 */
int actors_self(void)
{
	const char *here = __builtin_frame_address(0);
	unsigned int i;

	for (i = 0; i < SCENARIO_MAX_ACTORS; i++)
		if (here >= fresh[i].stack &&
		    here < fresh[i].stack + sizeof(fresh[i].stack))
			return i;
	return kept_index;
}

static int fresh_main(void *arg)
{
	unsigned int index = (uintptr_t)arg;

	fresh_actor(fresh[index].control, fresh[index].actor, index);
}

/*
 * With memory of its own it would cost eight times as much. That it has none is
 * no harm: no other actor runs while an actor is in user space.
 */
static pid_t make_fresh(const struct control *control, struct actor *actor,
			unsigned int index, unsigned long flags)
{
	fresh[index].control = control;
	fresh[index].actor = actor;
	return clone(fresh_main, fresh[index].stack + sizeof(fresh[0].stack),
		     CLONE_VM | SIGCHLD | flags, (void *)(uintptr_t)index);
}

/**
 * actor_make() - make an actor that is a CHILD, in BEFORE() of its parent
 * @name: of the actor
 * @flags: more flags for clone()
 *
 * Return: the process, or -1 with errno set.
 */
pid_t actor_make(const char *name, unsigned long flags)
{
	struct actor *actor = scenario_actor(shared->scenario, name);
	unsigned int index = actor - shared->scenario->actors;

	shared->pids[index] = make_fresh(shared->control, actor, index, flags);
	children[index] = shared->pids[index];
	return shared->pids[index];
}

static int start(const struct control *control, struct scenario *scenario,
		 unsigned int index)
{
	struct actor *actor = &scenario->actors[index];
	pid_t pid;

	if (actor->life == KEPT)
		pid = fork();
	else
		pid = make_fresh(control, actor, index, 0);
	if (!pid)
		kept_actor(control, actor, index);
	if (pid < 0)
		return -1;
	shared->pids[index] = pid;
	return 0;
}

/**
 * actors_start() - make the processes of the actors
 * @kept: of those that are kept, or else of the others
 *
 * Return: 0, or -1 with errno set.
 */
int actors_start(struct scenario *scenario, const struct control *control,
		 bool kept)
{
	unsigned int i;

	for (i = 0; i < scenario->nactors; i++)
		if (scenario->actors[i].life != CHILD &&
		    (scenario->actors[i].life == KEPT) == kept &&
		    start(control, scenario, i))
			return -1;
	return 0;
}

/**
 * actors_stop_fresh() - end those that are made anew for each execution
 */
void actors_stop_fresh(struct scenario *scenario)
{
	unsigned int i;

	for (i = 0; i < scenario->nactors; i++)
		if (scenario->actors[i].life == FRESH ||
		    scenario->actors[i].life == FRESH_REAPED)
			stop(&scenario->actors[i], shared->pids[i]);
}

/**
 * actors_kept() - the actors that are kept, a bit each
 */
unsigned long actors_kept(const struct scenario *scenario)
{
	unsigned long mask = 0;
	unsigned int i;

	for (i = 0; i < scenario->nactors; i++)
		if (scenario->actors[i].life == KEPT)
			mask |= 1UL << i;
	return mask;
}

/**
 * actors_nobody_reaps() - is there an actor whose parent does not wait for it?
 */
bool actors_nobody_reaps(const struct scenario *scenario)
{
	unsigned int i;

	for (i = 0; i < scenario->nactors; i++)
		if (scenario->actors[i].life == FRESH_REAPED)
			return true;
	return false;
}

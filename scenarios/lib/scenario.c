// SPDX-License-Identifier: GPL-2.0
/*
 * The list of scenarios, and what an assertion does when it does not hold.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/internal.h"

#define MAX_SCENARIOS 64

static struct scenario *scenarios[MAX_SCENARIOS];
static unsigned int nr_scenarios;

struct shared *shared;

__attribute__((noreturn)) static void die(const char *what, const char *name)
{
	fprintf(stderr, "scenarios: %s: %s\n", name, what);
	exit(3);
}

/**
 * scenario_register() - add to the list, which stays in order of the names
 */
void scenario_register(struct scenario *scenario)
{
	unsigned int i = nr_scenarios++;

	if (i == MAX_SCENARIOS)
		die("one scenario too many, raise MAX_SCENARIOS",
		    scenario->name);
	for (; i > 0 && strcmp(scenarios[i - 1]->name, scenario->name) > 0; i--)
		scenarios[i] = scenarios[i - 1];
	scenarios[i] = scenario;
}

/**
 * scenario_add_actor() - one more actor, in the order of the file
 */
void scenario_add_actor(struct scenario *scenario, const char *name,
			enum actor_life life, void (*body)(void))
{
	if (scenario->nactors == SCENARIO_MAX_ACTORS)
		die("too many actors", scenario->name);
	scenario->actors[scenario->nactors++] = (struct actor) {
		.name = name, .life = life, .body = body,
	};
}

/**
 * scenario_actor() - the actor of this name
 */
struct actor *scenario_actor(struct scenario *scenario, const char *name)
{
	unsigned int i;

	for (i = 0; i < scenario->nactors; i++)
		if (!strcmp(scenario->actors[i].name, name))
			return &scenario->actors[i];
	die("there is no such actor", name);
}

unsigned int scenario_count(void)
{
	return nr_scenarios;
}

struct scenario *scenario_at(unsigned int i)
{
	return scenarios[i];
}

/**
 * scenario_find() - the scenario of this name, or NULL
 */
struct scenario *scenario_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_scenarios; i++)
		if (!strcmp(scenarios[i]->name, name))
			return scenarios[i];
	return NULL;
}

/**
 * scenario_fail() - an assertion does not hold; the first one counts
 * @file: where it stands
 * @line: in that file
 * @fmt: what was expected and what was seen
 */
void scenario_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	char *at = shared->message;
	va_list args;
	int n;

	if (shared->failed)
		return;
	shared->failed = true;
	n = snprintf(at, SCENARIO_MESSAGE_MAX, "%s:%d: ",
		     base ? base + 1 : file, line);
	va_start(args, fmt);
	vsnprintf(at + n, SCENARIO_MESSAGE_MAX - n, fmt, args);
	va_end(args);
}

/**
 * scenario_injected() - may the call that just failed owe that to a fault?
 *
 * A failed allocation can surface as almost any errno (procfs makes ENOENT of
 * it), so this asks the kernel whether one failed in the calling actor.
 *
 * Return: true if one did in this execution. errno stays.
 */
bool scenario_injected(void)
{
	int err = errno;
	bool injected = shared->control->faults() > 0;

	errno = err;
	return injected;
}

/**
 * scenario_errno_in() - is errno one of these, or a fault's?
 * @allowed: errno values, the last one 0
 */
bool scenario_errno_in(const int *allowed)
{
	for (; *allowed; allowed++)
		if (*allowed == errno)
			return true;
	return scenario_injected();
}

/**
 * actor_pid() - the process of an actor, 0 before it exists
 */
pid_t actor_pid(const char *name)
{
	struct scenario *s = shared->scenario;

	return shared->pids[scenario_actor(s, name) - s->actors];
}

/**
 * mix64() - a well spread 64-bit number from another (splitmix64, Vigna 2015)
 */
uint64_t mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/**
 * execution_seed() - the seed of execution @n of a plan with seed @plan_seed
 */
uint64_t execution_seed(uint64_t plan_seed, uint64_t n)
{
	return mix64(mix64(plan_seed) ^ n);
}

/**
 * scenario_random() - a number that depends on the execution's seed alone
 *
 * For SETUP(), to vary what the actors do. The same all through an execution.
 */
uint64_t scenario_random(void)
{
	return mix64(shared->seed);
}

/**
 * scenario_input() - which of its INPUTS() an execution has
 *
 * Execution after execution they come in turn, so that all of them are tried
 * however few executions there are, and "bounded" can search each.
 */
unsigned int scenario_input(void)
{
	return shared->input;
}

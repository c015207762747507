// SPDX-License-Identifier: GPL-2.0
/*
 * The list of scenarios, what is refused of them, and failed assertions.
 */

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/internal.h"

static struct scenario *scenarios;

struct shared *shared;

/*
 * Before main(), so the build is told, too: it runs the program once. The
 * harness looks for lines of this form, as compilers write them.
 */
__attribute__((noreturn, format(printf, 2, 3)))
static void die(const struct scenario *scenario, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s: error: ", scenario->file);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

/* A token, a path and SCENARIO= can have these. */
static bool is_name(const char *name, size_t length)
{
	return isalpha(*name) && length <= SCENARIO_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == length;
}

/**
 * scenario_register() - add to the list, which stays in order of the names
 *
 * Ends the program if the name cannot be one, or is taken.
 */
void scenario_register(struct scenario *scenario)
{
	struct scenario **at = &scenarios;
	const char *name = scenario->name;

	if (!is_name(name, scenario->given) || !strcmp(name, "all"))
		die(scenario, "SCENARIO(\"%.*s\"): no name; up to %d letters, digits, - and _, a letter first",
		    (int)scenario->given, name, SCENARIO_NAME_MAX);
	while (*at && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	if (*at && !strcmp((*at)->name, name))
		die(scenario, "SCENARIO(\"%s\"): %s has that name already, take another one",
		    name, (*at)->file);
	scenario->next = *at;
	*at = scenario;
}

/**
 * scenario_add_actor() - one more actor, in the order of the file
 */
void scenario_add_actor(struct scenario *scenario, const char *name,
			enum actor_life life, void (*body)(void))
{
	if (scenario->nactors == SCENARIO_MAX_ACTORS)
		die(scenario, "ACTOR(%s): more than %d actors", name,
		    SCENARIO_MAX_ACTORS);
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
	die(scenario, "there is no ACTOR(%s), or it stands further down", name);
}

/**
 * scenario_next() - the one behind @scenario by name; of NULL, the first
 *
 * Return: NULL behind the last.
 */
struct scenario *scenario_next(const struct scenario *scenario)
{
	return scenario ? scenario->next : scenarios;
}

/**
 * scenario_find() - the scenario of this name, or NULL
 */
struct scenario *scenario_find(const char *name)
{
	struct scenario *scenario = scenarios;

	while (scenario && strcmp(scenario->name, name))
		scenario = scenario->next;
	return scenario;
}

/**
 * scenarios_check() - look for what is wrong with a scenario as a whole
 *
 * Ends the program if something is.
 */
void scenarios_check(void)
{
	const struct scenario *scenario;

	for (scenario = scenarios; scenario; scenario = scenario->next) {
		if (scenario->nactors < 2)
			die(scenario, "SCENARIO(\"%s\"): a race takes two, and this has %u ACTOR()",
			    scenario->name, scenario->nactors);
	}
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

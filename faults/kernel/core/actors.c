// SPDX-License-Identifier: GPL-2.0
/*
 * The guest tasks that take part in the schedule, and whether an execution is
 * under way.
 */

#include <linux/preempt.h>

#include "actors.h"

struct nslab_actor nslab_actors[NSLAB_MAX_ACTORS];
struct nslab_state nslab_state;

/**
 * nslab_freeze() - the kernel complains: what comes now is no part of the trace
 */
void nslab_freeze(void)
{
	WRITE_ONCE(nslab_state.frozen, true);
}

/**
 * nslab_kasan_reports() - KASAN is about to report something
 *
 * A function of its own for gdb, which stops here.
 */
void nslab_kasan_reports(void)
{
	nslab_freeze();
}

/**
 * nslab_splat() - the kernel has complained on the console
 */
void nslab_splat(void)
{
	WRITE_ONCE(nslab_state.splat, true);
	nslab_freeze();
}

/**
 * nslab_splat_seen() - has it?
 */
bool nslab_splat_seen(void)
{
	return READ_ONCE(nslab_state.splat);
}

/**
 * nslab_actor_name() - the name of the actor with that index
 *
 * Return: "others" for NSLAB_NOBODY.
 */
const char *nslab_actor_name(unsigned int index)
{
	return index == NSLAB_NOBODY ? "others" : nslab_actors[index].name;
}

/**
 * nslab_acting() - current, if it is an actor and what it does now counts
 *
 * Return: NULL if it is none, or is hidden, or no execution is under way.
 */
struct nslab_actor *nslab_acting(void)
{
	struct nslab_actor *actor = in_task() ? current->nslab : NULL;

	return actor && !nslab_is_hidden(actor) && nslab_running() ? actor : NULL;
}

/**
 * nslab_acting_index() - the index of current, hidden or not
 *
 * Return: NSLAB_NOBODY if it is no actor.
 */
unsigned int nslab_acting_index(void)
{
	struct nslab_actor *actor = in_task() ? current->nslab : NULL;

	return actor ? nslab_actor_index(actor) : NSLAB_NOBODY;
}

/**
 * nslab_is_quiet() - is no other actor than current under way?
 *
 * Return: false also where that cannot be known: between two executions.
 */
bool nslab_is_quiet(void)
{
	const struct nslab_run *run = nslab_current_run();
	struct nslab_actor *actor;
	unsigned int i;

	for (i = 0; run && i < run->nactors; i++) {
		actor = &nslab_actors[i];
		if (actor == current->nslab)
			continue;
		/* It has exited, or is about to; or it is in the middle of it. */
		if (actor->exited || (actor->task && actor->task->nslab))
			return false;
	}
	return run;
}

/**
 * nslab_listed_failure() - is this allocation one of those that are to fail?
 * @actor: current, with its throws counted up to this one
 */
bool nslab_listed_failure(const struct nslab_actor *actor)
{
	const struct nslab_failure *failure = nslab_state.failures;
	unsigned int i;

	for (i = 0; i < nslab_state.run.nfailures; i++, failure++)
		if (failure->actor == nslab_actor_index(actor) &&
		    failure->nth == actor->throws)
			return true;
	return false;
}

/**
 * nslab_faults() - may a call of current have failed because of a fault?
 *
 * Return: how many of its allocations failed in this execution; 0 if it is no
 * actor.
 */
unsigned int nslab_faults(void)
{
	return current->nslab ? current->nslab->faults : 0;
}

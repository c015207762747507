// SPDX-License-Identifier: GPL-2.0
/*
 * How many executions reached each named point, and each place that loads a published
 * pointer, with what called it.
 */

#define pr_fmt(fmt) "nslab: " fmt

#include <linux/kernel.h>
#include <linux/printk.h>

#include "coverage.h"

struct nslab_place nslab_places[NSLAB_MAX_PLACES];

/* Numbers of executions of this boot, from 1; 0: this one does not count. */
static u64 last_execution, this_execution;

static void count(u64 *executions, u64 *last)
{
	if (!this_execution || *last == this_execution)
		return;
	*last = this_execution;
	++*executions;
}

/* Where @ip is counted, or would be; NULL if there is no room. */
static struct nslab_place *place_of(unsigned long ip)
{
	struct nslab_place *place = nslab_places;

	while (place < nslab_places + NSLAB_MAX_PLACES && place->ip && place->ip != ip)
		place++;
	return place < nslab_places + NSLAB_MAX_PLACES ? place : NULL;
}

static struct nslab_caller *caller_of(struct nslab_place *place, unsigned long ip)
{
	struct nslab_caller *caller = place->callers, *end = caller + NSLAB_MAX_CALLERS;

	while (caller < end && caller->ip && caller->ip != ip)
		caller++;
	return caller < end ? caller : NULL;
}

/**
 * nslab_coverage_begin() - an execution begins
 * @counts: false for one that only fills caches
 */
void nslab_coverage_begin(bool counts)
{
	this_execution = counts ? ++last_execution : 0;
}

/**
 * nslab_coverage_point() - the execution has reached a named point
 */
void nslab_coverage_point(struct nslab_named_point *point)
{
	count(&point->executions, &point->last);
}

/**
 * nslab_coverage_place() - it has loaded a published pointer
 * @ip: there
 * @from: where the function with that place was called
 */
void nslab_coverage_place(unsigned long ip, unsigned long from)
{
	struct nslab_caller *caller = NULL;
	struct nslab_place *place;

	if (!this_execution)
		return;
	place = place_of(ip);
	if (place) {
		place->ip = ip;
		count(&place->executions, &place->last);
		caller = caller_of(place, from);
	}
	if (!caller) {
		/* Not silently: what is not counted seems never reached. */
		pr_warn_once("more readers than are counted: raise NSLAB_MAX_PLACES, NSLAB_MAX_CALLERS\n");
		return;
	}
	caller->ip = from;
	count(&caller->executions, &caller->last);
}

/**
 * nslab_coverage_of_place() - how many executions have reached a place
 * @ip: the place
 * @from: called from there, 0 for anywhere
 */
u64 nslab_coverage_of_place(unsigned long ip, unsigned long from)
{
	struct nslab_place *place = place_of(ip);
	struct nslab_caller *caller;

	if (!place || !from)
		return place ? place->executions : 0;
	caller = caller_of(place, from);
	return caller ? caller->executions : 0;
}

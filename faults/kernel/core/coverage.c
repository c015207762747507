// SPDX-License-Identifier: GPL-2.0
/*
 * By how many executions each named point was met, and each reader: each place
 * that looks at another task's nsproxy, with who called it.
 */

#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/printk.h>

#include "../nslab.h"

/* Readers there may be, and callers of one that only hands the pointer on. */
#define MAX_PLACES	48
#define MAX_CALLERS	12

/**
 * struct tally - something that executions meet
 * @executions: how many have
 * @last: number of the last one, so that each counts once
 */
struct tally {
	u64 executions;
	u64 last;
};

struct caller {
	unsigned long ip;
	struct tally met;
};

/*
 * Found by the return address of the call, which the compiler does not move,
 * as it may the address that a point is given.
 */
struct place {
	unsigned long ip;
	struct tally met;
	struct caller callers[MAX_CALLERS];
};

static struct tally points[NSLAB_NR_POINTS];
static struct place places[MAX_PLACES];

/* Numbers of executions of this boot, from 1; 0: this one does not count. */
static u64 last_execution, this_execution;

static void count(struct tally *tally)
{
	if (!this_execution || tally->last == this_execution)
		return;
	tally->last = this_execution;
	tally->executions++;
}

/* Where @ip is counted, or would be; NULL if there is no room. */
static struct place *place_of(unsigned long ip)
{
	struct place *place = places;

	while (place < places + MAX_PLACES && place->ip && place->ip != ip)
		place++;
	return place < places + MAX_PLACES ? place : NULL;
}

static struct caller *caller_of(struct place *place, unsigned long ip)
{
	struct caller *caller = place->callers, *end = caller + MAX_CALLERS;

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
 * nslab_coverage_point() - the execution has come to a named point
 */
void nslab_coverage_point(enum nslab_point point)
{
	count(&points[point]);
}

/**
 * nslab_coverage_reader() - it looks at another task's nsproxy
 * @ip: there
 * @from: where the function with that place was called
 */
void nslab_coverage_reader(unsigned long ip, unsigned long from)
{
	struct caller *caller = NULL;
	struct place *place;

	if (!this_execution)
		return;
	place = place_of(ip);
	if (place) {
		place->ip = ip;
		count(&place->met);
		caller = caller_of(place, from);
	}
	if (!caller) {
		/* Not silently: what is not counted seems never reached. */
		pr_warn_once("nslab: more readers than are counted: raise MAX_PLACES, MAX_CALLERS\n");
		return;
	}
	caller->ip = from;
	count(&caller->met);
}

/**
 * nslab_coverage_of_point() - how many executions have met @point
 */
u64 nslab_coverage_of_point(enum nslab_point point)
{
	return points[point].executions;
}

/**
 * nslab_coverage_of_reader() - how many executions have come to a place
 * @ip: the place
 * @from: called from there, 0 for anywhere
 */
u64 nslab_coverage_of_reader(unsigned long ip, unsigned long from)
{
	struct place *place = place_of(ip);
	struct caller *caller;

	if (!place || !from)
		return place ? place->met.executions : 0;
	caller = caller_of(place, from);
	return caller ? caller->met.executions : 0;
}

/* A name and its number, in an object of JSON. */
static void emit(const char *name, u64 executions, bool first)
{
	nslab_host_printf("%s\"%s\":%llu", first ? "" : ",", name, executions);
}

static void emit_place(const struct place *place)
{
	const struct caller *caller = place->callers;
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol(name, place->ip);
	nslab_host_printf("%s{\"where\":\"%s\",\"executions\":%llu,\"callers\":{",
			  place == places ? "" : ",", name,
			  place->met.executions);
	for (; caller < place->callers + MAX_CALLERS && caller->ip; caller++) {
		sprint_symbol(name, caller->ip);
		emit(name, caller->met.executions, caller == place->callers);
	}
	nslab_host_printf("}}");
}

/**
 * nslab_coverage_emit() - write it to the results, as members of an object
 */
void nslab_coverage_emit(void)
{
	const struct place *place = places;
	unsigned int i;

	nslab_host_printf("\"executions\":{");
	for (i = 0; i < NSLAB_NR_POINTS; i++)
		emit(nslab_points[i].name, points[i].executions, !i);
	nslab_host_printf("},\"places\":[");
	for (; place < places + MAX_PLACES && place->ip; place++)
		emit_place(place);
	nslab_host_printf("]");
}

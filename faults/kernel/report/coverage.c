// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage, as the results have it.
 */

#include <linux/kallsyms.h>

#include "../core/coverage.h"
#include "host.h"
#include "report.h"

/* A name and its number, in an object of JSON. */
static void emit_number(const char *name, u64 number, bool first)
{
	nslab_host_printf("%s\"%s\":%llu", first ? "" : ",", name, number);
}

static void emit_place(const struct nslab_place *place)
{
	const struct nslab_caller *caller = place->callers;
	const struct nslab_caller *end = caller + NSLAB_MAX_CALLERS;
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol(name, place->ip);
	nslab_host_printf("%s{\"where\":\"%s\",\"executions\":%llu,\"callers\":{",
			  place == nslab_places ? "" : ",", name,
			  place->executions);
	for (; caller < end && caller->ip; caller++) {
		sprint_symbol(name, caller->ip);
		emit_number(name, caller->executions, caller == place->callers);
	}
	nslab_host_printf("}}");
}

/**
 * nslab_emit_points() - write how often each point was reached since boot, and by
 * how many executions
 */
void nslab_emit_points(void)
{
	const struct nslab_place *place = nslab_places;
	const struct nslab_place *end = place + NSLAB_MAX_PLACES;
	struct nslab_named_point *const *point;

	nslab_host_printf("{\"event\":\"points\",\"hits\":{");
	nslab_for_each(point, nslab_points)
		emit_number((*point)->name, (*point)->hits,
			    point == __start_nslab_points);
	nslab_host_printf("},\"executions\":{");
	nslab_for_each(point, nslab_points)
		emit_number((*point)->name, (*point)->executions,
			    point == __start_nslab_points);
	nslab_host_printf("},\"places\":[");
	for (; place < end && place->ip; place++)
		emit_place(place);
	nslab_host_printf("]}\n");
}

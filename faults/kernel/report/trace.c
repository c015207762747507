// SPDX-License-Identifier: GPL-2.0
/*
 * The trace, as the results have it.
 */

#include <linux/kallsyms.h>
#include <linux/string_choices.h>

#include <asm/sections.h>

#include "../core/faults.h"
#include "../core/observer.h"
#include "../core/points.h"
#include "../core/trace.h"
#include "../memory/watch.h"
#include "host.h"
#include "report.h"

static const char * const kinds[NSLAB_NR_EVENTS] = {
#define NSLAB_EVENT(id, name, about) [NSLAB_EVENT_##id] = name,
#include "../events.def"
#undef NSLAB_EVENT
};

static const char *what_of(const struct nslab_event *e)
{
	switch (e->kind) {
	case NSLAB_EVENT_POINT:
		return nslab_point_name(e->what);
	case NSLAB_EVENT_FAULT:
		return nslab_fault_name(e->what);
	default:
		return kinds[e->kind];
	}
}

/* "" for NSLAB_NOBODY. */
static const char *name_of(unsigned int actor)
{
	return actor == NSLAB_NOBODY ? "" : nslab_actor_name(actor);
}

/* The actor whose event it is. RCU's callbacks and kworkers free objects, too. */
static const char *actor_of(const struct nslab_event *e)
{
	if (e->kind == NSLAB_EVENT_BEGIN)
		return "";
	return nslab_actor_name(e->actor);
}

/* The actor whose task is accessed, or woken. */
static const char *owner_of(const struct nslab_event *e, bool accesses)
{
	if (e->kind == NSLAB_EVENT_WAKE)
		return name_of(e->what);
	return accesses ? name_of(nslab_object_owner(e->object)) : "";
}

/* Numbers are given where names would have to be looked up by the host. */
static void emit_step(u64 execution, unsigned int number,
		      const struct nslab_event *e)
{
	bool accesses = e->kind == NSLAB_EVENT_ACCESS ||
			e->kind == NSLAB_EVENT_ALLOC ||
			e->kind == NSLAB_EVENT_FREE;
	char where[KSYM_SYMBOL_LEN] = "";

	if (e->ip)
		sprint_symbol(where, e->ip + (unsigned long)_text);
	nslab_host_printf("{\"event\":\"step\",\"n\":%llu,\"step\":%u,\"actor\":\"%s\",\"kind\":\"%s\",\"point\":\"%s\",\"where\":\"%s\",\"nesting\":%u,\"delay_ns\":%llu,",
			  execution, number, actor_of(e), kinds[e->kind],
			  what_of(e), where, e->nesting, e->delay_ns);
	nslab_host_printf("\"local\":%u,\"next\":\"%s\",\"enabled\":%u,\"free\":%s,\"object\":%u,\"watch\":%d,\"of\":\"%s\",\"offset\":%u,\"size\":%u,\"write\":%s,\"value\":%u,\"what\":%u}\n",
			  e->local,
			  name_of(e->next), e->enabled,
			  str_true_false(e->flags & NSLAB_EVENT_IS_FREE),
			  e->object, accesses ? e->what : -1,
			  owner_of(e, accesses),
			  e->offset, e->size,
			  str_true_false(e->flags & NSLAB_EVENT_IS_WRITE),
			  e->value, e->what);
}

/**
 * nslab_trace_emit() - write the trace to the results, a line of JSON a step
 * @execution: number of the execution in the plan
 */
void nslab_trace_emit(u64 execution)
{
	const struct nslab_event *events;
	unsigned int i, n;

	events = nslab_trace_events(&n);
	for (i = 0; i < n; i++)
		emit_step(execution, i + 1, &events[i]);
}

/* Of an execution that warms up only if it is the last. */
static void nslab_trace_ends(const struct nslab_run *run)
{
	if (run->flags & NSLAB_RUN_TRACE &&
	    (!(run->flags & NSLAB_RUN_WARM_UP) ||
	     run->status & (NSLAB_STATUS_HANG | NSLAB_STATUS_SPLAT)))
		nslab_trace_emit(run->execution);
}

static const struct nslab_observer trace_observer = {
	.ends = nslab_trace_ends,
};

NSLAB_OBSERVER(trace_observer);

// SPDX-License-Identifier: GPL-2.0
/*
 * What the actors did in this execution, and a hash over it.
 *
 * Nothing in here may depend on an address of an object, on a pid or on the
 * host: two executions of one plan have the same trace, byte for byte. Places
 * in the kernel's text are offsets from its start, which the build fixes.
 */

#include <linux/atomic.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/vmalloc.h>

#include <asm/sections.h>

#include "nslab.h"

/* Events kept. An execution of any scenario here has some hundreds. */
#define MAX_EVENTS	(1U << 16)

static struct nslab_event *events;
static atomic_t nr_events;

int __init nslab_trace_init(void)
{
	events = vzalloc(array_size(MAX_EVENTS, sizeof(*events)));
	return events ? 0 : -ENOMEM;
}

void nslab_trace_reset(void)
{
	atomic_set(&nr_events, 0);
}

static unsigned int nr_kept(void)
{
	return min_t(unsigned int, atomic_read(&nr_events), MAX_EVENTS);
}

/**
 * nslab_trace_add() - append one event
 * @event: copied
 *
 * Beyond MAX_EVENTS only the number of events still counts.
 */
void nslab_trace_add(const struct nslab_event *event)
{
	unsigned int i = atomic_inc_return(&nr_events) - 1;

	if (i < MAX_EVENTS)
		events[i] = *event;
}

/* FNV-1a (Fowler, Noll, Vo), a word at a time. */
static u64 mix(u64 hash, u64 word)
{
	return (hash ^ word) * 0x100000001b3ULL;
}

/**
 * nslab_trace_hash() - identity of what happened
 */
u64 nslab_trace_hash(void)
{
	u64 hash = mix(0xcbf29ce484222325ULL, atomic_read(&nr_events));
	unsigned int i;

	for (i = 0; i < nr_kept(); i++) {
		const struct nslab_event *e = &events[i];

		hash = mix(hash, e->kind | e->actor << 8 | e->nesting << 16 |
				 (u64)e->what << 24);
		hash = mix(hash, e->ip ? e->ip - (unsigned long)_stext : 0);
		hash = mix(hash, e->delay_ns);
	}
	/* The low bits of a product see only the low bits of its factors. */
	return hash ^ hash >> 32;
}

/**
 * nslab_trace_count() - how many events of one kind
 */
unsigned int nslab_trace_count(enum nslab_event_kind kind)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_kept(); i++)
		n += events[i].kind == kind;
	return n;
}

/**
 * nslab_trace_delays() - how many points held their actor back
 */
unsigned int nslab_trace_delays(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_kept(); i++)
		n += events[i].delay_ns != 0;
	return n;
}

static const char *event_name(const struct nslab_event *e)
{
	switch (e->kind) {
	case NSLAB_EVENT_POINT:
		return nslab_points[e->what].name;
	case NSLAB_EVENT_FAULT:
		return nslab_fault_name(e->what);
	case NSLAB_EVENT_START:
		return "start";
	default:
		return "end";
	}
}

/**
 * nslab_trace_emit() - write the trace to the results, a line of JSON a step
 * @execution: number of the execution in the plan
 */
void nslab_trace_emit(u64 execution)
{
	unsigned int i;

	for (i = 0; i < nr_kept(); i++) {
		const struct nslab_event *e = &events[i];
		char where[KSYM_SYMBOL_LEN] = "";

		if (e->ip)
			sprint_symbol(where, e->ip);
		nslab_host_printf("{\"event\":\"step\",\"n\":%llu,\"step\":%u,\"actor\":\"%s\",\"point\":\"%s\",\"where\":\"%s\",\"nesting\":%u,\"delay_ns\":%llu}\n",
				  execution, i + 1, nslab_actor_name(e->actor),
				  event_name(e), where, e->nesting,
				  e->delay_ns);
	}
}

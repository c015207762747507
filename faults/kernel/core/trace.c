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
#include <linux/string_choices.h>
#include <linux/vmalloc.h>

#include <asm/sections.h>

#include "../nslab.h"

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
 *
 * Return: the event as kept, to be changed until the execution has ended.
 */
struct nslab_event *nslab_trace_add(const struct nslab_event *event)
{
	static struct nslab_event dropped;
	unsigned int i = atomic_inc_return(&nr_events) - 1;
	struct nslab_event *kept = i < MAX_EVENTS ? &events[i] : &dropped;

	*kept = *event;
	nslab_gdb_at(recorded, kept);
	return kept;
}

/**
 * nslab_trace_point() - append an event that is a scheduling point of @actor
 * @actor: whose
 * @event: copied
 *
 * Return: the event as kept.
 */
struct nslab_event *nslab_trace_point(struct nslab_actor *actor,
				      const struct nslab_event *event)
{
	struct nslab_event *kept = nslab_trace_add(event);

	kept->actor = nslab_actor_index(actor);
	kept->local = ++actor->points;
	/* The clock stands still while it spins: no timeout will ever come. */
	if (actor->points == U16_MAX) {
		pr_emerg("nslab: hang: actor %s spins\n", actor->name);
		panic("nslab: an actor does not come to its end\n");
	}
	return kept;
}

/**
 * nslab_trace_events() - all events so far
 * @n: how many
 */
const struct nslab_event *nslab_trace_events(unsigned int *n)
{
	*n = nr_kept();
	return events;
}

/**
 * nslab_trace_number() - the number of an event as kept, from 1
 *
 * Return: 0 for one beyond MAX_EVENTS.
 */
u32 nslab_trace_number(const struct nslab_event *event)
{
	return event >= events && event < events + MAX_EVENTS ?
	       event - events + 1 : 0;
}

/**
 * nslab_trace_truncated() - were there more than are kept?
 */
bool nslab_trace_truncated(void)
{
	return atomic_read(&nr_events) > MAX_EVENTS;
}

/**
 * nslab_text_offset() - a place in the kernel's text, as the trace has it
 */
u64 nslab_text_offset(unsigned long ip)
{
	return ip ? ip - (unsigned long)_stext : 0;
}

/* FNV-1a (Fowler, Noll, Vo), a word at a time. */
u64 nslab_mix(u64 hash, u64 word)
{
	return (hash ^ word) * 0x100000001b3ULL;
}

/**
 * nslab_trace_hash() - identity of what happened
 */
u64 nslab_trace_hash(void)
{
	u64 hash = nslab_mix(0xcbf29ce484222325ULL, atomic_read(&nr_events));
	const u64 *word = (const u64 *)events;
	const u64 *end = (const u64 *)(events + nr_kept());

	BUILD_BUG_ON(sizeof(*events) % sizeof(*word));
	while (word < end)
		hash = nslab_mix(hash, *word++);
	/* The low bits of a product see only the low bits of its factors. */
	return hash ^ hash >> 32;
}

/**
 * nslab_trace_count() - how many events of one kind
 */
unsigned int nslab_trace_count(unsigned int kind)
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

/**
 * nslab_trace_points() - how many scheduling points there were
 *
 * Where no strategy decides: how many named points.
 */
unsigned int nslab_trace_points(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_kept(); i++)
		n += !!(events[i].flags & NSLAB_EVENT_IS_POINT);
	return n ?: nslab_trace_count(NSLAB_EVENT_POINT);
}

static const char * const kinds[NSLAB_NR_EVENTS] = {
	[NSLAB_EVENT_POINT] = "point",
	[NSLAB_EVENT_FAULT] = "fault",
	[NSLAB_EVENT_START] = "start",
	[NSLAB_EVENT_END] = "end",
	[NSLAB_EVENT_BEGIN] = "begin",
	[NSLAB_EVENT_ACCESS] = "access",
	[NSLAB_EVENT_ALLOC] = "alloc",
	[NSLAB_EVENT_FREE] = "free",
	[NSLAB_EVENT_BLOCK] = "block",
	[NSLAB_EVENT_RESUME] = "resume",
	[NSLAB_EVENT_LOCK] = "lock",
	[NSLAB_EVENT_UNLOCK] = "unlock",
};

static const char *point_name(const struct nslab_event *e)
{
	switch (e->kind) {
	case NSLAB_EVENT_POINT:
		return nslab_points[e->what].name;
	case NSLAB_EVENT_FAULT:
		return nslab_fault_name(e->what);
	default:
		return kinds[e->kind];
	}
}

static const char *name_of(unsigned int actor)
{
	return actor == NSLAB_NOBODY ? "" : nslab_actor_name(actor);
}

/* Whose event it is: RCU's callbacks and kworkers free objects, too. */
static const char *actor_of(const struct nslab_event *e)
{
	if (e->actor == NSLAB_NOBODY && e->kind != NSLAB_EVENT_BEGIN)
		return "others";
	return name_of(e->actor);
}

/* Numbers are given where names would have to be looked up by the host. */
static void emit(u64 execution, unsigned int number,
		 const struct nslab_event *e)
{
	bool accesses = e->kind == NSLAB_EVENT_ACCESS ||
			e->kind == NSLAB_EVENT_ALLOC ||
			e->kind == NSLAB_EVENT_FREE;
	char where[KSYM_SYMBOL_LEN] = "";

	if (e->ip)
		sprint_symbol(where, e->ip + (unsigned long)_stext);
	nslab_host_printf("{\"event\":\"step\",\"n\":%llu,\"step\":%u,\"actor\":\"%s\",\"kind\":\"%s\",\"point\":\"%s\",\"where\":\"%s\",\"nesting\":%u,\"delay_ns\":%llu,",
			  execution, number, actor_of(e), kinds[e->kind],
			  point_name(e), where, e->nesting, e->delay_ns);
	nslab_host_printf("\"local\":%u,\"next\":\"%s\",\"enabled\":%u,\"free\":%s,\"object\":%u,\"watch\":%d,\"of\":\"%s\",\"offset\":%u,\"size\":%u,\"write\":%s,\"value\":%u}\n",
			  e->local,
			  name_of(e->next), e->enabled,
			  str_true_false(e->flags & NSLAB_EVENT_IS_FREE),
			  e->object, accesses ? e->what : -1,
			  accesses ? name_of(nslab_object_owner(e->object)) : "",
			  e->offset, e->size,
			  str_true_false(e->flags & NSLAB_EVENT_IS_WRITE),
			  e->value);
}

/**
 * nslab_trace_emit() - write the trace to the results, a line of JSON a step
 * @execution: number of the execution in the plan
 */
void nslab_trace_emit(u64 execution)
{
	unsigned int i;

	for (i = 0; i < nr_kept(); i++)
		emit(execution, i + 1, &events[i]);
}

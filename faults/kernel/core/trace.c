// SPDX-License-Identifier: GPL-2.0
/*
 * What the actors did in this execution, and a hash over it.
 *
 * Nothing in here may depend on an address of an object, on a pid or on the
 * host: two executions of one plan have the same trace, byte for byte. Places
 * in the kernel's text are offsets from its start, which the build fixes.
 */

#define pr_fmt(fmt) "nslab: " fmt

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/vmalloc.h>

#include <asm/sections.h>

#include "observer.h"
#include "trace.h"

/* Events kept. An execution of any scenario here has some hundreds. */
#define MAX_EVENTS	BIT(16)

struct nslab_event *nslab_events;
atomic_t nslab_nr_events;

static int __init nslab_trace_init(void)
{
	nslab_events = vzalloc(array_size(MAX_EVENTS, sizeof(*nslab_events)));
	return nslab_events ? 0 : -ENOMEM;
}
late_initcall(nslab_trace_init);

void nslab_trace_reset(void)
{
	atomic_set(&nslab_nr_events, 0);
}

static unsigned int nr_kept(void)
{
	return min_t(unsigned int, atomic_read(&nslab_nr_events), MAX_EVENTS);
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
	unsigned int i = atomic_inc_return(&nslab_nr_events) - 1;
	struct nslab_event *kept = i < MAX_EVENTS ? &nslab_events[i] : &dropped;

	*kept = *event;
	nslab_tell_debugger(recorded, kept);
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
		pr_emerg("hang: actor %s spins\n", actor->name);
		panic("nslab: an actor does not end\n");
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
	return nslab_events;
}

/**
 * nslab_trace_number() - the number of an event as kept, from 1
 *
 * Return: 0 for one beyond MAX_EVENTS.
 */
u32 nslab_trace_number(const struct nslab_event *event)
{
	return event >= nslab_events && event < nslab_events + MAX_EVENTS ?
	       event - nslab_events + 1 : 0;
}

/**
 * nslab_trace_truncated() - were there more than are kept?
 */
bool nslab_trace_truncated(void)
{
	return atomic_read(&nslab_nr_events) > MAX_EVENTS;
}

/**
 * nslab_text_offset() - a place in the kernel's text, as the trace has it
 */
u32 nslab_text_offset(unsigned long ip)
{
	return ip ? ip - (unsigned long)_text : 0;
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
	u64 hash = nslab_mix(0xcbf29ce484222325ULL, atomic_read(&nslab_nr_events));
	const u64 *word = (const u64 *)nslab_events;
	const u64 *end = (const u64 *)(nslab_events + nr_kept());

	BUILD_BUG_ON(sizeof(*nslab_events) % sizeof(*word));
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
		n += nslab_events[i].kind == kind;
	return n;
}

/**
 * nslab_trace_delays() - how many points held their actor back
 */
unsigned int nslab_trace_delays(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_kept(); i++)
		n += nslab_events[i].delay_ns != 0;
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
		n += !!(nslab_events[i].flags & NSLAB_EVENT_IS_POINT);
	return n ?: nslab_trace_count(NSLAB_EVENT_POINT);
}

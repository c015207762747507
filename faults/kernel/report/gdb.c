// SPDX-License-Identifier: GPL-2.0
/*
 * Where gdb stops an execution, see harness/gdb.
 *
 * A breakpoint with a condition stops the guest each time, for gdb to evaluate it. So
 * gdb writes here what it waits for, and has its breakpoint in a function that is
 * called when that comes. None of it is part of the trace: an execution is the same
 * with and without gdb.
 */

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/init.h>

#include "../core/observer.h"
#include "../core/steer.h"
#include "../core/trace.h"
#include "gdb.h"

/* Written by gdb, while the guest stands still, but for what is marked "out". */
struct nslab_gdb nslab_gdb = { .last = NSLAB_NOBODY };

/**
 * nslab_gdb_stop() - gdb has a breakpoint here
 */
noinline void nslab_gdb_stop(void)
{
	/* Or the call would be optimised away. */
	barrier();
}

static bool is_meant(const struct nslab_run *run)
{
	u32 warm_up = run && run->flags & NSLAB_RUN_WARM_UP ?
		      nslab_gdb.warm_ups : 0;

	return run && run->execution == READ_ONCE(nslab_gdb.execution) &&
	       warm_up == nslab_gdb.warm_up;
}

static void stop(enum nslab_gdb_moment moment, u32 step, u8 actor)
{
	nslab_gdb.moment = moment;
	nslab_gdb.at = step;
	nslab_gdb.actor = actor;
	nslab_gdb_stop();
}

static bool is_break(const struct nslab_event *event)
{
	return event->kind == NSLAB_EVENT_POINT &&
	       event->actor < NSLAB_MAX_ACTORS &&
	       nslab_gdb.points[event->what] & BIT(event->actor);
}

/* Does current go on after another actor? */
static bool is_turn(u8 actor)
{
	bool turn = actor != NSLAB_NOBODY && actor != nslab_gdb.last;

	if (turn)
		nslab_gdb.last = actor;
	return turn && nslab_gdb.turn;
}

/*
 * nslab_gdb_recorded() - an event was added to the trace
 * @event: it, as kept
 */
static void nslab_gdb_recorded(const struct nslab_event *event)
{
	u32 step = nslab_trace_number(event);
	bool turn, point;

	/* What is to be decided comes again when it is. */
	if (!is_meant(nslab_current_run()) ||
	    (nslab_steering() && event->flags & NSLAB_EVENT_IS_POINT))
		return;
	turn = !nslab_steering() && is_turn(event->actor);
	point = !nslab_steering() && event->kind == NSLAB_EVENT_POINT;
	if (step == nslab_gdb.step || turn || is_break(event) ||
	    (point && nslab_gdb.next))
		stop(NSLAB_GDB_RECORDED, step, event->actor);
}

/*
 * nslab_gdb_decides() - the next actor is about to be chosen
 * @event: where, with those that can run
 */
static void nslab_gdb_decides(const struct nslab_event *event)
{
	u32 step = nslab_trace_number(event);

	if (!is_meant(nslab_current_run()))
		return;
	if (step == nslab_gdb.step || nslab_gdb.next || is_break(event))
		stop(NSLAB_GDB_DECIDES, step, event->actor);
}

/*
 * nslab_gdb_choice() - has gdb's user decided it?
 * @event: where
 *
 * Return: the index of the actor that runs next, NSLAB_NOBODY if that is left
 * to the strategy.
 */
static unsigned int nslab_gdb_choice(const struct nslab_event *event)
{
	u32 step = nslab_trace_number(event), i;

	if (!is_meant(nslab_current_run()))
		return NSLAB_NOBODY;
	for (i = 0; i < nslab_gdb.nchoices; i++)
		if (nslab_gdb.choices[i].step == step &&
		    event->enabled & BIT(nslab_gdb.choices[i].actor))
			return nslab_gdb.choices[i].actor;
	return NSLAB_NOBODY;
}

/*
 * nslab_gdb_goes_on() - it is the turn of current, an actor
 * @actor: current
 */
static void nslab_gdb_goes_on(const struct nslab_actor *actor)
{
	unsigned int n, index = nslab_actor_index(actor);

	nslab_trace_events(&n);
	if (is_meant(nslab_current_run()) && is_turn(index))
		stop(NSLAB_GDB_GOES_ON, n, index);
}

/*
 * nslab_gdb_begins() - an execution is about to begin
 * @run: which
 *
 * Those that warm up all have the number of the first that counts.
 */
static void nslab_gdb_begins(const struct nslab_run *run)
{
	nslab_gdb.warm_ups += !!(run->flags & NSLAB_RUN_WARM_UP);
}

/*
 * nslab_gdb_ends() - an execution is over
 * @run: with what came out
 */
static void nslab_gdb_ends(const struct nslab_run *run)
{
	if (!READ_ONCE(nslab_gdb.execution) || !is_meant(run))
		return;
	nslab_gdb.hash = run->hash;
	nslab_gdb.status = run->status;
	stop(NSLAB_GDB_ENDS, run->nevents, NSLAB_NOBODY);
}

static const struct nslab_observer gdb_observer = {
	.begins = nslab_gdb_begins,
	.ends = nslab_gdb_ends,
};

NSLAB_OBSERVER(gdb_observer);

static const struct nslab_debugger gdb = {
	.execution = &nslab_gdb.execution,
	.recorded = nslab_gdb_recorded,
	.decides = nslab_gdb_decides,
	.choice = nslab_gdb_choice,
	.goes_on = nslab_gdb_goes_on,
};

static int __init nslab_gdb_init(void)
{
	nslab_debugger = &gdb;
	return 0;
}
late_initcall(nslab_gdb_init);

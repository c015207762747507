// SPDX-License-Identifier: GPL-2.0
/*
 * Where what an actor does has a boundary that others may fall on: a system call, a
 * read section, a wait for a grace period, an object's life. With NSLAB_RUN_SHARED
 * they are in the trace, with NSLAB_RUN_ALL_POINTS they are points. Objects and the ends
 * of read sections are events only then: there are others of those that matter. Before
 * a read section there is always a point if grace periods are waited for: whether it
 * began before such a wait or after cannot be chosen at any later one.
 *
 * After an atomic operation there is no point of its own. What makes a window there is
 * what the actor does next, and all that others can notice of that begins with a
 * point: an access to a shared word, a lock, one of these.
 */

#include <linux/err.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>

#include <asm/unistd.h>

#include "locks.h"
#include "points.h"
#include "trace.h"

static void reach(unsigned int kind, u16 what, u16 value, unsigned long ip)
{
	struct nslab_actor *actor = nslab_acting();
	struct nslab_event event = {
		.kind = kind,
		.what = what,
		.value = value,
		.ip = nslab_text_offset(ip),
	};

	nslab_reach(actor, &event,
		    nslab_current_run()->flags & NSLAB_RUN_ALL_POINTS, NULL);
}

static void reach_point(unsigned int kind, u16 what, unsigned long ip)
{
	struct nslab_event event = {
		.kind = kind,
		.what = what,
		.ip = nslab_text_offset(ip),
	};

	nslab_reach(nslab_acting(), &event, true, NULL);
}

/* Current is an actor: does what it does at @ip count, with these flags? */
static bool counts(u32 flags, unsigned long ip)
{
	return nslab_acting() && (nslab_current_run()->flags & flags) == flags &&
	       !(ip && nslab_is_machinery(ip));
}

#define IN_TRACE	NSLAB_RUN_SHARED
#define IF_POINT	(NSLAB_RUN_SHARED | NSLAB_RUN_ALL_POINTS)

/* What an actor calls to join and to leave. */
static bool is_own_call(int number, unsigned long command)
{
	return number == __NR_ioctl && _IOC_TYPE(command) == NSLAB_IOC_MAGIC;
}

/**
 * __nslab_syscall() - current, an actor, enters a system call
 * @number: which
 * @command: its second argument
 */
void __nslab_syscall(int number, unsigned long command)
{
	if (!counts(IN_TRACE, 0) || is_own_call(number, command))
		return;
	current->nslab->in_call = true;
	reach(NSLAB_EVENT_SYSCALL, number, 0, 0);
}

/**
 * __nslab_return() - current, an actor, is at the end of a system call
 * @number: which
 * @result: what it returns. Only errors are recorded: a pid is another one each time
 */
void __nslab_return(int number, long result)
{
	struct nslab_actor *actor = current->nslab;

	if (!actor->in_call)
		return;
	actor->in_call = false;
	if (counts(IN_TRACE, 0))
		reach(NSLAB_EVENT_RETURN, number, IS_ERR_VALUE(result) ? -result : 0, 0);
}

/* In the executions that warm up, which are the same in each boot. */
static bool any_grace;

static void note_grace(void)
{
	if (nslab_acting() && nslab_current_run()->flags & NSLAB_RUN_WARM_UP)
		any_grace = true;
}

/**
 * __nslab_section() - current, an actor, is about to enter a read section, or has left
 *	one
 * @begins: which of that
 * @ip: whose section
 */
void __nslab_section(bool begins, unsigned long ip)
{
	bool needed = begins && any_grace;

	/* One within another changes nothing. */
	if (!rcu_preempt_depth() && counts(needed ? IN_TRACE : IF_POINT, ip))
		reach_point(NSLAB_EVENT_SECTION, !begins, ip);
}

/**
 * __nslab_defer() - current, an actor, leaves something to an RCU callback
 * @ip: where
 */
void __nslab_defer(unsigned long ip)
{
	note_grace();
	if (counts(IN_TRACE, ip))
		reach(NSLAB_EVENT_GRACE, 2, 0, ip);
}

/* The caller of KASAN's function and the allocator's, which asked for the object. */
#define ASKED_IP	((unsigned long)__builtin_return_address(2))

/**
 * __nslab_heap() - current, an actor, has got an object of a slab cache, or is about to
 *	free one
 * @frees: which of that
 */
void __nslab_heap(bool frees)
{
	if (counts(IF_POINT, ASKED_IP) && preemptible())
		reach_point(NSLAB_EVENT_HEAP, frees, ASKED_IP);
}

/**
 * nslab_wait_begin() - begin a block with guard(nslab_grace)() or
 *	guard(nslab_lock_wait)()
 * @reason: NSLAB_WAITS_*: if current, which may be an actor, has to wait, it is for that
 * @ip: who is going to wait for a grace period
 *
 * Return: what nslab_wait_end() needs to know.
 */
int nslab_wait_begin(unsigned int reason, unsigned long ip)
{
	struct nslab_actor *actor = current->nslab;
	int before;

	if (!actor)
		return -1;
	before = actor->waits_for;
	if (reason == NSLAB_WAITS_GRACE)
		note_grace();
	if (reason == NSLAB_WAITS_GRACE && before != reason && counts(IN_TRACE, ip))
		reach(NSLAB_EVENT_GRACE, 0, 0, ip);
	actor->waits_for = reason;
	return before;
}

/**
 * nslab_wait_end() - end such a block
 * @before: what nslab_wait_begin() returned
 * @ip: likewise
 */
void nslab_wait_end(int before, unsigned long ip)
{
	struct nslab_actor *actor = current->nslab;
	bool grace;

	if (before < 0 || !actor)
		return;
	grace = actor->waits_for == NSLAB_WAITS_GRACE && before != NSLAB_WAITS_GRACE;
	actor->waits_for = before;
	if (grace && counts(IN_TRACE, ip))
		reach(NSLAB_EVENT_GRACE, 1, 0, ip);
}

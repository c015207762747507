// SPDX-License-Identifier: GPL-2.0
/*
 * Locks that actors take.
 *
 * lockdep is told of all of them but bit spinlocks, of most in the middle of it: with
 * preemption off already, and of a trylock only if it was successful. So kernel/locking/
 * calls the lab before that, where the task can still be preempted, and again when
 * the lock has been released. The event of the first call stands for what lockdep is
 * told then. What it is told alone, of a lock without such calls, is an event and
 * can be a point as well.
 *
 * Where the points have to be, so that a search that is bounded by preemptions leaves
 * nothing out: before a lock is taken, and before one is released for which a task can
 * sleep: in between, who wants it waits, and to go on with another actor costs no
 * preemption. Nobody is preempted under a spinlock, and there is a point before
 * whatever comes after its release that others can notice. With
 * NSLAB_RUN_ALL_POINTS there is one right after a release, too, for what comes then
 * and is not known to be shared.
 *
 * Without NSLAB_RUN_SHARED only what a task can sleep for is recorded, when
 * lockdep is told, and is no point.
 */

#include <linux/lockdep.h>
#include <linux/rcupdate.h>
/* It does not include all that it needs. */
#include <linux/bit_spinlock.h>

#include "locks.h"
#include "numbers.h"
#include "points.h"
#include "trace.h"

static struct nslab_numbers locks;

/**
 * nslab_locks_begin() - an execution begins: locks get new numbers
 */
void nslab_locks_begin(void)
{
	nslab_numbers_reset(&locks);
}

/**
 * nslab_lock_number() - a small number that stands for a lock
 *
 * Return: the same all through an execution, from 1; 0 if there are too many.
 */
u16 nslab_lock_number(const void *lock)
{
	u16 *number = nslab_number_of(&locks, lock);

	if (!*number)
		*number = nslab_next_number(&locks);
	return *number;
}

/* What is to become of it. */
enum fate {
	IGNORED,
	RECORDED,
	POINT,
};

static bool sleeps(const struct lockdep_map *lock)
{
	return lock->wait_type_inner == LD_WAIT_SLEEP;
}

/* RCU has maps for its sections, others have maps for what is no lock. */
static bool is_lock(const struct lockdep_map *lock)
{
	return lock->wait_type_inner >= LD_WAIT_SPIN &&
	       lock->wait_type_outer != LD_WAIT_FREE;
}

static bool guards(const void *lock)
{
	return !nslab_memory || !nslab_memory->guards || nslab_memory->guards(lock);
}

static enum fate fate_of_word(const void *lock, unsigned long ip)
{
	u32 flags;

	if (!nslab_acting())
		return IGNORED;
	flags = nslab_current_run()->flags;
	if (!(flags & NSLAB_RUN_SHARED) || nslab_is_machinery(ip) ||
	    nslab_waits_for_grace(current->nslab))
		return IGNORED;
	return flags & NSLAB_RUN_ALL_POINTS || guards(lock) ? POINT : RECORDED;
}

static enum fate fate_of(const struct lockdep_map *lock, unsigned long ip)
{
	enum fate fate = is_lock(lock) ? fate_of_word(lock, ip) : IGNORED;

	/* The machinery's as well: an actor may have to wait for it. */
	if (fate == IGNORED && sleeps(lock) && nslab_acting() &&
	    nslab_current_run()->flags & NSLAB_RUN_SYNC)
		return RECORDED;
	return fate;
}

static bool records_all(void)
{
	return nslab_current_run()->flags & NSLAB_RUN_SHARED;
}

static bool all_points(void)
{
	const u32 flags = NSLAB_RUN_SHARED | NSLAB_RUN_ALL_POINTS;

	return (nslab_current_run()->flags & flags) == flags;
}

static struct nslab_event event_of(unsigned int kind, const void *lock, u16 what,
				   unsigned long ip)
{
	struct nslab_event event = {
		.kind = kind,
		.object = nslab_lock_number(lock),
	};

	if (!records_all())
		return event;
	event.what = what;
	event.ip = nslab_text_offset(ip);
	return event;
}

static u16 what_of(const struct lockdep_map *lock, bool read, bool tries)
{
	return (read ? NSLAB_LOCK_READ : 0) | (tries ? NSLAB_LOCK_TRIES : 0) |
	       (sleeps(lock) ? 0 : NSLAB_LOCK_SPINS);
}

/**
 * __nslab_locking() - current, an actor, is about to take a lock
 * @lock: it
 * @read: others may have it for reading at the same time
 * @tries: only if nobody holds it; __nslab_tried() follows
 * @ip: who wants it
 */
void __nslab_locking(const struct lockdep_map *lock, bool read, bool tries,
		     unsigned long ip)
{
	struct nslab_actor *actor = current->nslab;
	enum fate fate = fate_of(lock, ip);
	struct nslab_event event, *kept;

	if (fate == IGNORED || !records_all())
		return;
	event = event_of(NSLAB_EVENT_LOCK, lock, what_of(lock, read, tries), ip);
	kept = nslab_reach(actor, &event, fate == POINT, NULL);
	actor->locking = lock;
	actor->tried = tries ? kept : NULL;
}

/**
 * __nslab_tried() - the trylock that it was about to make has come back
 * @taken: with the lock
 */
void __nslab_tried(bool taken)
{
	struct nslab_actor *actor = current->nslab;

	if (!in_task())
		return;
	if (actor->tried && !taken) {
		actor->tried->value = 1;
		actor->locking = NULL;
	}
	actor->tried = NULL;
}

/**
 * __nslab_acquire() - current, an actor, takes a lock: what lockdep is told
 * @lock: it
 * @tries: it has it already
 * @read: others may have it for reading at the same time
 * @ip: who wants it
 */
void __nslab_acquire(const struct lockdep_map *lock, bool tries, bool read,
		     unsigned long ip)
{
	struct nslab_actor *actor = current->nslab;
	struct nslab_event event;
	enum fate fate;

	if (actor->locking == lock) {
		actor->locking = NULL;
		return;
	}
	fate = fate_of(lock, ip);
	if (fate == IGNORED)
		return;
	event = event_of(NSLAB_EVENT_LOCK, lock, what_of(lock, read, tries), ip);
	/* A point is before what it is named after. */
	nslab_reach(actor, &event, fate == POINT && !tries, NULL);
}

/**
 * __nslab_release() - current, an actor, is about to release a lock
 * @lock: it
 * @ip: who does
 */
void __nslab_release(const struct lockdep_map *lock, unsigned long ip)
{
	struct nslab_actor *actor = current->nslab;
	enum fate fate = fate_of(lock, ip);
	struct nslab_event event;

	if (fate == IGNORED)
		return;
	event = event_of(NSLAB_EVENT_UNLOCK, lock, what_of(lock, false, false), ip);
	if (sleeps(lock)) {
		nslab_reach(actor, &event, fate == POINT && records_all(), NULL);
		if (!all_points())
			return;
		event.what |= NSLAB_LOCK_OVER;
	}
	nslab_note_unlock(actor);
	actor->unlocking = lock;
	actor->unlock = event;
	actor->unlock_point = fate == POINT && all_points();
}

/**
 * nslab_note_unlock() - record a release, if there was one that has not been yet
 * @actor: whose. It is current, and about to do something else
 */
void nslab_note_unlock(struct nslab_actor *actor)
{
	struct nslab_event *event = &actor->unlock;

	if (!actor->unlocking)
		return;
	actor->unlocking = NULL;
	if (event->what & NSLAB_LOCK_OVER)
		return;
	event->actor = nslab_actor_index(actor);
	event->nesting = rcu_preempt_depth();
	event->next = NSLAB_NOBODY;
	nslab_trace_add(event);
}

static void unlocked(struct nslab_actor *actor, u16 what)
{
	struct nslab_event event = actor->unlock;

	if (!nslab_acting())
		return;
	event.what |= what;
	actor->unlocking = NULL;
	nslab_reach(actor, &event, actor->unlock_point, NULL);
}

/**
 * __nslab_unlocked() - current, an actor, has released a lock
 * @lock: it. It may be gone by now
 * @read: it was one for reading
 */
void __nslab_unlocked(const struct lockdep_map *lock, bool read)
{
	struct nslab_actor *actor = current->nslab;

	if (actor->unlocking == lock)
		unlocked(actor, read ? NSLAB_LOCK_READ : 0);
}

/**
 * __nslab_passing() - current, an actor, is about to wait, or to let others go on
 * @lock: that of what it does so with. It will be taken by code that is left out
 * @ip: there, or who has called that
 */
void __nslab_passing(const struct lockdep_map *lock, unsigned long ip)
{
	struct nslab_actor *actor = current->nslab;
	struct nslab_event event;

	if (!nslab_acting() || !records_all() || nslab_waits_for_grace(actor))
		return;
	event = event_of(NSLAB_EVENT_LOCK, lock, NSLAB_LOCK_SPINS, ip);
	nslab_reach(actor, &event, true, NULL);
	actor->unlock = event_of(NSLAB_EVENT_UNLOCK, lock, NSLAB_LOCK_SPINS, ip);
	actor->unlock_point = false;
	actor->unlocking = lock;
}

/**
 * nslab_bit_locking() - a bit spinlock is about to be taken
 * @addr: the word with the bit. It stands for all locks in it
 */
void nslab_bit_locking(const unsigned long *addr)
{
	struct nslab_event event;
	enum fate fate;

	if (likely(!current->nslab))
		return;
	fate = fate_of_word(addr, _RET_IP_);
	if (fate == IGNORED)
		return;
	event = event_of(NSLAB_EVENT_LOCK, addr, NSLAB_LOCK_SPINS, _RET_IP_);
	nslab_reach(current->nslab, &event, fate == POINT, NULL);
}
EXPORT_SYMBOL_GPL(nslab_bit_locking);

/**
 * nslab_bit_unlocked() - a bit spinlock has been released
 * @addr: the word with the bit
 */
void nslab_bit_unlocked(const unsigned long *addr)
{
	struct nslab_event event;
	enum fate fate;

	if (likely(!current->nslab))
		return;
	fate = fate_of_word(addr, _RET_IP_);
	if (fate == IGNORED)
		return;
	event = event_of(NSLAB_EVENT_UNLOCK, addr, NSLAB_LOCK_SPINS, _RET_IP_);
	nslab_reach(current->nslab, &event, all_points(), NULL);
}
EXPORT_SYMBOL_GPL(nslab_bit_unlocked);

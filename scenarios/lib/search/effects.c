// SPDX-License-Identifier: GPL-2.0
/*
 * What a step of an actor does, and which steps depend on each other.
 *
 * A step of an actor goes from one of its points, where it was chosen or will
 * be, to its next. A point before an access is recorded before the access is
 * made, so that belongs to the step that begins there.
 *
 * Only what the trace shows can count: accesses to watched objects, locks, RCU read
 * sections, waiting, and who wakes whom. What an actor waits for is known if it is
 * a lock or a grace period. Anything else may be up to any step of another actor, whether
 * that finds it asleep or not. So such a wait depends on all of them.
 *
 * Traces without NSLAB_RUN_SHARED have only locks that a task may sleep for, and do not
 * say what an actor waits for, nor who wakes it. An actor that waits for something
 * else is not seen to depend on the one that wakes it; struct bounded_stats.unexplained
 * counts that.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/search/effects.h"

/* === What a step does === */

static void add_access(struct effects *effects, struct effects_walk *walk,
		       unsigned int object, unsigned int start,
		       unsigned int end, bool write)
{
	struct effects_access access = {
		.object = object, .start = start, .write = write,
		.end = end,
	};
	unsigned int i;

	/* Freed since it got its number, and by now part of any other. */
	if (walk->freed[object / 64] & 1ULL << object % 64)
		effects->flags |= EFFECTS_GLOBAL;
	for (i = 0; i < effects->naccesses; i++)
		if (!memcmp(&effects->accesses[i], &access, sizeof(access)))
			return;
	/* No number was left for the object, or there is no room. */
	if (!object || effects->naccesses == EFFECTS_MAX_ACCESSES)
		effects->flags |= EFFECTS_GLOBAL;
	else
		effects->accesses[effects->naccesses++] = access;
}

/* It is allocated or freed. */
static void add_object(struct effects *effects, struct effects_walk *walk,
		       const struct nslab_event *event)
{
	unsigned int object = event->object;

	effects->flags |= EFFECTS_HEAP;
	effects->heaps |= event->value && event->value < 64 ?
			  1ULL << event->value : EFFECTS_ANY_HEAP;
	add_access(effects, walk, object, 0, UINT32_MAX, true);
	if (event->kind == NSLAB_EVENT_FREE)
		walk->freed[object / 64] |= 1ULL << object % 64;
}

static void add_lock(struct effects *effects, const struct nslab_event *event)
{
	unsigned int lock = event->object * 2U, i;

	if (!(event->what & NSLAB_LOCK_READ))
		lock |= EFFECTS_EXCLUSIVE;
	if (!(event->what & NSLAB_LOCK_SPINS))
		effects->flags |= EFFECTS_SLEEPS;
	for (i = 0; i < effects->nlocks; i++) {
		if (effects->locks[i] / 2 != event->object)
			continue;
		effects->locks[i] |= lock;
		return;
	}
	if (!event->object || effects->nlocks == EFFECTS_MAX_LOCKS)
		effects->flags |= EFFECTS_GLOBAL;
	else
		effects->locks[effects->nlocks++] = lock;
}

static void add_wait(struct effects *effects, struct effects_walk *walk,
		     const struct nslab_event *event)
{
	effects->flags |= EFFECTS_BLOCKING;
	if (event->kind == NSLAB_EVENT_BLOCK)
		walk->waits[event->actor] = event->what;
	if (walk->waits[event->actor] == NSLAB_WAITS_OTHER)
		effects->flags |= EFFECTS_GLOBAL;
}

/* The kernel knows what its points mean: see enum nslab_effect. */
static void add_named_point(struct effects *effects, struct effects_walk *walk,
			    const struct nslab_event *event)
{
	if (event->flags & NSLAB_EVENT_IS_GLOBAL)
		effects->flags |= EFFECTS_GLOBAL;
	if (event->flags & NSLAB_EVENT_IS_EXIT)
		walk->exits |= 1U << event->actor;
	if (event->flags & NSLAB_EVENT_IS_SECTION && event->nesting <= 1)
		effects->flags |= EFFECTS_BOUNDARY;
}

/* Most points are before what they are named after. */
static bool is_over(const struct nslab_event *event)
{
	return event->kind == NSLAB_EVENT_UNLOCK &&
	       event->what & (NSLAB_LOCK_SPINS | NSLAB_LOCK_OVER);
}

static void add_event(struct effects *effects, struct effects_walk *walk,
		      const struct nslab_event *event, bool last)
{
	unsigned int size = event->size ?: 1;

	switch (event->kind) {
	case NSLAB_EVENT_POINT:
		add_named_point(effects, walk, event);
		break;
	case NSLAB_EVENT_ACCESS:
		if (!last)
			add_access(effects, walk, event->object, event->offset,
				   event->offset + size,
				   event->flags & NSLAB_EVENT_IS_WRITE);
		break;
	case NSLAB_EVENT_FREE:
		if (!last)
			add_object(effects, walk, event);
		break;
	case NSLAB_EVENT_ALLOC:
		add_object(effects, walk, event);
		break;
	case NSLAB_EVENT_LOCK:
	case NSLAB_EVENT_UNLOCK:
		if (!last || is_over(event))
			add_lock(effects, event);
		break;
	case NSLAB_EVENT_WAKE:
		if (!last)
			effects->wakes |= 1U << event->what;
		break;
	case NSLAB_EVENT_BLOCK:
	case NSLAB_EVENT_RESUME:
		add_wait(effects, walk, event);
		break;
	case NSLAB_EVENT_END:
		effects->flags |= EFFECTS_ENDING;
		if (walk->exits & 1U << event->actor)
			effects->flags |= EFFECTS_GLOBAL;
		break;
	case NSLAB_EVENT_START:
	case NSLAB_EVENT_FAULT:
	case NSLAB_EVENT_SYSCALL:
	case NSLAB_EVENT_RETURN:
	case NSLAB_EVENT_SECTION:
	case NSLAB_EVENT_GRACE:
	case NSLAB_EVENT_HEAP:
	case NSLAB_EVENT_SLEEP:
		break;
	default:
		effects->flags |= EFFECTS_GLOBAL;
	}
}

static void note_known(struct effects *effects, unsigned int known,
		       unsigned int known_locks)
{
	unsigned int i;

	effects->known = UINT16_MAX;
	for (i = 0; i < effects->naccesses; i++)
		if (effects->accesses[i].object > known)
			effects->known = known;
	effects->known_locks = UINT16_MAX;
	for (i = 0; i < effects->nlocks; i++)
		if (effects->locks[i] / 2 > known_locks)
			effects->known_locks = known_locks;
}

static void note_number(struct effects_walk *walk, const struct nslab_event *event)
{
	bool lock = event->kind == NSLAB_EVENT_LOCK || event->kind == NSLAB_EVENT_UNLOCK;
	uint16_t *known = lock ? &walk->known_locks : &walk->known;

	if (event->object > *known)
		*known = event->object;
}

/**
 * effects_of_step() - what the actor chosen at a point did until its next one
 * @effects: filled
 * @walk: has reached that point
 * @events: the trace
 * @n: how many
 * @at: the point, at which an actor was chosen
 *
 * Return: the index of the point at which the step ended, @n if the trace ends
 * in the middle of it.
 */
unsigned int effects_of_step(struct effects *effects,
			     struct effects_walk *walk,
			     const struct nslab_event *events, unsigned int n,
			     unsigned int at)
{
	unsigned int actor = events[at].next;
	const struct nslab_event *begin = walk->last[actor];
	bool inside = begin && begin->nesting;
	unsigned int known = walk->known, known_locks = walk->known_locks, i;
	bool last = false;

	memset(effects, 0, sizeof(*effects));
	effects->actor = actor;
	if (begin && !is_over(begin))
		add_event(effects, walk, begin, false);

	for (i = at + 1; i < n && !last; i++) {
		const struct nslab_event *event = &events[i];

		last = event->flags & NSLAB_EVENT_IS_POINT;
		/* It is no other actor's turn: a callback of RCU, say. */
		if (event->actor != actor) {
			effects->flags |= EFFECTS_GLOBAL | EFFECTS_STRANGE;
			if (event->actor >= NSLAB_MAX_ACTORS)
				continue;
		}
		add_event(effects, walk, event, last);
		if (inside != !!event->nesting)
			effects->flags |= EFFECTS_BOUNDARY;
		inside = event->nesting;
		note_number(walk, event);
		if (last)
			walk->last[event->actor] = event;
	}
	note_known(effects, known, known_locks);
	return last ? i - 1 : n;
}

/* === What depends on what === */

/**
 * effects_empty() - only what depends on everything can depend on it
 */
bool effects_empty(const struct effects *effects)
{
	return !effects->flags && !effects->naccesses && !effects->nlocks &&
	       !effects->wakes;
}

static bool explains(const struct effects *effects, const struct effects_walk *walk,
		     unsigned int actor)
{
	bool section = effects->flags & (EFFECTS_BOUNDARY | EFFECTS_BLOCKING |
					 EFFECTS_ENDING);

	if (effects->flags & EFFECTS_GLOBAL)
		return true;
	switch (walk->waits[actor]) {
	case 0:
		return section || effects->nlocks;
	case NSLAB_WAITS_GRACE:
		return section || effects->wakes & 1U << actor;
	default:
		/*
		 * RCU has locks of its own, which are released where a grace period
		 * ends. What waits, goes on or ends depends on all that wait.
		 */
		return effects->wakes & 1U << actor ||
		       effects->flags & (EFFECTS_BLOCKING | EFFECTS_ENDING);
	}
}

/**
 * effects_unexplained() - which of the actors that can go on after it, or no longer, do
 *	so for a reason that is none of its effects?
 * @effects: of a step
 * @walk: has reached its end
 * @changed: those actors, a bit each
 *
 * Return: a bit each.
 */
unsigned int effects_unexplained(const struct effects *effects,
				 const struct effects_walk *walk,
				 unsigned int changed)
{
	unsigned int i;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (changed & 1U << i && explains(effects, walk, i))
			changed &= ~(1U << i);
	return changed;
}

static bool accesses_conflict(const struct effects_access *a,
			      const struct effects_access *b,
			      unsigned int known)
{
	if (!a->write && !b->write)
		return false;
	if (a->object > known && b->object > known)
		return true;
	return a->object == b->object && a->start < b->end &&
	       b->start < a->end;
}

static bool locks_conflict(unsigned int a, unsigned int b, unsigned int known)
{
	if (a / 2 > known && b / 2 > known)
		return true;
	return a / 2 == b / 2 && (a | b) & EFFECTS_EXCLUSIVE;
}

/* Whom one wakes is the other, or the other wakes as well. */
static bool wakes_conflict(const struct effects *a, const struct effects *b)
{
	return a->wakes & (b->wakes | 1U << b->actor) || b->wakes & 1U << a->actor;
}

/* Where an actor waits or ends, all that others can wait for counts. */
static bool waiting_depends(const struct effects *a, const struct effects *b)
{
	return a->flags & (EFFECTS_BLOCKING | EFFECTS_ENDING) &&
	       b->flags & (EFFECTS_SLEEPS | EFFECTS_BOUNDARY | EFFECTS_BLOCKING);
}

/**
 * effects_depend() - does it matter which of two steps comes first?
 * @asleep: a step that one actor was about to make, from an execution that did
 *	the same up to there
 * @step: another actor's that was made since then
 *
 * Two that wait depend on each other, as a lock has a queue, and two changes
 * of one slab cache, as the one may use again what the other has freed. An actor's
 * end is where grace periods end that can, so it depends on read sections. Two that have
 * a lock for reading do not depend on each other.
 */
bool effects_depend(const struct effects *asleep, const struct effects *step)
{
	unsigned int i, j;

	if ((asleep->flags | step->flags) & EFFECTS_GLOBAL)
		return true;
	if (asleep->heaps & step->heaps || wakes_conflict(asleep, step))
		return true;
	if (waiting_depends(asleep, step) || waiting_depends(step, asleep))
		return true;
	for (i = 0; i < asleep->nlocks; i++)
		for (j = 0; j < step->nlocks; j++)
			if (locks_conflict(asleep->locks[i], step->locks[j],
					   asleep->known_locks))
				return true;
	for (i = 0; i < asleep->naccesses; i++)
		for (j = 0; j < step->naccesses; j++)
			if (accesses_conflict(&asleep->accesses[i],
					      &step->accesses[j],
					      asleep->known))
				return true;
	return false;
}

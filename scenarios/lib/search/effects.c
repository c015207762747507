// SPDX-License-Identifier: GPL-2.0
/*
 * What a step of an actor does, and which steps depend on each other.
 *
 * A step of an actor goes from one of its points, where it was chosen or will
 * be, to its next. A point before an access is recorded before the access is
 * made, so that belongs to the step that begins there.
 *
 * Only what the trace shows can count: accesses to watched objects, locks for
 * which a task may sleep, RCU read sections, waiting. An actor that waits for
 * anything but a lock or a grace period is not seen to depend on the one that wakes
 * it; struct bounded_stats.unexplained counts that.
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
	add_access(effects, walk, object, 0, UINT32_MAX, true);
	if (event->kind == NSLAB_EVENT_FREE)
		walk->freed[object / 64] |= 1ULL << object % 64;
}

static void add_lock(struct effects *effects, unsigned int lock)
{
	unsigned int i;

	for (i = 0; i < effects->nlocks; i++)
		if (effects->locks[i] == lock)
			return;
	if (!lock || effects->nlocks == EFFECTS_MAX_LOCKS)
		effects->flags |= EFFECTS_GLOBAL;
	else
		effects->locks[effects->nlocks++] = lock;
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
		add_lock(effects, event->object);
		break;
	case NSLAB_EVENT_BLOCK:
	case NSLAB_EVENT_RESUME:
		effects->flags |= EFFECTS_BLOCKING;
		break;
	case NSLAB_EVENT_END:
		effects->flags |= EFFECTS_ENDING;
		if (walk->exits & 1U << event->actor)
			effects->flags |= EFFECTS_GLOBAL;
		break;
	case NSLAB_EVENT_START:
	case NSLAB_EVENT_FAULT:
		break;
	default:
		effects->flags |= EFFECTS_GLOBAL;
	}
}

static void note_known(struct effects *effects, unsigned int known)
{
	unsigned int i;

	effects->known = UINT16_MAX;
	for (i = 0; i < effects->naccesses; i++)
		if (effects->accesses[i].object > known)
			effects->known = known;
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
	unsigned int known = walk->known, i;
	bool last = false;

	memset(effects, 0, sizeof(*effects));
	if (begin)
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
		if (event->kind != NSLAB_EVENT_LOCK &&
		    event->kind != NSLAB_EVENT_UNLOCK &&
		    event->object > walk->known)
			walk->known = event->object;
		if (last)
			walk->last[event->actor] = event;
	}
	note_known(effects, known);
	return last ? i - 1 : n;
}

/* === What depends on what === */

/**
 * effects_empty() - only what depends on everything can depend on it
 */
bool effects_empty(const struct effects *effects)
{
	return !effects->flags && !effects->naccesses && !effects->nlocks;
}

/**
 * effects_can_wake() - may others that wait go on after it, or no longer?
 */
bool effects_can_wake(const struct effects *effects)
{
	return effects->nlocks ||
	       effects->flags & (EFFECTS_BOUNDARY | EFFECTS_BLOCKING |
				 EFFECTS_ENDING | EFFECTS_GLOBAL);
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

/* Where an actor waits or ends, all that others can wait for counts. */
static bool waiting_depends(const struct effects *a, const struct effects *b)
{
	return a->flags & (EFFECTS_BLOCKING | EFFECTS_ENDING) &&
	       (b->nlocks || b->flags & (EFFECTS_BOUNDARY | EFFECTS_BLOCKING));
}

/**
 * effects_depend() - does it matter which of two steps comes first?
 * @asleep: a step that one actor was about to make, from an execution that did
 *	the same up to there
 * @step: another actor's that was made since then
 *
 * Two that wait depend on each other, as a lock has a queue, and two changes
 * of the heap, as the one may use again what the other has freed. An actor's
 * end is where grace periods end that can, so it depends on read sections.
 */
bool effects_depend(const struct effects *asleep, const struct effects *step)
{
	unsigned int i, j;

	if ((asleep->flags | step->flags) & EFFECTS_GLOBAL)
		return true;
	if (asleep->flags & step->flags & EFFECTS_HEAP)
		return true;
	if (waiting_depends(asleep, step) || waiting_depends(step, asleep))
		return true;
	for (i = 0; i < asleep->nlocks; i++)
		for (j = 0; j < step->nlocks; j++)
			if (asleep->locks[i] == step->locks[j])
				return true;
	for (i = 0; i < asleep->naccesses; i++)
		for (j = 0; j < step->naccesses; j++)
			if (accesses_conflict(&asleep->accesses[i],
					      &step->accesses[j],
					      asleep->known))
				return true;
	return false;
}

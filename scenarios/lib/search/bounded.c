// SPDX-License-Identifier: GPL-2.0
/*
 * Strategy "bounded": iterative preemption bounding (Musuvathi, Qadeer,
 * "Iterative Context Bounding for Systematic Testing of Multithreaded
 * Programs", PLDI 2007), with pruning.
 *
 * A schedule is a list of switches, the decisions that are not the default.
 * Its children have one switch more, later than all of its own; so each
 * schedule but the empty one has exactly one parent, and none is run twice. A
 * switch where the actor could have gone on is a preemption. Schedules wait in
 * a queue for each number of preemptions.
 *
 * === Points ===
 *
 * An actor can be preempted between any two instructions, but a search has
 * points at few of them. It is complete up to a bound all the same, if there is
 * one *before* each operation of an actor that others can notice, or that can
 * notice others:
 *
 *  - an access to a shared word that no lock protects; a free is a write to all
 *    of the object. Such are also the state of a task that is about to sleep,
 *    and who wakes it;
 *  - a lock is taken, or tried;
 *  - a lock is released that tasks sleep for;
 *  - the outermost RCU read section begins, if anybody waits for readers;
 *  - preemption or interrupts are switched off, if such an access is made before
 *    they are on again. That can have no point itself, and is one operation
 *    for all others. A spinlock is a case of it, and needs no point when
 *    it is released, as nobody can have waited for it.
 *
 * For what follows such an operation until the next point moves: accesses to
 * memory that only one actor uses, or only under one lock, which it holds
 * (Lipton, "Reduction: a method of proving properties of parallel programs",
 * CACM 1975). Say A is preempted there, at |, and others make the steps w:
 *
 *	... l1 |w... l2 |n ...	and		... l1 l2 |w... |n ...
 *
 * do the same, as w can neither tell nor hinder or let go on who is to make l2. The
 * second has no more preemptions, for the same reason as below. Do that from
 * the last preemption to the first, and all are at points. (The theorem
 * for locks alone is Musuvathi's and Qadeer's, too.)
 *
 * A lock's release does not move in that way: while A holds it others block,
 * which costs no preemption, or fail to get it. So a point after the release does not
 * stand for one before. But none is needed after it, nor after an atomic operation: what
 * makes a window there is what A does next, and there is a point before that. The
 * end of a read section moves, as who waits for it does so in any case, and
 * so does the beginning of such a wait, or of sleep: who was woken before that
 * does what he does who is woken then.
 *
 * Which lock protects a word may differ between executions, not within one.
 * One that others hold for reading protects what is read only. What is said
 * of words is so if it is of all words that are shared in any execution
 * with so many preemptions: see struct bounded_config.unknown, bounded_unknown().
 * lib/tests/words_test.c tries all of this.
 *
 * === Pruning ===
 *
 * Sleep sets (Godefroid 1996) are not sound under a bound: what they leave out
 * may have its only equivalents beyond it (Coons, Musuvathi, McKinley,
 * "Bounded Partial-Order Reduction", OOPSLA 2013). So there is one rule only.
 *
 * Say A is preempted when about to make its step l, others make the steps w,
 * none of which depends on l, and then A makes l:
 *
 *	... |w... |l ...	and		... l |w... |...
 *
 * do the same, and the second has no more preemptions. Before w: the first
 * preempts A before l, the second after l, or for nothing if A waits or ends
 * there. After w: the first goes to A, makes l and goes on with A or with X,
 * the second goes straight to A or to X. Going to A costs both the same. Going
 * to X costs the second a preemption only if w ends where its actor could go
 * on, and then going to A did cost the first one. (Were the point before l
 * free, the second could need one more: nobody is put to sleep there.)
 *
 * Where they part, only the first preempts. So of all that do the same within
 * the bound, the one that always preempts as late as can be is never a first:
 * all that are one can be left out. Hence
 *
 *  - A sleeps from where it is preempted until a step that depends on l is
 *    made, in the child and in its children;
 *  - nobody switches to an actor that sleeps, and where one goes on by default,
 *    no other decision is tried after that;
 *  - if l is empty, nothing wakes A but a global step, and everything until A
 *    goes on, or until a crash, can as well come after l. As long as no step of
 *    any execution was global, such a child is held back: a global step that
 *    it leads to can be reached with l made before as well, within the bound,
 *    and is seen then. Once one is seen all that was held back is run.
 *
 * Actors that are preempted at the same point in favour of others never make
 * those others sleep.
 */

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../faults/kernel/core/strategies/strategy.h"
#include "lib/search/bounded.h"
#include "lib/search/queue.h"
#include "lib/search/steps.h"

struct level {
	struct queue ready, held;
	bool held_lost;
};

/**
 * struct bounded - a search
 * @config: what was asked
 * @stats: how far it has come
 * @levels: by the number of preemptions
 * @budget: memory for schedules and steps
 * @lost: the lowest level of which a schedule was left out
 * @global: a global step was seen
 * @held: how many are held back
 * @steps: those at which actors sleep
 * @current: the schedule that was handed out
 * @level: its preemptions
 * @running: what it did was not yet told
 */
struct bounded {
	struct bounded_config config;
	struct bounded_stats stats;
	struct level levels[BOUNDED_MAX_PREEMPTIONS + 1];
	struct budget budget;
	unsigned int lost;
	bool global;
	uint64_t held;
	struct steps steps;
	struct candidate current;
	unsigned int level;
	bool running;
};

/* Of this level not all will be run. */
static void lose(struct bounded *b, unsigned int level, enum bounded_cut why)
{
	if (level < b->lost)
		b->lost = level;
	if (b->stats.cut == BOUNDED_CUT_NOTHING)
		b->stats.cut = why;
}

static void release_held(struct bounded *b)
{
	unsigned int i;

	for (i = 0; i <= b->config.max_preemptions; i++) {
		queue_append(&b->levels[i].ready, &b->levels[i].held);
		if (b->levels[i].held_lost)
			lose(b, i, BOUNDED_CUT_MEMORY);
	}
	b->global = true;
	b->stats.pruned -= b->held;
	b->held = 0;
}

/* === Did it replay? === */

/* Of an event, all but who was chosen, and what only the clock says. */
static uint64_t hash_event(uint64_t hash, const struct nslab_event *event)
{
	hash = hash_word(hash, event->kind | event->actor << 8 |
			       event->nesting << 16 |
			       (uint64_t)event->flags << 24 |
			       (uint64_t)event->enabled << 32 |
			       (uint64_t)event->what << 48);
	hash = hash_word(hash, event->local | (uint64_t)event->object << 16 |
			       (uint64_t)event->size << 32);
	return hash_word(hash, event->offset | (uint64_t)event->ip << 32);
}

static uint64_t hash_decided(uint64_t hash, const struct nslab_event *event)
{
	return hash_word(hash_event(hash, event), event->next);
}

static int diverged(struct bounded *b, unsigned int at, const char *expected,
		    const struct nslab_event *seen)
{
	int len = snprintf(b->stats.message, sizeof(b->stats.message),
			   "event %u: expected %s, seen ", at, expected);

	if (!seen)
		snprintf(b->stats.message + len,
			 sizeof(b->stats.message) - len, "no such event");
	else
		snprintf(b->stats.message + len,
			 sizeof(b->stats.message) - len,
			 "kind %u, point %u of actor %u, next %u, enabled %#x",
			 seen->kind, seen->local, seen->actor, seen->next,
			 seen->enabled);
	lose(b, b->level, BOUNDED_CUT_DIVERGED);
	return -1;
}

static int check_prefix(struct bounded *b, const struct nslab_event *events,
			unsigned int n)
{
	const struct node *node = &b->current.node;
	const struct nslab_switch *last;
	const struct nslab_event *event;
	uint64_t hash = 0;
	char expected[80];
	unsigned int i;

	if (!node->nswitches)
		return 0;
	last = &b->current.switches[node->nswitches - 1];
	event = node->deviation < n ? &events[node->deviation] : NULL;
	if (!event || !(event->flags & NSLAB_EVENT_IS_POINT) ||
	    event->actor != last->at || event->local != last->local ||
	    event->next != last->next) {
		snprintf(expected, sizeof(expected),
			 "point %u of actor %u, next %u", last->local,
			 last->at, last->next);
		return diverged(b, node->deviation, expected, event);
	}
	for (i = 0; i < node->deviation; i++)
		hash = hash_decided(hash, &events[i]);
	hash = hash_event(hash, event);
	if (hash == node->hash)
		return 0;
	snprintf(expected, sizeof(expected),
		 "hash %016" PRIx64 " up to here, not %016" PRIx64, node->hash,
		 hash);
	return diverged(b, node->deviation, expected, event);
}

/* After its last switch there are but defaults. */
static int check_defaults(struct bounded *b, const struct nslab_event *events,
			  unsigned int n)
{
	const struct node *node = &b->current.node;
	unsigned int i = node->nswitches ? node->deviation + 1 : 0;
	char expected[32];

	for (; i < n; i++) {
		struct nslab_choice choice = {
			.at = events[i].actor, .enabled = events[i].enabled,
		};

		if (!(events[i].flags & NSLAB_EVENT_IS_POINT) ||
		    events[i].next == NSLAB_NOBODY)
			continue;
		if (choice.enabled &&
		    nslab_default_pick(&choice) == events[i].next)
			continue;
		snprintf(expected, sizeof(expected), "the default next");
		return diverged(b, i, expected, &events[i]);
	}
	return 0;
}

/* === Children === */

/**
 * struct walk - goes through the trace of an execution
 * @steps: where it is
 * @hash: of the trace up to the point, but for who was chosen there
 * @at: index of the point
 * @event: the point
 * @step: what the one who was chosen did then
 * @whole: the trace shows all of that step
 * @sleep: what sleeps, by actor
 * @redundant: from here on it is another's equivalent
 */
struct walk {
	struct effects_walk steps;
	uint64_t hash;
	unsigned int at;
	const struct nslab_event *event;
	struct effects step;
	bool whole;
	uint32_t sleep[NSLAB_MAX_ACTORS];
	bool redundant;
};

/* The actor whose point it is would have gone on, with a step that is known. */
static bool can_sleep(const struct bounded *b, const struct walk *walk)
{
	return b->config.prune && walk->whole &&
	       !(walk->event->flags & NSLAB_EVENT_IS_FREE) &&
	       !(walk->step.flags & EFFECTS_GLOBAL) &&
	       walk->event->actor == walk->event->next;
}

static void push_child(struct bounded *b, const struct walk *walk,
		       struct candidate *child, unsigned int next,
		       unsigned int level)
{
	bool hold = can_sleep(b, walk) && effects_empty(&walk->step) &&
		    !b->global;

	child->switches[child->node.nswitches - 1].next = next;
	if (hold) {
		b->stats.pruned++;
		if (queue_push(&b->levels[level].held, &b->budget, child))
			b->held++;
		else
			b->levels[level].held_lost = true;
	} else if (!queue_push(&b->levels[level].ready, &b->budget, child)) {
		lose(b, level, BOUNDED_CUT_MEMORY);
	}
}

/* What all that deviate at this point have in common. */
static void begin_child(struct bounded *b, const struct walk *walk,
			struct candidate *child)
{
	unsigned int n = b->current.node.nswitches, i;

	memcpy(child->switches, b->current.switches,
	       n * sizeof(child->switches[0]));
	child->switches[n] = (struct nslab_switch) {
		.at = walk->event->actor, .local = walk->event->local,
	};
	memcpy(child->sleep, walk->sleep, sizeof(child->sleep));
	if (can_sleep(b, walk))
		child->sleep[walk->event->actor] =
			steps_number(&b->steps, &b->budget, &walk->step);
	child->node = (struct node) {
		.hash = walk->hash, .deviation = walk->at, .nswitches = n + 1,
	};
	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (child->sleep[i])
			child->node.asleep |= 1U << i;
}

static void push_children(struct bounded *b, const struct walk *walk)
{
	bool free = walk->event->flags & NSLAB_EVENT_IS_FREE;
	unsigned int level = b->level + !free, i;
	unsigned int others = walk->event->enabled & ~(1U << walk->event->next);
	static struct candidate child;

	if (!others)
		return;
	if (level > b->config.max_preemptions) {
		b->stats.beyond += __builtin_popcount(others);
		return;
	}
	if (walk->redundant) {
		b->stats.pruned += __builtin_popcount(others);
		return;
	}
	if (b->current.node.nswitches == NSLAB_MAX_SWITCHES) {
		lose(b, level, BOUNDED_CUT_MEMORY);
		return;
	}
	begin_child(b, walk, &child);
	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		if (!(others & 1U << i))
			continue;
		if (walk->sleep[i])
			b->stats.pruned++;
		else
			push_child(b, walk, &child, i, level);
	}
}

/* Was there a reason that others can go on, or cannot? */
static void check_wakes(struct bounded *b, const struct walk *walk,
			const struct nslab_event *after)
{
	unsigned int changed = walk->event->enabled ^ after->enabled;

	changed &= ~(1U << walk->event->next);
	if (effects_unexplained(&walk->step, &walk->steps, changed) ||
	    walk->step.flags & EFFECTS_STRANGE)
		b->stats.unexplained++;
}

static void make_step(struct bounded *b, struct walk *walk)
{
	if (!b->config.prune || walk->redundant)
		return;
	if (walk->sleep[walk->event->next]) {
		walk->redundant = true;
		b->stats.redundant++;
	} else {
		steps_wake(&b->steps, walk->sleep, &walk->step);
	}
}

static void walk_trace(struct bounded *b, const struct nslab_event *events,
		       unsigned int n)
{
	const struct node *node = &b->current.node;
	struct walk walk = {};
	unsigned int points = 0, i = 0, next;

	if (b->config.prune)
		memcpy(walk.sleep, b->current.sleep, sizeof(walk.sleep));
	while (i < n && !(events[i].flags & NSLAB_EVENT_IS_POINT))
		walk.hash = hash_decided(walk.hash, &events[i++]);
	for (; i < n; i = next) {
		uint64_t before = walk.hash;

		walk.at = i;
		walk.event = &events[i];
		walk.hash = hash_event(before, walk.event);
		points++;
		if (walk.event->next >= NSLAB_MAX_ACTORS)
			break;
		next = effects_of_step(&walk.step, &walk.steps, events, n, i);
		walk.whole = next < n;
		if (walk.step.flags & EFFECTS_GLOBAL && !b->global)
			release_held(b);
		if (!node->nswitches || i > node->deviation)
			push_children(b, &walk);
		if (!node->nswitches || i >= node->deviation)
			make_step(b, &walk);
		if (walk.whole)
			check_wakes(b, &walk, &events[next]);
		else
			b->stats.unfinished++;
		for (walk.hash = before; i < next; i++)
			walk.hash = hash_decided(walk.hash, &events[i]);
	}
	if (points > b->stats.max_points)
		b->stats.max_points = points;
}

/* === The interface === */

/**
 * bounded_new() - begin a search
 * @config: copied
 *
 * Return: it, NULL if there is no memory or the bound is too high.
 */
struct bounded *bounded_new(const struct bounded_config *config)
{
	static const struct candidate empty;
	struct bounded *b;

	if (config->max_preemptions > BOUNDED_MAX_PREEMPTIONS)
		return NULL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->config = *config;
	b->config.prune &= !config->unknown;
	b->budget.most = config->max_bytes;
	b->lost = UINT_MAX;
	b->stats.complete = -1;
	if (!queue_push(&b->levels[0].ready, &b->budget, &empty))
		lose(b, 0, BOUNDED_CUT_MEMORY);
	b->stats.bytes = b->budget.peak;
	return b;
}

/**
 * bounded_free() - end a search
 * @b: may be NULL
 */
void bounded_free(struct bounded *b)
{
	unsigned int i;

	if (!b)
		return;
	for (i = 0; i <= BOUNDED_MAX_PREEMPTIONS; i++) {
		queue_clear(&b->levels[i].ready, &b->budget);
		queue_clear(&b->levels[i].held, &b->budget);
	}
	steps_free(&b->steps);
	free(b);
}

/**
 * bounded_next() - the next schedule to run
 * @b: the search
 * @switches: what is not decided by default; valid until the next call
 * @n: how many
 *
 * Call bounded_ran() before the next time.
 *
 * Return: false when there is none left, or no more are to be run.
 */
bool bounded_next(struct bounded *b, const struct nslab_switch **switches,
		  unsigned int *n)
{
	unsigned int level = 0;

	if (b->running)
		lose(b, b->level, BOUNDED_CUT_DIVERGED);
	b->running = false;
	while (level <= b->config.max_preemptions &&
	       queue_empty(&b->levels[level].ready))
		level++;
	b->stats.complete = (int)(level < b->lost ? level : b->lost) - 1;
	if (level > b->config.max_preemptions)
		return false;
	if (b->config.max_schedules &&
	    b->stats.schedules == b->config.max_schedules) {
		lose(b, level, BOUNDED_CUT_SCHEDULES);
		return false;
	}

	queue_pop(&b->levels[level].ready, &b->budget, &b->current);
	b->level = level;
	b->running = true;
	b->stats.schedules++;
	b->stats.by_preemptions[level]++;
	*switches = b->current.switches;
	*n = b->current.node.nswitches;
	return true;
}

/**
 * bounded_preemptions() - of the schedule that bounded_next() returned last
 */
unsigned int bounded_preemptions(const struct bounded *b)
{
	return b->level;
}

/**
 * bounded_ran() - what that schedule did
 * @b: the search
 * @events: the trace
 * @n: how many
 *
 * Return: 0, or -1 if it did not do what an earlier one had done up to the last
 * switch, or not what was decided; then stats.message says where.
 */
int bounded_ran(struct bounded *b, const struct nslab_event *events,
		unsigned int n)
{
	b->running = false;
	if (check_prefix(b, events, n) || check_defaults(b, events, n))
		return -1;
	walk_trace(b, events, n);
	b->stats.bytes = b->budget.peak;
	return 0;
}

/**
 * bounded_unknown() - an execution has shared a word that the traces do not show
 * @b: the search
 *
 * Say so if no lock protects it. There were no points at it, and what was pruned may
 * have been of use: it is not complete. From now on nothing is pruned.
 */
void bounded_unknown(struct bounded *b)
{
	release_held(b);
	b->config.prune = false;
	b->stats.complete = -1;
	lose(b, 0, BOUNDED_CUT_UNKNOWN);
}

/**
 * bounded_stats() - how far it has come
 */
const struct bounded_stats *bounded_stats(const struct bounded *b)
{
	return &b->stats;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A toy in the kernel's place, see toy.h.
 */

#include <stddef.h>
#include <string.h>

#include "lib/tests/toy.h"

/* Any numbers: what a point means, the event says. */
enum { POINT_BEGINS, POINT_ENDS, POINT_PLAIN, POINT_LOOKS, POINT_EXITS };

/* === What is recorded === */

static void record(struct toy_trace *trace, const struct nslab_event *event)
{
	if (trace && trace->n < TOY_EVENTS)
		trace->events[trace->n++] = *event;
}

static unsigned int can_run(const struct toy_state *state)
{
	unsigned int i, mask = 0;

	for (i = 0; i < state->toy->nactors; i++)
		if (!state->actors[i].done && !state->actors[i].waits_lock &&
		    !state->actors[i].waits_gp && !state->actors[i].waits_post)
			mask |= 1U << i;
	return mask;
}

static void end_grace_periods(struct toy_state *state)
{
	unsigned int i;

	for (i = 0; i < state->toy->nactors; i++)
		if (!state->actors[i].blockers)
			state->actors[i].waits_gp = false;
}

static void come_to_point(struct toy_state *state, struct nslab_event event,
			  struct toy_trace *trace)
{
	if (event.actor != NSLAB_NOBODY) {
		event.local = ++state->actors[event.actor].local;
		event.nesting = state->actors[event.actor].nesting;
	}
	event.flags |= NSLAB_EVENT_IS_POINT;
	event.next = NSLAB_NOBODY;
	state->free = event.flags & NSLAB_EVENT_IS_FREE;
	if (state->free || state->toy->eager)
		end_grace_periods(state);
	state->at = event.actor;
	state->local = event.local;
	event.enabled = can_run(state);
	state->enabled = event.enabled;
	state->over = !state->enabled;
	record(trace, &event);
}

/* === What actors do === */

static uint8_t object_number(struct toy_state *state, unsigned int object)
{
	if (!state->number[object])
		state->number[object] = ++state->numbers;
	return state->number[object];
}

static struct nslab_event event_of(struct toy_state *state, unsigned int actor,
				   unsigned int kind)
{
	return (struct nslab_event) {
		.kind = kind, .actor = actor, .next = NSLAB_NOBODY,
		.nesting = state->actors[actor].nesting,
	};
}

/* In which slab cache an object is, from 0. */
static unsigned int cache_of(const struct toy_state *state, unsigned int object)
{
	return state->toy->caches ? object % TOY_CACHES : 0;
}

static struct nslab_event access_event(struct toy_state *state,
				       unsigned int actor,
				       const struct toy_op *op)
{
	struct nslab_event event = event_of(state, actor, NSLAB_EVENT_ACCESS);

	if (op->code == TOY_FREE) {
		event.kind = NSLAB_EVENT_FREE;
		event.value = state->toy->caches ? 1 + cache_of(state, op->object) : 0;
	}
	if (op->code != TOY_READ)
		event.flags = NSLAB_EVENT_IS_WRITE;
	event.object = object_number(state, op->object);
	event.offset = op->offset;
	event.size = op->size ?: 1;
	event.ip = state->actors[actor].pc + 1;
	return event;
}

static bool is_access(const struct toy_op *op)
{
	return op->code == TOY_READ || op->code == TOY_WRITE ||
	       op->code == TOY_ADD;
}

static const struct toy_op *op_of(const struct toy_state *state,
				  unsigned int actor)
{
	static const struct toy_op end;
	unsigned int pc = state->actors[actor].pc;

	return pc < TOY_OPS ? &state->toy->ops[actor][pc] : &end;
}

/* Does it take a lock, do something, and release it? */
static bool passes(const struct toy_op *op)
{
	return op->code == TOY_KEEP || op->code == TOY_GIVE ||
	       ((op->code == TOY_WAIT || op->code == TOY_POST) && !op->quiet);
}

/* Of what it takes a lock for, it takes another one than TOY_LOCK does. */
static struct nslab_event lock_event(struct toy_state *state, unsigned int actor,
				     const struct toy_op *op, unsigned int kind)
{
	struct nslab_event event = event_of(state, actor, kind);
	uint8_t *number = passes(op) ? &state->spin_number[op->object % TOY_SPINS] :
				       &state->lock_number[op->object];

	if (!*number)
		*number = ++state->lock_numbers;
	event.object = *number;
	if (passes(op))
		event.what = NSLAB_LOCK_SPINS;
	if (op->code == TOY_GIVE)
		event.what |= NSLAB_LOCK_READ;
	return event;
}

/* Is there a point before this operation, and which? */
static bool point_before(struct toy_state *state, unsigned int actor,
			 struct nslab_event *event)
{
	const struct toy_op *op = op_of(state, actor);

	if (is_access(op) || op->code == TOY_FREE) {
		if (op->quiet)
			return false;
		*event = access_event(state, actor, op);
		return true;
	}
	if (state->toy->shared && (op->code == TOY_LOCK || passes(op))) {
		if (op->quiet && passes(op))
			return false;
		*event = lock_event(state, actor, op, NSLAB_EVENT_LOCK);
		return true;
	}
	if (state->toy->shared && op->code == TOY_UNLOCK &&
	    state->owner[op->object] == actor) {
		*event = lock_event(state, actor, op, NSLAB_EVENT_UNLOCK);
		return true;
	}
	if (state->toy->shared && op->code == TOY_KILL) {
		*event = event_of(state, actor, NSLAB_EVENT_WAKE);
		event->what = (actor + 1) % state->toy->nactors;
		return true;
	}

	*event = event_of(state, actor, NSLAB_EVENT_POINT);
	switch (op->code) {
	case TOY_RCU_UNLOCK:
		event->what = POINT_ENDS;
		event->flags = NSLAB_EVENT_IS_SECTION;
		return state->actors[actor].nesting;
	case TOY_POINT:
		event->what = POINT_PLAIN;
		return true;
	case TOY_LOOK:
		event->what = POINT_LOOKS;
		return true;
	case TOY_EXIT:
		event->what = POINT_EXITS;
		event->flags = NSLAB_EVENT_IS_GLOBAL | NSLAB_EVENT_IS_EXIT;
		return true;
	default:
		return false;
	}
}

static void crash(struct toy_state *state, unsigned int actor)
{
	state->crashed = true;
	state->over = true;
	state->crash_actor = actor;
	state->crash_pc = state->actors[actor].pc;
}

static void do_access(struct toy_state *state, unsigned int actor,
		      const struct toy_op *op)
{
	struct toy_actor *me = &state->actors[actor];
	unsigned int i;

	if (state->dead[op->object]) {
		crash(state, actor);
		return;
	}
	for (i = op->offset; i < op->offset + (op->size ?: 1U); i++) {
		uint8_t *byte = &state->bytes[op->object][i];

		if (op->code == TOY_READ)
			me->reg = *byte;
		else if (op->code == TOY_WRITE)
			*byte = op->arg;
		else
			*byte = me->reg + op->arg;
	}
	/* Telling what a pointer points to gives that a number. */
	if (op->code == TOY_READ && op->arg)
		object_number(state, op->arg - 1);
}

static void wake(struct toy_state *state, unsigned int actor, unsigned int other,
		 struct toy_trace *trace)
{
	struct nslab_event event = event_of(state, actor, NSLAB_EVENT_WAKE);

	event.what = other;
	if (state->toy->shared)
		record(trace, &event);
}

static void post(struct toy_state *state, unsigned int actor, const struct toy_op *op,
		 struct toy_trace *trace)
{
	unsigned int i, other;

	state->posted[op->object % TOY_SPINS]++;
	/* Who waits longest is woken, and may yet come too late. */
	for (i = 0; i < state->nsleepers; i++) {
		const struct toy_op *its = op_of(state, state->sleeper[i]);

		if (its->object % TOY_SPINS != op->object % TOY_SPINS)
			continue;
		other = state->sleeper[i];
		memmove(&state->sleeper[i], &state->sleeper[i + 1],
			--state->nsleepers - i);
		state->actors[other].waits_post = false;
		wake(state, actor, other, trace);
		return;
	}
}

static void send_signal(struct toy_state *state, unsigned int actor)
{
	unsigned int other = (actor + 1) % state->toy->nactors, i;
	bool asleep = state->actors[other].waits_post;

	state->actors[other].signalled = true;
	state->actors[other].waits_post = false;
	for (i = 0; asleep && state->sleeper[i] != other; i++)
		;
	if (asleep)
		memmove(&state->sleeper[i], &state->sleeper[i + 1],
			--state->nsleepers - i);
}

/* Returns whether it can go on. */
static bool wait_for_post(struct toy_state *state, unsigned int actor,
			  const struct toy_op *op)
{
	struct toy_actor *me = &state->actors[actor];
	uint8_t *posted = &state->posted[op->object % TOY_SPINS];

	if (me->signalled) {
		me->signalled = false;
		me->reg = 3;
		return true;
	}
	if (*posted) {
		*posted -= !op->quiet;
		return true;
	}
	state->sleeper[state->nsleepers++] = actor;
	me->waits_post = true;
	return false;
}

static void wait_for_lock(struct toy_state *state, unsigned int actor,
			  unsigned int lock)
{
	state->queue[lock][state->nqueue[lock]++] = actor;
	state->actors[actor].waits_lock = true;
}

/* Returns whether it has the lock. */
static bool take_lock(struct toy_state *state, unsigned int actor,
		      unsigned int lock, bool again, struct toy_trace *trace)
{
	struct nslab_event event;

	if (state->owner[lock] == actor)
		return true;
	/* If there was a point, it was that. */
	if (!again && !state->toy->shared) {
		event = lock_event(state, actor, op_of(state, actor),
				   NSLAB_EVENT_LOCK);
		record(trace, &event);
	}
	if (state->owner[lock] == NSLAB_NOBODY) {
		state->owner[lock] = actor;
		return true;
	}
	wait_for_lock(state, actor, lock);
	return false;
}

static void release_lock(struct toy_state *state, unsigned int actor,
			 unsigned int lock, struct toy_trace *trace)
{
	struct nslab_event event = event_of(state, actor, NSLAB_EVENT_UNLOCK);
	unsigned int i, n = state->nqueue[lock];

	if (state->owner[lock] != actor)
		return;
	event.object = state->lock_number[lock];
	if (!state->toy->shared)
		record(trace, &event);
	state->owner[lock] = NSLAB_NOBODY;
	if (!n)
		return;
	if (state->toy->handoff) {
		state->owner[lock] = state->queue[lock][0];
		state->actors[state->queue[lock][0]].waits_lock = false;
		wake(state, actor, state->queue[lock][0], trace);
		state->nqueue[lock]--;
		memmove(state->queue[lock], state->queue[lock] + 1, n - 1);
		return;
	}
	for (i = 0; i < n; i++) {
		state->actors[state->queue[lock][i]].waits_lock = false;
		wake(state, actor, state->queue[lock][i], trace);
	}
	state->nqueue[lock] = 0;
}

static void wait_for_readers(struct toy_state *state, unsigned int actor)
{
	struct toy_actor *me = &state->actors[actor];
	unsigned int i;

	for (i = 0; i < state->toy->nactors; i++)
		if (i != actor && state->actors[i].nesting)
			me->blockers |= 1U << i;
	me->waits_gp = true;
}

static void leave_section(struct toy_state *state, unsigned int actor)
{
	unsigned int i;

	if (!state->actors[actor].nesting || --state->actors[actor].nesting)
		return;
	for (i = 0; i < state->toy->nactors; i++)
		state->actors[i].blockers &= ~(1U << actor);
}

static void allocate(struct toy_state *state, unsigned int actor,
		     unsigned int object, struct toy_trace *trace)
{
	struct nslab_event event = event_of(state, actor, NSLAB_EVENT_FREE);
	unsigned int cache = cache_of(state, object);
	uint16_t value = state->toy->caches ? 1 + cache : 0;

	event.value = value;
	/* No memory is used again before it was freed. */
	if (!state->dead[object]) {
		event.object = object_number(state, object);
		record(trace, &event);
	}
	event = event_of(state, actor, NSLAB_EVENT_ALLOC);
	event.value = value;
	state->address[object] = state->freed[cache] ?: ++state->addresses[cache];
	state->freed[cache] = 0;
	state->dead[object] = false;
	state->number[object] = ++state->numbers;
	event.object = state->number[object];
	record(trace, &event);
}

static void block(struct toy_state *state, unsigned int actor, unsigned int reason,
		  struct toy_trace *trace)
{
	struct nslab_event event = event_of(state, actor, NSLAB_EVENT_BLOCK);

	if (state->toy->shared)
		event.what = reason;
	event.flags = NSLAB_EVENT_IS_FREE;
	state->actors[actor].has_waited = true;
	come_to_point(state, event, trace);
}

/* Returns whether the actor can go on with the next operation. */
static bool do_op(struct toy_state *state, unsigned int actor, bool again,
		  struct toy_trace *trace)
{
	struct toy_actor *me = &state->actors[actor];
	const struct toy_op *op = op_of(state, actor);
	struct nslab_event event;

	if (passes(op) && op->quiet) {
		event = lock_event(state, actor, op, NSLAB_EVENT_LOCK);
		record(trace, &event);
	}
	switch (op->code) {
	case TOY_END:
		event = event_of(state, actor, NSLAB_EVENT_END);
		event.flags = NSLAB_EVENT_IS_FREE;
		me->done = true;
		come_to_point(state, event, trace);
		return false;
	case TOY_READ:
	case TOY_WRITE:
	case TOY_ADD:
		if (op->quiet) {
			event = access_event(state, actor, op);
			record(trace, &event);
		}
		do_access(state, actor, op);
		break;
	case TOY_ALLOC:
		allocate(state, actor, op->object, trace);
		break;
	case TOY_FREE:
		if (op->quiet) {
			event = access_event(state, actor, op);
			record(trace, &event);
		}
		if (state->dead[op->object]) {
			crash(state, actor);
			return false;
		}
		state->dead[op->object] = true;
		state->freed[cache_of(state, op->object)] = state->address[op->object];
		break;
	case TOY_LOCK:
		if (!take_lock(state, actor, op->object, again, trace)) {
			block(state, actor, NSLAB_WAITS_LOCK, trace);
			return false;
		}
		break;
	case TOY_UNLOCK:
		release_lock(state, actor, op->object, trace);
		break;
	case TOY_RCU_LOCK:
		me->nesting++;
		me->pc++;
		event = event_of(state, actor, NSLAB_EVENT_POINT);
		event.what = POINT_BEGINS;
		event.flags = NSLAB_EVENT_IS_SECTION;
		come_to_point(state, event, trace);
		return false;
	case TOY_RCU_UNLOCK:
		leave_section(state, actor);
		break;
	case TOY_SYNC:
		if (!again) {
			wait_for_readers(state, actor);
			block(state, actor, NSLAB_WAITS_GRACE, trace);
			return false;
		}
		break;
	case TOY_LOOK:
		me->reg = state->hidden;
		break;
	case TOY_EXIT:
		state->hidden = state->hidden * 4 + actor + 1;
		break;
	case TOY_SKIP:
		me->pc += me->reg == op->arg;
		break;
	case TOY_BUG:
		if (me->reg == op->arg)
			crash(state, actor);
		break;
	case TOY_KEEP:
		state->kept[op->object % TOY_SPINS] =
			state->kept[op->object % TOY_SPINS] * 4 + actor + 1;
		break;
	case TOY_GIVE:
		me->reg = state->kept[op->object % TOY_SPINS];
		break;
	case TOY_POST:
		post(state, actor, op, trace);
		break;
	case TOY_KILL:
		send_signal(state, actor);
		break;
	case TOY_WAIT:
		if (!wait_for_post(state, actor, op)) {
			block(state, actor, NSLAB_WAITS_OTHER, trace);
			return false;
		}
		break;
	default:
		break;
	}
	if (passes(op)) {
		event = lock_event(state, actor, op, NSLAB_EVENT_UNLOCK);
		record(trace, &event);
	}
	if (!state->crashed)
		me->pc++;
	return !state->crashed;
}

/* === The interface === */

/**
 * toy_begin() - an execution begins: who starts?
 * @state: filled
 * @toy: the programs
 * @trace: emptied, and then written to; may be NULL
 */
void toy_begin(struct toy_state *state, const struct toy *toy,
	       struct toy_trace *trace)
{
	struct nslab_event event = {
		.kind = NSLAB_EVENT_BEGIN, .actor = NSLAB_NOBODY,
		.flags = NSLAB_EVENT_IS_FREE,
	};

	memset(state, 0, sizeof(*state));
	memset(state->owner, NSLAB_NOBODY, sizeof(state->owner));
	state->toy = toy;
	if (trace)
		trace->n = 0;
	come_to_point(state, event, trace);
}

/**
 * toy_step() - run an actor until its next point, or the end of everything
 * @state: where the execution is
 * @actor: enabled
 * @trace: gets the events; may be NULL
 */
void toy_step(struct toy_state *state, unsigned int actor,
	      struct toy_trace *trace)
{
	struct toy_actor *me = &state->actors[actor];
	bool again = me->has_waited;
	struct nslab_event event;

	event = event_of(state, actor, NSLAB_EVENT_START);
	if (again)
		event.kind = NSLAB_EVENT_RESUME;
	if (!me->started || again)
		record(trace, &event);
	me->started = true;
	me->has_waited = false;
	for (;;) {
		if (!me->at_point && point_before(state, actor, &event)) {
			me->at_point = true;
			come_to_point(state, event, trace);
			return;
		}
		me->at_point = false;
		if (!do_op(state, actor, again, trace))
			return;
		again = false;
	}
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t n)
{
	const uint8_t *byte = data;

	while (n--)
		hash = (hash ^ *byte++) * 0x100000001b3ULL;
	return hash;
}

/**
 * toy_outcome() - how an execution that is over has ended
 *
 * Return: a hash; of a crash only which it was: others may have done more or
 * less by then, whatever that had to do with it.
 */
uint64_t toy_outcome(const struct toy_state *state)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	unsigned int i;

	if (state->crashed) {
		hash = hash_bytes(hash, "crash", 5);
		hash = hash_bytes(hash, &state->crash_actor, 1);
		return hash_bytes(hash, &state->crash_pc, 1);
	}
	for (i = 0; i < state->toy->nactors; i++) {
		hash = hash_bytes(hash, &state->actors[i].pc, 1);
		hash = hash_bytes(hash, &state->actors[i].reg, 1);
	}
	hash = hash_bytes(hash, state->bytes, sizeof(state->bytes));
	hash = hash_bytes(hash, state->address, sizeof(state->address));
	hash = hash_bytes(hash, state->dead, sizeof(state->dead));
	hash = hash_bytes(hash, state->kept, sizeof(state->kept));
	hash = hash_bytes(hash, state->posted, sizeof(state->posted));
	return hash_bytes(hash, &state->hidden, 1);
}

/**
 * toy_next_op() - what an actor is about to do
 */
struct nslab_op toy_next_op(const struct toy_state *state, unsigned int actor)
{
	const struct toy_op *op = op_of(state, actor);

	if (state->toy->shared && state->actors[actor].at_point &&
	    (op->code == TOY_LOCK || passes(op)))
		return (struct nslab_op) {
			.object = NSLAB_LOCK_OBJECT |
				  (passes(op) ? state->spin_number[op->object % TOY_SPINS] :
						state->lock_number[op->object]),
			.size = 1, .write = op->code != TOY_GIVE,
		};
	if (!state->actors[actor].at_point ||
	    !(is_access(op) || op->code == TOY_FREE))
		return (struct nslab_op) {};
	return (struct nslab_op) {
		.object = state->number[op->object],
		.offset = op->offset,
		.size = op->size ?: 1,
		.write = op->code != TOY_READ,
		.kind = 2 + op->object,
	};
}

/**
 * toy_run() - one execution
 * @toy: the programs
 * @search: strategy, run, switches and nswitches are set, the rest zero
 * @trace: what happened
 *
 * Return: the outcome.
 */
uint64_t toy_run(const struct toy *toy, struct nslab_search *search,
		 struct toy_trace *trace)
{
	struct nslab_op next[NSLAB_MAX_ACTORS] = {};
	struct nslab_choice choice = { .next = next };
	struct toy_state state;
	unsigned int i;

	toy_begin(&state, toy, trace);
	search->strategy->begin(search);
	while (!state.over) {
		for (i = 0; i < toy->nactors; i++)
			next[i] = toy_next_op(&state, i);
		choice.at = state.at;
		choice.local = state.local;
		choice.enabled = state.enabled;
		choice.free = state.free;
		i = search->strategy->pick(search, &choice);
		choice.step++;
		trace->events[trace->n - 1].next = i;
		toy_step(&state, i, trace);
	}
	if (search->strategy->end)
		search->strategy->end(search);
	return toy_outcome(&state);
}

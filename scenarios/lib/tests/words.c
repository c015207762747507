// SPDX-License-Identifier: GPL-2.0
/*
 * A toy in the kernel's place, see words.h.
 */

#include <stddef.h>
#include <string.h>

#include "lib/tests/words.h"

/* === What is recorded === */

static void record(struct toy_trace *trace, const struct nslab_event *event)
{
	if (trace && trace->n < TOY_EVENTS)
		trace->events[trace->n++] = *event;
}

static struct nslab_event event_of(const struct words_state *state,
				   unsigned int actor, unsigned int kind)
{
	return (struct nslab_event) {
		.kind = kind, .actor = actor, .next = NSLAB_NOBODY,
		.nesting = state->actors[actor].nesting,
		.ip = state->actors[actor].pc + 1,
	};
}

static bool can_run(const struct words_actor *actor)
{
	return !actor->done && !actor->waits_lock && !actor->waits_gp &&
	       !actor->waits_wake;
}

static void come_to_point(struct words_state *state, struct nslab_event event,
			  struct toy_trace *trace)
{
	unsigned int i;

	event.flags |= NSLAB_EVENT_IS_POINT;
	event.next = NSLAB_NOBODY;
	if (event.actor != NSLAB_NOBODY)
		event.local = ++state->actors[event.actor].local;
	state->free = event.flags & NSLAB_EVENT_IS_FREE;
	state->at = event.actor;
	state->local = event.local;
	state->enabled = 0;
	for (i = 0; i < state->program->nactors; i++) {
		if (!state->actors[i].blockers)
			state->actors[i].waits_gp = false;
		if (can_run(&state->actors[i]))
			state->enabled |= 1U << i;
	}
	event.enabled = state->enabled;
	state->over = !state->enabled;
	record(trace, &event);
}

/* === Where there are points === */

static const struct words_op *op_of(const struct words_state *state,
				    unsigned int actor)
{
	static const struct words_op end;
	unsigned int pc = state->actors[actor].pc;

	return pc < WORDS_OPS ? &state->program->ops[actor][pc] : &end;
}

/* Returns which word an operation accesses, -1 for none. */
static int word_of(const struct words_state *state, unsigned int actor)
{
	const struct words_op *op = op_of(state, actor);
	unsigned int word = op->word;

	switch (op->code) {
	case WORDS_READ:
	case WORDS_WRITE:
	case WORDS_ADD:
	case WORDS_INC:
	case WORDS_FREE:
		return word;
	case WORDS_AT:
		if (state->actors[actor].reg < op->arg)
			word += state->actors[actor].reg;
		else
			word += op->arg;
		return word % WORDS_MEMORY;
	case WORDS_PREPARE:
	case WORDS_SLEEP:
		return WORDS_STATE(actor);
	case WORDS_WAKE:
		return WORDS_STATE(word);
	default:
		return -1;
	}
}

static bool writes(const struct words_op *op)
{
	return op->code != WORDS_READ && op->code != WORDS_SLEEP;
}

static bool is_in(unsigned int mask, int word)
{
	return word >= 0 && mask & 1U << word;
}

static bool point_before(const struct words_state *state, unsigned int actor)
{
	const struct words_policy *policy = state->policy;
	const struct words_actor *me = &state->actors[actor];
	const struct words_op *op = op_of(state, actor);

	if (me->off)
		return false;
	if (policy->points & WORDS_EVERYWHERE)
		return true;
	switch (op->code) {
	case WORDS_LOCK:
	case WORDS_TRYLOCK:
	case WORDS_SPIN:
		return policy->points & WORDS_BEFORE_LOCK;
	case WORDS_UNLOCK:
		return policy->points & WORDS_BEFORE_UNLOCK;
	case WORDS_RCU_LOCK:
		return policy->points & WORDS_BEFORE_RCU_LOCK;
	case WORDS_RCU_UNLOCK:
		return policy->points & WORDS_BEFORE_RCU_UNLOCK;
	case WORDS_SYNC:
		return policy->points & WORDS_BEFORE_SYNC;
	case WORDS_OFF:
		return policy->points & WORDS_BEFORE_OFF;
	case WORDS_POINT:
		return policy->points & WORDS_NAMED;
	/* Who is woken before he sleeps and who is woken then does the same. */
	case WORDS_SLEEP:
		return false;
	default:
		return is_in(policy->racy, word_of(state, actor));
	}
}

/* Is there a point after what was just done? Put off until it can be. */
static bool point_after(const struct words_state *state, unsigned int code,
			int word)
{
	unsigned int points = state->policy->points;

	switch (code) {
	case WORDS_LOCK:
	case WORDS_TRYLOCK:
		return points & WORDS_AFTER_LOCK;
	case WORDS_UNLOCK:
	case WORDS_UNSPIN:
		return points & WORDS_AFTER_UNLOCK;
	case WORDS_RCU_LOCK:
		return points & WORDS_AFTER_RCU_LOCK;
	case WORDS_RCU_UNLOCK:
		return points & WORDS_AFTER_RCU_UNLOCK;
	default:
		return points & WORDS_AFTER_ACCESS &&
		       is_in(state->policy->racy, word);
	}
}

static unsigned int lock_flags(const struct words_op *op)
{
	return op->word < WORDS_SLEEPING ? 0 : NSLAB_LOCK_SPINS;
}

/* What it is about to do, as the kernel records it; BEGIN for nothing. */
static struct nslab_event event_before(const struct words_state *state,
				       unsigned int actor)
{
	struct nslab_event event = event_of(state, actor, NSLAB_EVENT_BEGIN);
	const struct words_op *op = op_of(state, actor);
	int word = word_of(state, actor);

	switch (op->code) {
	case WORDS_LOCK:
	case WORDS_TRYLOCK:
	case WORDS_SPIN:
		event.kind = NSLAB_EVENT_LOCK;
		event.object = op->word + 1;
		event.what = lock_flags(op);
		break;
	case WORDS_UNLOCK:
	case WORDS_UNSPIN:
		if (state->owner[op->word] != actor)
			break;
		event.kind = NSLAB_EVENT_UNLOCK;
		event.object = op->word + 1;
		event.what = lock_flags(op);
		break;
	case WORDS_PREPARE:
		event.kind = NSLAB_EVENT_SLEEP;
		break;
	case WORDS_SLEEP:
		break;
	case WORDS_WAKE:
		event.kind = NSLAB_EVENT_WAKE;
		event.what = op->word;
		break;
	case WORDS_RCU_LOCK:
	case WORDS_RCU_UNLOCK:
	case WORDS_SYNC:
		event.kind = NSLAB_EVENT_POINT;
		event.flags = NSLAB_EVENT_IS_SECTION;
		event.what = op->code;
		break;
	default:
		if (!is_in(state->policy->watched, word))
			break;
		event.kind = NSLAB_EVENT_ACCESS;
		event.flags = writes(op) ? NSLAB_EVENT_IS_WRITE : 0;
		event.object = word + 1;
		event.size = 8;
	}
	return event;
}

/* === What actors do === */

/* The kernel complains, and goes on: what one ran into hides no other bug. */
static void complain(struct words_state *state, unsigned int actor)
{
	struct words_actor *me = &state->actors[actor];

	me->complaints |= 1U << me->pc;
}

static void note_access(struct words_state *state, unsigned int actor,
			unsigned int word, bool write)
{
	if (!state->readers[word] && !state->writers[word])
		state->common[word] = UINT8_MAX;
	state->common[word] &= state->actors[actor].held;
	if (write)
		state->writers[word] |= 1U << actor;
	else
		state->readers[word] |= 1U << actor;
}

static void access_word(struct words_state *state, unsigned int actor,
			const struct words_op *op, unsigned int word)
{
	struct words_actor *me = &state->actors[actor];

	if (state->dead & 1U << word) {
		complain(state, actor);
		return;
	}
	switch (op->code) {
	case WORDS_READ:
		me->reg = state->memory[word];
		break;
	case WORDS_ADD:
		state->memory[word] = me->reg + op->arg;
		break;
	case WORDS_INC:
		state->memory[word] += op->arg;
		me->reg = state->memory[word];
		break;
	case WORDS_FREE:
		state->dead |= 1U << word;
		break;
	default:
		state->memory[word] = op->arg;
	}
}

static void get_lock(struct words_state *state, unsigned int actor,
		     unsigned int lock)
{
	state->owner[lock] = actor;
	state->actors[actor].held |= 1U << lock;
}

/* Returns whether it has the lock. */
static bool take_lock(struct words_state *state, unsigned int actor,
		      unsigned int lock)
{
	if (state->owner[lock] == actor)
		return true;
	if (state->owner[lock] == NSLAB_NOBODY) {
		get_lock(state, actor, lock);
		return true;
	}
	state->queue[lock][state->nqueue[lock]++] = actor;
	state->actors[actor].waits_lock = true;
	return false;
}

static void release_lock(struct words_state *state, unsigned int actor,
			 unsigned int lock)
{
	unsigned int i, n = state->nqueue[lock];
	uint8_t *queue = state->queue[lock];

	if (state->owner[lock] != actor)
		return;
	state->owner[lock] = NSLAB_NOBODY;
	state->actors[actor].held &= ~(1U << lock);
	if (!n)
		return;
	if (state->program->handoff)
		n = 1;
	for (i = 0; i < n; i++)
		state->actors[queue[i]].waits_lock = false;
	if (state->program->handoff)
		get_lock(state, queue[0], lock);
	state->nqueue[lock] -= n;
	memmove(queue, queue + n, state->nqueue[lock]);
	memset(queue + state->nqueue[lock], 0, n);
}

static void wait_for_readers(struct words_state *state, unsigned int actor)
{
	unsigned int i;

	for (i = 0; i < state->program->nactors; i++)
		if (i != actor && state->actors[i].nesting)
			state->actors[actor].blockers |= 1U << i;
	state->actors[actor].waits_gp = true;
}

static void leave_section(struct words_state *state, unsigned int actor)
{
	unsigned int i;

	if (!state->actors[actor].nesting || --state->actors[actor].nesting)
		return;
	for (i = 0; i < state->program->nactors; i++)
		state->actors[i].blockers &= ~(1U << actor);
}

static void wake(struct words_state *state, unsigned int actor)
{
	state->actors[actor].sleeps = false;
	state->actors[actor].waits_wake = false;
}

/* Returns whether the actor can go on, and need not wait. */
static bool do_op(struct words_state *state, unsigned int actor, bool again)
{
	struct words_actor *me = &state->actors[actor];
	const struct words_op *op = op_of(state, actor);
	int word = word_of(state, actor);

	if (word >= 0 && !again)
		note_access(state, actor, word, writes(op));
	switch (op->code) {
	case WORDS_READ:
	case WORDS_WRITE:
	case WORDS_ADD:
	case WORDS_INC:
	case WORDS_AT:
	case WORDS_FREE:
		access_word(state, actor, op, word);
		break;
	case WORDS_LOCK:
		/* Nobody waits where there is no preemption. */
		if (!me->off && !take_lock(state, actor, op->word))
			return false;
		break;
	case WORDS_TRYLOCK:
		me->reg = state->owner[op->word] == NSLAB_NOBODY;
		if (me->reg)
			get_lock(state, actor, op->word);
		break;
	case WORDS_SPIN:
		if (state->owner[op->word] == NSLAB_NOBODY) {
			get_lock(state, actor, op->word);
			me->off++;
		}
		break;
	case WORDS_UNLOCK:
	case WORDS_UNSPIN:
		if (op->code == WORDS_UNSPIN && state->owner[op->word] == actor)
			me->off--;
		release_lock(state, actor, op->word);
		break;
	case WORDS_OFF:
		me->off++;
		break;
	case WORDS_ON:
		me->off--;
		break;
	case WORDS_RCU_LOCK:
		me->nesting++;
		break;
	case WORDS_RCU_UNLOCK:
		leave_section(state, actor);
		break;
	case WORDS_SYNC:
		if (!again && !me->off && !me->nesting) {
			wait_for_readers(state, actor);
			return false;
		}
		break;
	case WORDS_PREPARE:
		me->sleeps = true;
		break;
	case WORDS_SLEEP:
		me->waits_wake = me->sleeps && !me->off;
		if (me->waits_wake)
			return false;
		break;
	case WORDS_WAKE:
		wake(state, op->word);
		break;
	case WORDS_SKIP:
		if (me->reg == op->arg)
			me->pc += op->word;
		break;
	case WORDS_BUG:
		if (me->reg == op->arg)
			complain(state, actor);
		break;
	default:
		break;
	}
	return true;
}

static void end(struct words_state *state, unsigned int actor,
		struct toy_trace *trace)
{
	struct nslab_event event = event_of(state, actor, NSLAB_EVENT_END);

	event.flags = NSLAB_EVENT_IS_FREE;
	state->actors[actor].done = true;
	come_to_point(state, event, trace);
}

/* === The interface === */

/**
 * words_begin() - an execution begins: who starts?
 * @state: filled
 * @program: what the actors do
 * @policy: where there are points, and what is recorded
 * @trace: emptied, and then written to; may be NULL
 */
void words_begin(struct words_state *state,
		 const struct words_program *program,
		 const struct words_policy *policy, struct toy_trace *trace)
{
	struct nslab_event event = {
		.kind = NSLAB_EVENT_BEGIN, .actor = NSLAB_NOBODY,
		.flags = NSLAB_EVENT_IS_FREE,
	};

	memset(state, 0, sizeof(*state));
	memset(state->owner, NSLAB_NOBODY, sizeof(state->owner));
	state->program = program;
	state->policy = policy;
	if (trace)
		trace->n = 0;
	come_to_point(state, event, trace);
}

static bool do_next(struct words_state *state, unsigned int actor,
		    struct toy_trace *trace)
{
	struct words_actor *me = &state->actors[actor];
	const struct words_op *op = op_of(state, actor);
	struct nslab_event event = event_before(state, actor);
	bool again = me->has_waited, at_point = me->at_point;
	int word = word_of(state, actor);

	if (!again && !at_point && point_before(state, actor)) {
		if (event.kind == NSLAB_EVENT_BEGIN)
			event.kind = NSLAB_EVENT_POINT;
		me->at_point = true;
		come_to_point(state, event, trace);
		return false;
	}
	me->at_point = false;
	if (op->code == WORDS_END) {
		end(state, actor, trace);
		return false;
	}
	if (!again && !at_point && event.kind != NSLAB_EVENT_BEGIN)
		record(trace, &event);
	me->has_waited = false;
	if (!do_op(state, actor, again)) {
		event = event_of(state, actor, NSLAB_EVENT_BLOCK);
		event.flags = NSLAB_EVENT_IS_FREE;
		event.what = me->waits_lock ? NSLAB_WAITS_LOCK :
			     me->waits_gp ? NSLAB_WAITS_GRACE :
					    NSLAB_WAITS_OTHER;
		me->has_waited = true;
		come_to_point(state, event, trace);
		return false;
	}
	me->pc++;
	me->point_due |= point_after(state, op->code, word);
	if (me->off || !me->point_due)
		return true;
	me->point_due = false;
	event = event_of(state, actor, NSLAB_EVENT_POINT);
	come_to_point(state, event, trace);
	return false;
}

/**
 * words_step() - run an actor until its next point, or the end of everything
 * @state: where the execution is
 * @actor: enabled
 * @trace: gets the events; may be NULL
 */
void words_step(struct words_state *state, unsigned int actor,
		struct toy_trace *trace)
{
	struct words_actor *me = &state->actors[actor];
	struct nslab_event event;

	event = event_of(state, actor, NSLAB_EVENT_START);
	if (me->has_waited)
		event.kind = NSLAB_EVENT_RESUME;
	if (!me->started || me->has_waited)
		record(trace, &event);
	me->started = true;
	while (do_next(state, actor, trace))
		;
}

/**
 * words_run() - one execution
 * @state: as it is when it is over
 * @program: what the actors do
 * @policy: where there are points, and what is recorded
 * @search: strategy, run, switches and nswitches are set, the rest zero
 * @trace: what happened
 */
void words_run(struct words_state *state, const struct words_program *program,
	       const struct words_policy *policy, struct nslab_search *search,
	       struct toy_trace *trace)
{
	static const struct nslab_op next[NSLAB_MAX_ACTORS];
	struct nslab_choice choice = { .next = next };
	unsigned int i;

	words_begin(state, program, policy, trace);
	search->strategy->begin(search);
	while (!state->over) {
		choice.at = state->at;
		choice.local = state->local;
		choice.enabled = state->enabled;
		choice.free = state->free;
		i = search->strategy->pick(search, &choice);
		choice.step++;
		trace->events[trace->n - 1].next = i;
		words_step(state, i, trace);
	}
	if (search->strategy->end)
		search->strategy->end(search);
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t n)
{
	const uint8_t *byte = data;

	while (n--)
		hash = (hash ^ *byte++) * 0x100000001b3ULL;
	return hash;
}

/**
 * words_outcome() - how an execution that is over has ended
 *
 * Return: a hash.
 */
uint64_t words_outcome(const struct words_state *state)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	unsigned int i;

	for (i = 0; i < state->program->nactors; i++) {
		const struct words_actor *actor = &state->actors[i];

		hash = hash_bytes(hash, &actor->pc, 1);
		hash = hash_bytes(hash, &actor->reg, 1);
		hash = hash_bytes(hash, &actor->complaints, 2);
	}
	hash = hash_bytes(hash, state->memory, sizeof(state->memory));
	return hash_bytes(hash, &state->dead, 1);
}

/**
 * words_shared() - words that two actors have accessed, one of them writing
 *
 * Return: a bit each.
 */
unsigned int words_shared(const struct words_state *state)
{
	unsigned int i, shared = 0;

	for (i = 0; i < WORDS_ALL; i++) {
		unsigned int who = state->readers[i] | state->writers[i];

		if (state->writers[i] && who & (who - 1))
			shared |= 1U << i;
	}
	return shared;
}

/**
 * words_racy() - those of them that no lock protects
 *
 * Return: a bit each.
 */
unsigned int words_racy(const struct words_state *state)
{
	unsigned int i, racy = words_shared(state);

	for (i = 0; i < WORDS_ALL; i++)
		if (state->common[i])
			racy &= ~(1U << i);
	return racy;
}

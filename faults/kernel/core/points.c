// SPDX-License-Identifier: GPL-2.0
/*
 * What happens when an actor reaches a point.
 */

#include <linux/hash.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "coverage.h"
#include "locks.h"
#include "observer.h"
#include "points.h"
#include "steer.h"
#include "strategies/strategy.h"
#include "subject.h"
#include "trace.h"

enum {
#define NSLAB_POINT(id, name, class, effect, about) POINT_##id,
#include "points.def"
#undef NSLAB_POINT
};

#define NSLAB_POINT(id, name, class, effect, about)			\
	NSLAB_DEFINE_POINT(id, name, class, effect, 0, POINT_##id);
#include "points.def"
#undef NSLAB_POINT

const struct nslab_memory *nslab_memory;

/**
 * nslab_point_name() - the name of the point with that number
 *
 * Return: NULL if there is none.
 */
const char *nslab_point_name(unsigned int number)
{
	struct nslab_named_point *const *point;

	nslab_for_each(point, nslab_points)
		if ((*point)->number == number)
			return (*point)->name;
	return NULL;
}

/**
 * nslab_point_subject() - the number of the subject of a point
 *
 * Return: 0 for one that is of none.
 */
unsigned int nslab_point_subject(const struct nslab_named_point *point)
{
	return point->number < NSLAB_MAX_POINTS ?
	       point->number / NSLAB_POINTS_OF_SUBJECT : 0;
}

static void check_name(const struct nslab_named_point *point)
{
	struct nslab_named_point *const *other;

	nslab_for_each(other, nslab_points)
		if (*other != point && !strcmp((*other)->name, point->name))
			panic("nslab: two points are called \"%s\": rename the one of NSLAB_POINT()\n",
			      point->name);
}

/* In the order of the list, which the linker makes: the same in each boot. */
static int __init nslab_number_own_points(void)
{
	struct nslab_named_point *const *point;
	unsigned int n = 0;

	static_assert(NSLAB_EFFECT_OF_OWN == NSLAB_EFFECT_GLOBAL);
	nslab_for_each(point, nslab_points) {
		if ((*point)->number != NSLAB_OWN_POINT)
			continue;
		if (n == NSLAB_MAX_OWN_POINTS)
			panic("nslab: there are more than %u NSLAB_POINT()s\n", n);
		check_name(*point);
		(*point)->number = NSLAB_MAX_POINTS + n++;
	}
	return 0;
}
late_initcall(nslab_number_own_points);

/* Where the function was called that has the point; there are frame pointers. */
#define CALLER_IP	((unsigned long)__builtin_return_address(1))

/*
 * A point counts only where the scheduler could take the CPU away: a point in
 * an interrupt or under a spinlock is no scheduling point.
 */
static bool can_be_preempted(void)
{
	return in_task() && preemptible();
}

static u16 pointee(const void *where)
{
	return nslab_memory ? nslab_memory->pointee(where) : NSLAB_OTHER_OBJECT;
}

/* The last write to a pointer has been made by now: see what it points to. */
static void look_at_written(struct nslab_actor *actor)
{
	if (actor->written)
		actor->written->value = pointee(actor->written_to);
	actor->written = NULL;
}

/* Named points go with the memory that a user has named. */
static u16 kind_of(const struct nslab_event *event)
{
	if (event->kind == NSLAB_EVENT_POINT)
		return NSLAB_FOCUS_NAMED;
	if (!nslab_memory || !(event->kind == NSLAB_EVENT_ACCESS ||
			       event->kind == NSLAB_EVENT_ALLOC ||
			       event->kind == NSLAB_EVENT_FREE))
		return 0;
	return nslab_memory->kind(event->what);
}

/* What it is about to do with memory or with a lock. What it has done is over. */
static struct nslab_op op_of(const struct nslab_event *event)
{
	if (event->kind == NSLAB_EVENT_LOCK)
		return (struct nslab_op) {
			.object = NSLAB_LOCK_OBJECT | event->object,
			.size = 1,
			.write = !(event->what & NSLAB_LOCK_READ),
		};
	if (event->kind == NSLAB_EVENT_UNLOCK)
		return (struct nslab_op) {};
	return (struct nslab_op) {
		.object = event->object,
		.offset = event->offset,
		.size = event->size,
		.write = event->flags & NSLAB_EVENT_IS_WRITE,
		.kind = kind_of(event),
	};
}

/*
 * A loop that waits for another task may take locks all the time, and access the same
 * words.
 */
static bool may_be_loop(struct nslab_actor *actor, const struct nslab_event *event)
{
	u64 word;

	if (event->kind >= NSLAB_EVENT_LOCK)
		return true;
	if (event->kind != NSLAB_EVENT_ACCESS) {
		actor->loop_words = 0;
		return false;
	}
	word = BIT_ULL(hash_32(event->object << 16 ^ event->offset, 6));
	if (actor->loop_words & word)
		return true;
	actor->loop_words |= word;
	return false;
}

/**
 * nslab_reach() - current, an actor, is about to do something
 * @actor: current
 * @event: what; actor and nesting are filled in
 * @point: it is a scheduling point, if current can be preempted
 * @pointer: the pointer that is about to be read or written, NULL for none
 *
 * Return: the event as kept, to be changed until the execution has ended.
 */
struct nslab_event *nslab_reach(struct nslab_actor *actor,
				struct nslab_event *event, bool point,
				const void *pointer)
{
	struct nslab_op op = op_of(event);
	struct nslab_event *kept;

	actor->hidden++;
	look_at_written(actor);
	/* Who is woken by a release is woken in the middle of it. */
	if (event->kind != NSLAB_EVENT_WAKE)
		nslab_note_unlock(actor);
	if (!may_be_loop(actor, event))
		actor->loops = 0;
	event->actor = nslab_actor_index(actor);
	event->nesting = rcu_preempt_depth();
	event->next = NSLAB_NOBODY;
	if (point && nslab_steering() && can_be_preempted()) {
		event->flags |= NSLAB_EVENT_IS_POINT;
		kept = nslab_trace_point(actor, event);
		nslab_steer_point(actor, kept, &op);
	} else {
		kept = nslab_trace_add(event);
	}

	/* Others may have run: only what is there now is what current sees. */
	if (pointer && op.write) {
		actor->written = kept;
		actor->written_to = pointer;
	} else if (pointer) {
		kept->value = pointee(pointer);
	}
	actor->hidden--;
	return kept;
}

static u8 flags_of(enum nslab_effect effect)
{
	switch (effect) {
	case NSLAB_EFFECT_SECTION_BEGINS:
	case NSLAB_EFFECT_SECTION_ENDS:
		return NSLAB_EVENT_IS_SECTION;
	case NSLAB_EFFECT_GLOBAL:
		return NSLAB_EVENT_IS_GLOBAL;
	case NSLAB_EFFECT_EXITS:
		return NSLAB_EVENT_IS_GLOBAL | NSLAB_EVENT_IS_EXIT;
	default:
		return 0;
	}
}

static void nslab_reach_named(struct nslab_actor *actor,
			      struct nslab_named_point *point, unsigned long ip)
{
	struct nslab_event event;

	actor->hidden++;
	event = (struct nslab_event) {
		.kind = NSLAB_EVENT_POINT,
		.what = point->number,
		.flags = flags_of(point->effect),
		.ip = nslab_text_offset(ip),
	};
	if (!nslab_steering() && point->delay)
		event.delay_ns = nslab_draw_delay(actor, point->delay);
	point->hits++;
	nslab_reach(actor, &event,
		    !(nslab_current_run()->flags & NSLAB_RUN_UNNAMED), NULL);
	if (event.delay_ns)
		nslab_delay_current(actor, event.delay_ns);
	actor->hidden--;
}

/**
 * __nslab_point() - current, an actor, has reached a named point
 * @point: which one
 * @ip: where in the kernel's text
 *
 * It is recorded. Where no strategy decides, the fault attribute of its class
 * may delay current.
 */
void __nslab_point(struct nslab_named_point *point, unsigned long ip)
{
	struct nslab_actor *actor = current->nslab;

	if (!nslab_takes_part(nslab_point_subject(point)) ||
	    nslab_is_hidden(actor) || !in_task() || !nslab_running())
		return;
	if (point->effect == NSLAB_EFFECT_SECTION_BEGINS &&
	    rcu_preempt_depth() == 1)
		nslab_tell_observers(section_begins, actor);
	if (can_be_preempted()) {
		nslab_coverage_point(point);
		if (point->effect == NSLAB_EFFECT_LOADS)
			nslab_coverage_place(_RET_IP_, CALLER_IP);
		nslab_reach_named(actor, point, ip);
	}
	/* Others may have run, but the section has not ended yet. */
	if (point->effect == NSLAB_EFFECT_SECTION_ENDS &&
	    rcu_preempt_depth() == 1 && nslab_running())
		nslab_tell_observers(section_ends, actor);
}
EXPORT_SYMBOL_GPL(__nslab_point);

/**
 * nslab_hide() - begin a block with guard(nslab_hidden)()
 *
 * Return: what nslab_show() needs to know.
 */
int nslab_hide(void)
{
	struct nslab_actor *actor = current->nslab;

	if (!actor)
		return 0;
	actor->hidden++;
	return 1;
}

/**
 * nslab_show() - end such a block
 * @hidden: what nslab_hide() returned
 */
void nslab_show(int hidden)
{
	if (hidden)
		current->nslab->hidden--;
}

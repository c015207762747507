/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Named points, and what happens when an actor reaches a point of any kind.
 */
#ifndef KERNEL_NSLAB_CORE_POINTS_H
#define KERNEL_NSLAB_CORE_POINTS_H

#include <linux/export.h>

#include "delay.h"
#include "list.h"

/**
 * enum nslab_effect - what a named point means, besides that it was reached
 * @NSLAB_EFFECT_NONE: the accesses and locks of the trace show all that matters
 * @NSLAB_EFFECT_LOADS: likewise; the actor has just loaded a published pointer, and
 *	"make coverage" counts the place
 * @NSLAB_EFFECT_SECTION_BEGINS: the actor has entered an RCU read section
 * @NSLAB_EFFECT_SECTION_ENDS: it is about to leave one
 * @NSLAB_EFFECT_GLOBAL: what it does next may matter to every other actor, and the
 *	trace does not show it: the search may not leave out another order
 * @NSLAB_EFFECT_EXITS: likewise; and the actor has begun to exit, so its end matters,
 *	too
 */
enum nslab_effect {
	NSLAB_EFFECT_NONE,
	NSLAB_EFFECT_LOADS,
	NSLAB_EFFECT_SECTION_BEGINS,
	NSLAB_EFFECT_SECTION_ENDS,
	NSLAB_EFFECT_GLOBAL,
	NSLAB_EFFECT_EXITS,
};

/* Each subject has so many numbers for its points. Those of core are the first. */
#define NSLAB_POINTS_OF_SUBJECT	32
#define NSLAB_MAX_POINTS	(NSLAB_MAX_SUBJECTS * NSLAB_POINTS_OF_SUBJECT)

/* Those of a patch of the user's, which have no subject, come behind all others. */
#define NSLAB_MAX_OWN_POINTS	256

NSLAB_LIST(nslab_points, struct nslab_named_point *const);

/**
 * NSLAB_DEFINE_POINT() - define what is a line in a points.def
 * @subject: the number of its subject, 0 for what all have
 * @local: its index among the points of that subject
 */
#define NSLAB_DEFINE_POINT(id, _name, class, _effect, subject, local)	\
extern struct nslab_delay nslab_delay_##class;				\
extern struct nslab_named_point nslab_point_##id;			\
struct nslab_named_point nslab_point_##id = {				\
	.name = _name,							\
	.delay = &nslab_delay_##class,					\
	.effect = NSLAB_EFFECT_##_effect,				\
	.number = (subject) * NSLAB_POINTS_OF_SUBJECT + (local),	\
};									\
EXPORT_SYMBOL_GPL(nslab_point_##id);					\
static_assert((local) < NSLAB_POINTS_OF_SUBJECT);			\
NSLAB_LISTED(nslab_points, struct nslab_named_point *const, nslab_point_##id)

/**
 * struct nslab_memory - what watched memory is to the trace; memory/ fills it in
 * @pointee: the number of the object that a pointer in memory points to: see struct
 *	nslab_event.value
 * @guards: is there a shared word that is accessed under this lock? NULL: any lock may
 *	be such a one. It is known by its lockdep map, a bit spinlock by its word
 * @kind: which kind of memory is meant by that @what of an access: see struct nslab_op
 * @nr_kinds: how many kinds are found to be shared
 * @named: is memory watched that a user has named?
 * @left_out: does that place in the kernel's text belong to the machinery, which
 *	no subject is about? NULL: none does
 */
struct nslab_memory {
	u16 (*pointee)(const void *where);
	bool (*guards)(const void *lock);
	unsigned int (*kind)(unsigned int what);
	unsigned int (*nr_kinds)(void);
	bool (*named)(void);
	bool (*left_out)(unsigned long ip);
};

/* Set once, by an initcall, before there is an actor: the readers need no order. */
extern const struct nslab_memory *nslab_memory;

const char *nslab_point_name(unsigned int number);
unsigned int nslab_point_subject(const struct nslab_named_point *point);
struct nslab_event *nslab_reach(struct nslab_actor *actor,
				struct nslab_event *event, bool point,
				const void *pointer);

/**
 * nslab_is_machinery() - is that place in the kernel's text part of the machinery?
 */
static inline bool nslab_is_machinery(unsigned long ip)
{
	return nslab_memory && nslab_memory->left_out && nslab_memory->left_out(ip);
}

#endif /* KERNEL_NSLAB_CORE_POINTS_H */

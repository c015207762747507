/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Oracles: rules for any object that is published, of any subject.
 */
#ifndef KERNEL_NSLAB_ORACLES_ORACLES_H
#define KERNEL_NSLAB_ORACLES_ORACLES_H

#include "../core/subject.h"

#define NSLAB_MAX_LIVES		256

/**
 * struct nslab_life - of an object, from its allocation on
 * @object: the first byte; NULL: the slot is free
 * @generation: its 1-based index among all of them since boot
 * @made_by: index of an actor, NSLAB_NOBODY for others
 * @made_at: the instruction
 * @freed_by: likewise, if it has ended
 * @freed_at: the instruction
 */
struct nslab_life {
	const void *object;
	u64 generation;
	unsigned int made_by;
	unsigned long made_at;
	unsigned int freed_by;
	unsigned long freed_at;
};

/**
 * struct nslab_lives - of the objects of all subjects
 * @live: those that have not ended
 * @ended: the last ones that have, for gdb alone
 * @nended: how many have ended
 * @generations: how many there were
 */
struct nslab_lives {
	struct nslab_life live[NSLAB_MAX_LIVES];
	struct nslab_life ended[NSLAB_MAX_LIVES];
	unsigned int nended;
	u64 generations;
};

extern struct nslab_lives nslab_lives;

void nslab_lifetime_begin(void);
void nslab_lifetime_alloc(const void *object, unsigned long ip);
void nslab_lifetime_free(const void *object, unsigned long ip);
void nslab_lifetime_loaded(const struct nslab_subject *subject,
			   const struct nslab_actor *actor, const void *object);
void nslab_lifetime_grace_period(const void *object, unsigned long ip);
void nslab_lifetime_use(struct nslab_actor *actor, const void *object,
			unsigned long ip);
void nslab_lifetime_section_ends(struct nslab_actor *actor);
void nslab_lifetime_report(void);
void nslab_order_begin(const struct nslab_subject *subject);
void nslab_order_new_task(const struct task_struct *task);
void nslab_order_section(const struct nslab_actor *actor);
void nslab_order_switching(const struct nslab_subject *subject,
			   const struct task_struct *task, const void *next);
void nslab_order_switched(const struct nslab_subject *subject,
			  const struct task_struct *task);
void nslab_order_loaded(const struct nslab_subject *subject,
			struct nslab_actor *actor,
			const struct task_struct *task, const void *object);
const char *nslab_sentence(const char *format, const char *noun);

#endif /* KERNEL_NSLAB_ORACLES_ORACLES_H */

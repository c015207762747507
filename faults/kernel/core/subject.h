/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the lab knows of a subject. It is a folder in subjects/, and no
 * other file names it.
 */
#ifndef KERNEL_NSLAB_CORE_SUBJECT_H
#define KERNEL_NSLAB_CORE_SUBJECT_H

#include "list.h"
#include "points.h"
#include "variants.h"

/**
 * struct nslab_counter - something that exists more or less often
 * @name: plural, as a leak is reported: "widgets" gives "widgets +1"
 * @read: how many there are
 * @which: its argument
 */
struct nslab_counter {
	const char *name;
	u64 (*read)(unsigned int which);
	unsigned int which;
};

/**
 * struct nslab_attribute - something that a task has
 * @about: what is said when a call that failed has changed it: "its widget is another
 *	one"; of a count: "its widget has # references"
 * @read: of current: another number when it is another object; or a count
 * @which: its argument
 * @kind: NSLAB_IS_IDENTITY or NSLAB_IS_COUNT
 */
struct nslab_attribute {
	const char *about;
	u64 (*read)(unsigned int which);
	unsigned int which;
	u32 kind;
};

/**
 * struct nslab_subject - one subject; everything but @name and @number may be left out
 * @name: of its folder, below NSLAB_NAME_LEN
 * @number: 1 to NSLAB_MAX_SUBJECTS - 1, of this subject for good: the numbers of its
 *	points in traces derive from it
 * @noun: singular, what reports call its published object
 * @means: plural, what a task that has published NULL has no more
 * @cache: the slab cache of its published objects. They are watched for the oracles
 * @publishes: a task publishes a pointer to such an object ...
 * @published: ... at this offset in struct task_struct
 * @null_is_final: a task that has published NULL publishes nothing any more
 * @counters: what must be as often after an execution as before
 * @ncounters: how many
 * @counting_begins: all counters are about to be read, in task context
 * @counting_ends: they have been
 * @attributes: what a call that fails must leave alone
 * @nattributes: how many
 * @object_alloc: an object of @cache was allocated, @ip asked for it; at any time
 * @object_free: it is about to be freed
 * @object_use: an actor is about to access it, @ip is the instruction
 * @section_begins: an actor has entered a read section within no other
 * @section_ends: it is about to leave it
 * @execution_begins: an execution is about to begin, no actor runs yet
 * @execution_ends: it has ended
 *
 * Its named points and variants are lists of their own, see NSLAB_DEFINE_POINT() and
 * NSLAB_DEFINE_VARIANT(). The last five are called only where it takes part.
 */
struct nslab_subject {
	const char *name;
	unsigned int number;
	const char *noun;
	const char *means;
	const char *cache;
	bool publishes;
	size_t published;
	bool null_is_final;
	const struct nslab_counter *counters;
	unsigned int ncounters;
	void (*counting_begins)(void);
	void (*counting_ends)(void);
	const struct nslab_attribute *attributes;
	unsigned int nattributes;
	void (*object_alloc)(const void *object, unsigned long ip);
	void (*object_free)(const void *object, unsigned long ip);
	void (*object_use)(struct nslab_actor *actor, const void *object,
			   unsigned long ip);
	void (*section_begins)(struct nslab_actor *actor);
	void (*section_ends)(struct nslab_actor *actor);
	void (*execution_begins)(const struct nslab_run *run);
	void (*execution_ends)(const struct nslab_run *run);
};

NSLAB_LIST(nslab_subjects, const struct nslab_subject *const);

/**
 * NSLAB_SUBJECT() - begin the definition of a subject
 * @id: as hooks name it: nslab_loaded(@id, ...)
 *
 *	NSLAB_SUBJECT(widget) = { .name = "widget", .number = 3, ... };
 */
#define NSLAB_SUBJECT(id)						\
extern const struct nslab_subject nslab_subject_##id;			\
NSLAB_LISTED(nslab_subjects, const struct nslab_subject *const,		\
	     nslab_subject_##id);					\
const struct nslab_subject nslab_subject_##id

/**
 * struct nslab_defect - a variant
 * @name: in nslab.variant=
 * @chosen: what nslab_variant() reads
 */
struct nslab_defect {
	const char *name;
	bool *chosen;
};

NSLAB_LIST(nslab_defects, const struct nslab_defect *const);

/* Define what is a line in a variants.def. */
#define NSLAB_DEFINE_VARIANT(id, _name)					\
extern bool nslab_variant_##id;						\
bool nslab_variant_##id __read_mostly;					\
EXPORT_SYMBOL_GPL(nslab_variant_##id);					\
static const struct nslab_defect nslab_defect_##id = {			\
	.name = _name,							\
	.chosen = &nslab_variant_##id,					\
};									\
NSLAB_LISTED(nslab_defects, const struct nslab_defect *const, nslab_defect_##id)

/**
 * nslab_takes_part() - do the points and oracles of that subject count?
 * @number: of the subject; 0, what all have, always does
 *
 * Of the execution under way, or the last one.
 */
static inline bool nslab_takes_part(unsigned int number)
{
	return !number || nslab_state.run.subjects & 1U << number;
}

void nslab_count(struct nslab_counters *counters);
void nslab_read_attributes(struct nslab_attributes *attributes);
int nslab_describe_subject(struct nslab_subject_info *info);

#endif /* KERNEL_NSLAB_CORE_SUBJECT_H */

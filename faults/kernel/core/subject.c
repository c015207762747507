// SPDX-License-Identifier: GPL-2.0
/*
 * The subjects that were compiled in: what they count and compare.
 */

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "observer.h"
#include "subject.h"

/* The numbers decide about the order, whatever that of the folders. */
static const struct nslab_subject *subject_numbered(unsigned int number)
{
	const struct nslab_subject *const *at;

	nslab_for_each(at, nslab_subjects)
		if ((*at)->number == number)
			return *at;
	return NULL;
}

/* The one with that number, if it is meant. */
static const struct nslab_subject *meant(u32 mask, unsigned int number)
{
	return mask & 1U << number ? subject_numbered(number) : NULL;
}

/**
 * nslab_count() - how many objects there are
 * @counters: of which subjects; filled in
 */
void nslab_count(struct nslab_counters *counters)
{
	const struct nslab_subject *subject;
	unsigned int number, i;

	counters->n = 0;
	memset(counters->values, 0, sizeof(counters->values));
	for (number = 1; number < NSLAB_MAX_SUBJECTS; number++) {
		subject = meant(counters->subjects, number);
		if (!subject)
			continue;
		if (subject->counting_begins)
			subject->counting_begins();
		for (i = 0; i < subject->ncounters; i++) {
			const struct nslab_counter *counter =
				&subject->counters[i];

			counters->values[counters->n++] =
				counter->read(counter->which);
		}
		if (subject->counting_ends)
			subject->counting_ends();
	}
}

/**
 * nslab_read_attributes() - what the calling task has
 * @attributes: for which subjects; filled in
 */
void nslab_read_attributes(struct nslab_attributes *attributes)
{
	const struct nslab_subject *subject;
	unsigned int number, i;
	/* No actor goes on between nslab_is_quiet() and the last count. */
	guard(nslab_hidden)();

	attributes->n = 0;
	attributes->quiet = nslab_is_quiet();
	memset(attributes->values, 0, sizeof(attributes->values));
	for (number = 1; number < NSLAB_MAX_SUBJECTS; number++) {
		subject = meant(attributes->subjects, number);
		for (i = 0; subject && i < subject->nattributes; i++) {
			const struct nslab_attribute *attribute =
				&subject->attributes[i];
			u64 *value = &attributes->values[attributes->n++];

			if (attribute->kind == NSLAB_IS_IDENTITY ||
			    attributes->quiet)
				*value = attribute->read(attribute->which);
		}
	}
}

static const struct nslab_subject *subject_at(unsigned int index)
{
	const struct nslab_subject *subject;
	unsigned int number;

	for (number = 1; number < NSLAB_MAX_SUBJECTS; number++) {
		subject = subject_numbered(number);
		if (subject && !index--)
			return subject;
	}
	return NULL;
}

/**
 * nslab_describe_subject() - what a subject is called, counts and compares
 * @info: which; filled in
 *
 * Return: 0, or -ENOENT if there are not so many.
 */
int nslab_describe_subject(struct nslab_subject_info *info)
{
	const struct nslab_subject *subject = subject_at(info->index);
	unsigned int i;

	if (!subject)
		return -ENOENT;
	info->number = subject->number;
	info->ncounters = subject->ncounters;
	info->nattributes = subject->nattributes;
	strscpy(info->name, subject->name, sizeof(info->name));
	for (i = 0; i < subject->ncounters; i++)
		strscpy(info->counters[i], subject->counters[i].name,
			sizeof(info->counters[i]));
	for (i = 0; i < subject->nattributes; i++) {
		info->attributes[i].kind = subject->attributes[i].kind;
		strscpy(info->attributes[i].about, subject->attributes[i].about,
			sizeof(info->attributes[i].about));
	}
	return 0;
}

/* A mistake in a folder would else be one in traces. */
static int __init nslab_check_subjects(void)
{
	const struct nslab_subject *const *at;
	unsigned int counters = 0, attributes = 0;
	u32 seen = 0;

	nslab_for_each(at, nslab_subjects) {
		u32 bit = 1U << (*at)->number;

		if (!(*at)->number || (*at)->number >= NSLAB_MAX_SUBJECTS ||
		    seen & bit)
			panic("nslab: subject %s: number %u is taken, or none\n",
			      (*at)->name, (*at)->number);
		seen |= bit;
		counters += (*at)->ncounters;
		attributes += (*at)->nattributes;
	}
	if (counters > NSLAB_MAX_COUNTERS || attributes > NSLAB_MAX_ATTRIBUTES)
		panic("nslab: more counters or attributes than the ABI has room for\n");
	return 0;
}
late_initcall(nslab_check_subjects);

/* === What core reports goes on to those that take part === */

#define tell_subjects(hook, ...)					\
do {									\
	const struct nslab_subject *const *at;				\
									\
	nslab_for_each(at, nslab_subjects)				\
		if ((*at)->hook && nslab_takes_part((*at)->number))	\
			(*at)->hook(__VA_ARGS__);			\
} while (0)

static void nslab_subjects_begin(const struct nslab_run *run)
{
	tell_subjects(execution_begins, run);
}

static void nslab_subjects_end(const struct nslab_run *run)
{
	tell_subjects(execution_ends, run);
}

static void nslab_subjects_section_begins(struct nslab_actor *actor)
{
	tell_subjects(section_begins, actor);
}

static void nslab_subjects_section_ends(struct nslab_actor *actor)
{
	tell_subjects(section_ends, actor);
}

static const struct nslab_observer subjects_observer = {
	.begins = nslab_subjects_begin,
	.ends = nslab_subjects_end,
	.section_begins = nslab_subjects_section_begins,
	.section_ends = nslab_subjects_section_ends,
};

NSLAB_OBSERVER(subjects_observer);

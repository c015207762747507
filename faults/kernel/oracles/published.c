// SPDX-License-Identifier: GPL-2.0
/*
 * What the oracles judge by: the hooks where the kernel publishes and loads a pointer,
 * and the slab caches of the subjects.
 */

#include <linux/export.h>
#include <linux/init.h>
#include <linux/instruction_pointer.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#include "../core/observer.h"
#include "../memory/caches.h"
#include "oracles.h"

/**
 * nslab_sentence() - what an oracle says, about an object of that subject
 * @format: with one "%s"
 * @noun: of the subject
 *
 * Return: valid until the next one.
 */
const char *nslab_sentence(const char *format, const char *noun)
{
	static char sentence[128];

	snprintf(sentence, sizeof(sentence), format, noun);
	return sentence;
}

/* === Hooks === */

static bool counts(const struct nslab_subject *subject)
{
	return nslab_running() && nslab_takes_part(subject->number);
}

/**
 * __nslab_loaded() - see nslab_loaded()
 * @subject: of this subject
 * @task: the task
 * @object: what it publishes
 */
void __nslab_loaded(const struct nslab_subject *subject,
		    const struct task_struct *task, const void *object)
{
	struct nslab_actor *actor = nslab_acting();

	if (!actor || !counts(subject))
		return;
	nslab_order_loaded(subject, actor, task, object);
	if (object)
		nslab_lifetime_loaded(subject, actor, object);
}
EXPORT_SYMBOL_GPL(__nslab_loaded);

/**
 * __nslab_grace_period() - see nslab_grace_period()
 * @subject: of this subject
 * @object: its last reference was dropped before
 */
void __nslab_grace_period(const struct nslab_subject *subject,
			  const void *object)
{
	if (counts(subject))
		nslab_lifetime_grace_period(object, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__nslab_grace_period);

/**
 * __nslab_switching() - see nslab_switching()
 * @subject: of this subject
 * @task: current; it may have been an actor, and be killed now
 * @next: what it is about to publish
 */
void __nslab_switching(const struct nslab_subject *subject,
		       const struct task_struct *task, const void *next)
{
	if (counts(subject))
		nslab_order_switching(subject, task, next);
}
EXPORT_SYMBOL_GPL(__nslab_switching);

/**
 * __nslab_switched() - see nslab_switched()
 * @subject: of this subject
 * @task: current
 */
void __nslab_switched(const struct nslab_subject *subject,
		      const struct task_struct *task)
{
	if (counts(subject))
		nslab_order_switched(subject, task);
}
EXPORT_SYMBOL_GPL(__nslab_switched);

/* === Executions and read sections === */

static void nslab_oracles_begin(const struct nslab_run *run)
{
	const struct nslab_subject *const *at;

	nslab_lifetime_begin();
	nslab_for_each(at, nslab_subjects)
		if ((*at)->publishes && nslab_takes_part((*at)->number))
			nslab_order_begin(*at);
}

static void nslab_oracles_section_begins(struct nslab_actor *actor)
{
	nslab_order_section(actor);
}

static void nslab_oracles_section_ends(struct nslab_actor *actor)
{
	nslab_lifetime_section_ends(actor);
}

static const struct nslab_observer nslab_oracles_observer = {
	.begins = nslab_oracles_begin,
	.section_begins = nslab_oracles_section_begins,
	.section_ends = nslab_oracles_section_ends,
};

NSLAB_OBSERVER(nslab_oracles_observer);

/* === Objects === */

/* Of one subject. */
struct published {
	struct nslab_listener listener;
	const struct nslab_subject *subject;
};

static struct published caches[NSLAB_MAX_SUBJECTS];

static const struct nslab_subject *subject_of(struct nslab_listener *listener)
{
	return container_of(listener, struct published, listener)->subject;
}

/* In an execution of another subject, too: the object lives on into the next one. */
static void nslab_published_alloc(struct nslab_listener *listener,
				  const void *object, unsigned long ip)
{
	const struct nslab_subject *subject = subject_of(listener);

	if (subject->object_alloc)
		subject->object_alloc(object, ip);
	nslab_lifetime_alloc(object, ip);
}

static void nslab_published_free(struct nslab_listener *listener,
				 const void *object, unsigned long ip)
{
	const struct nslab_subject *subject = subject_of(listener);

	if (subject->object_free)
		subject->object_free(object, ip);
	nslab_lifetime_free(object, ip);
}

static void nslab_published_use(struct nslab_listener *listener,
				struct nslab_actor *actor, const void *object,
				unsigned long ip)
{
	const struct nslab_subject *subject = subject_of(listener);

	if (!counts(subject))
		return;
	if (subject->object_use)
		subject->object_use(actor, object, ip);
	nslab_lifetime_use(actor, object, ip);
}

static void nslab_task_alloc(struct nslab_listener *listener,
			     const void *object, unsigned long ip)
{
	nslab_order_new_task(object);
}

static struct nslab_listener tasks = {
	.cache = "task_struct",
	.alloc = nslab_task_alloc,
};

static int __init nslab_oracles_init(void)
{
	const struct nslab_subject *const *at;

	nslab_for_each(at, nslab_subjects) {
		struct published *published = &caches[(*at)->number];

		if (!(*at)->cache)
			continue;
		published->subject = *at;
		published->listener = (struct nslab_listener) {
			.cache = (*at)->cache,
			.alloc = nslab_published_alloc,
			.free = nslab_published_free,
			.use = nslab_published_use,
		};
		nslab_listen(&published->listener);
	}
	nslab_listen(&tasks);
	return 0;
}
late_initcall(nslab_oracles_init);

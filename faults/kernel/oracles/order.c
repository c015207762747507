// SPDX-License-Identifier: GPL-2.0
/*
 * Oracle "order": a read section that began after a task had switched does not find
 * what the task had published before; and where NULL is final, a task that had
 * published it does not publish anything else again.
 */

#define pr_fmt(fmt) "nslab: " fmt

#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "../core/complaint.h"
#include "oracles.h"

/**
 * struct view - what can be seen of one actor's task
 * @task: the task; stays when the actor has left
 * @now: what it publishes
 * @next: what it is about to publish
 * @switching: it is between nslab_switching() and nslab_switched()
 * @since: when it left that last, in steps of the clock below
 * @null_seen: an actor has loaded NULL
 */
struct view {
	const struct task_struct *task;
	const void *now, *next;
	bool switching;
	u64 since;
	bool null_seen;
};

static struct view views[NSLAB_MAX_SUBJECTS][NSLAB_MAX_ACTORS];
static u64 sections[NSLAB_MAX_ACTORS];
static u64 clock;

static struct view *view_of(const struct nslab_subject *subject,
			    const struct task_struct *task)
{
	struct view *view = views[subject->number];
	unsigned int i;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++, view++)
		if (view->task == task)
			return view;
	return NULL;
}

static const void *published(const struct nslab_subject *subject,
			     const struct task_struct *task)
{
	return *(const void **)((const char *)task + subject->published);
}

/**
 * nslab_order_begin() - an execution begins, and all actors have joined
 * @subject: takes part, and publishes a pointer
 */
void nslab_order_begin(const struct nslab_subject *subject)
{
	unsigned int i;

	memset(sections, 0, sizeof(sections));
	clock = 0;
	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		const struct task_struct *task = nslab_actors[i].task;

		views[subject->number][i] = (struct view) {
			.task = task,
			.now = task ? published(subject, task) : NULL,
		};
	}
}

/**
 * nslab_order_new_task() - memory becomes another task than it was
 */
void nslab_order_new_task(const struct task_struct *task)
{
	unsigned int i, j;

	for (i = 0; i < NSLAB_MAX_SUBJECTS; i++)
		for (j = 0; j < NSLAB_MAX_ACTORS; j++)
			if (views[i][j].task == task)
				views[i][j].task = NULL;
}

/**
 * nslab_order_section() - an actor enters a read section, within no other
 */
void nslab_order_section(const struct nslab_actor *actor)
{
	sections[nslab_actor_index(actor)] = ++clock;
}

/**
 * nslab_order_switching() - current is about to publish another object
 * @subject: of this subject
 * @task: current
 * @next: that one
 */
void nslab_order_switching(const struct nslab_subject *subject,
			   const struct task_struct *task, const void *next)
{
	struct view *view = view_of(subject, task);

	if (!view)
		return;
	view->next = next;
	view->switching = true;
}

/**
 * nslab_order_switched() - it has done so, and returns
 * @subject: of this subject
 * @task: current
 */
void nslab_order_switched(const struct nslab_subject *subject,
			  const struct task_struct *task)
{
	struct view *view = view_of(subject, task);

	if (!view || !view->switching)
		return;
	view->now = view->next;
	view->switching = false;
	view->since = ++clock;
}

/**
 * nslab_order_loaded() - current, an actor, has loaded what a task publishes
 * @subject: of this subject
 * @actor: current
 * @task: the task
 * @object: what it publishes
 */
void nslab_order_loaded(const struct nslab_subject *subject,
			struct nslab_actor *actor,
			const struct task_struct *task, const void *object)
{
	u64 section = sections[nslab_actor_index(actor)];
	struct view *view = view_of(subject, task);
	bool back, old;

	if (!view)
		return;
	old = object != view->now && section > view->since &&
	      !(view->switching && object == view->next);
	back = subject->null_is_final && object &&
	       (view->null_seen || (old && !view->now));
	view->null_seen |= !object;
	if (!back && !old)
		return;
	nslab_oracle_begin(back ?
		nslab_sentence("order: a task that was almost dead has %s again",
			       subject->means) :
		nslab_sentence("order: a task is seen with a %s that it has left before",
			       subject->noun));
	pr_emerg("  seen by %s\n", actor->name);
	nslab_oracle_end();
}

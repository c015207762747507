// SPDX-License-Identifier: GPL-2.0
/*
 * Oracle "order": a read section that began after a task had switched does not
 * find what the task had before, and a task that had no namespaces any more
 * does not get them back.
 */

#include <linux/nsproxy.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "../nslab.h"

/**
 * struct view - what can be seen of one actor's task
 * @task: the task; stays when the actor has left
 * @now: its nsproxy
 * @next: what it is about to switch to
 * @switching: it is in switch_task_namespaces()
 * @since: when it left that last, in steps of the clock below
 * @null_seen: somebody has found that there is none
 */
struct view {
	const struct task_struct *task;
	const struct nsproxy *now, *next;
	bool switching;
	u64 since;
	bool null_seen;
};

static struct view views[NSLAB_MAX_ACTORS];
static u64 sections[NSLAB_MAX_ACTORS];
static u64 clock;

static struct view *view_of(const struct task_struct *task)
{
	unsigned int i;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (views[i].task == task)
			return &views[i];
	return NULL;
}

/**
 * nslab_order_begin() - an execution begins, with all actors there
 */
void nslab_order_begin(void)
{
	unsigned int i;

	memset(sections, 0, sizeof(sections));
	clock = 0;
	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		const struct task_struct *task = nslab_actor_at(i)->task;

		views[i] = (struct view) {
			.task = task,
			.now = task ? task->nsproxy : NULL,
		};
	}
}

/**
 * nslab_order_new_task() - memory becomes another task than it was
 */
void nslab_order_new_task(const struct task_struct *task)
{
	struct view *view = view_of(task);

	if (view)
		view->task = NULL;
}

/**
 * nslab_order_section() - an actor enters a read section, within no other
 */
void nslab_order_section(const struct nslab_actor *actor)
{
	sections[nslab_actor_index(actor)] = ++clock;
}

/**
 * nslab_order_switching() - current is about to publish another nsproxy
 * @task: current
 * @next: that one
 */
void nslab_order_switching(const struct task_struct *task,
			   const struct nsproxy *next)
{
	struct view *view = view_of(task);

	if (!view)
		return;
	view->next = next;
	view->switching = true;
}

/**
 * nslab_order_switched() - it has done so, and returns
 * @task: current
 */
void nslab_order_switched(const struct task_struct *task)
{
	struct view *view = view_of(task);

	if (!view || !view->switching)
		return;
	view->now = view->next;
	view->switching = false;
	view->since = ++clock;
}

/**
 * nslab_order_loaded() - current, an actor, has loaded a task's nsproxy
 * @actor: current
 * @task: of this task
 * @nsproxy: this one
 */
void nslab_order_loaded(struct nslab_actor *actor,
			const struct task_struct *task,
			const struct nsproxy *nsproxy)
{
	u64 section = sections[nslab_actor_index(actor)];
	struct view *view = view_of(task);
	bool back, old;

	if (!view)
		return;
	old = nsproxy != view->now && section > view->since &&
	      !(view->switching && nsproxy == view->next);
	back = nsproxy && (view->null_seen || (old && !view->now));
	view->null_seen |= !nsproxy;
	if (!back && !old)
		return;
	nslab_oracle_begin(back ?
		"order: a task that was almost dead has namespaces again" :
		"order: a task is seen with a nsproxy that it has left before");
	pr_emerg("nslab:   seen by %s\n", actor->name);
	nslab_oracle_end();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Where the kernel tells of what it does to a nsproxy, and how the lab's own
 * oracles speak.
 */

#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/nsproxy.h>
#include <linux/printk.h>
#include <linux/sched.h>

#include "../nslab.h"

/**
 * nslab_oracle_begin() - an oracle speaks
 * @what: "name: what is wrong", without anything that differs from one
 *	execution to the next
 *
 * More may be printed, until nslab_oracle_end().
 */
void nslab_oracle_begin(const char *what)
{
	nslab_freeze();
	pr_emerg("nslab: %s\n", what);
}

/**
 * nslab_oracle_end() - it has spoken, and that is the end
 */
void nslab_oracle_end(void)
{
	dump_stack();
	panic("nslab: an oracle has spoken\n");
}

/* Current, if it is an actor and what it does now counts. */
static struct nslab_actor *who_counts(void)
{
	struct nslab_actor *actor = in_task() ? current->nslab : NULL;

	return actor && !nslab_is_hidden(actor) && nslab_running() ? actor : NULL;
}

/**
 * __nslab_loaded() - a task's nsproxy was loaded, and not yet looked at
 * @task: the task
 * @nsproxy: what it has
 */
void __nslab_loaded(const struct task_struct *task,
		    const struct nsproxy *nsproxy)
{
	struct nslab_actor *actor = who_counts();

	if (!actor)
		return;
	nslab_order_loaded(actor, task, nsproxy);
	if (nsproxy)
		nslab_lifetime_loaded(actor, nsproxy);
}
EXPORT_SYMBOL_GPL(__nslab_loaded);

/**
 * nslab_grace_period() - the one after the last reference was dropped is over
 * @nsproxy: on this one
 */
void nslab_grace_period(const struct nsproxy *nsproxy)
{
	if (nslab_running())
		nslab_lifetime_grace_period(nsproxy);
}

/**
 * nslab_switching() - a task is about to publish
 * @task: current; it may have been an actor, and be killed now
 * @next: its next nsproxy
 */
void nslab_switching(const struct task_struct *task,
		     const struct nsproxy *next)
{
	if (nslab_running())
		nslab_order_switching(task, next);
}

/**
 * nslab_switched() - it has, and waited, and put the old one
 */
void nslab_switched(const struct task_struct *task)
{
	if (nslab_running())
		nslab_order_switched(task);
}

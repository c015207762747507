// SPDX-License-Identifier: GPL-2.0
/*
 * What is printed when the kernel dies.
 */

#define pr_fmt(fmt) "nslab: " fmt

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/stacktrace.h>

#include "../core/trace.h"
#include "../oracles/oracles.h"
#include "report.h"

/*
 * Where the other actors are: one of them may be about to release what current has
 * run into.
 */
static void print_others(unsigned int nactors)
{
	/* Static: a panic runs on whatever stack is left to it. */
	static unsigned long stack[24];
	static char line[ARRAY_SIZE(stack) * 40];
	unsigned int i, k, n;
	int length;

	for (i = 0; i < nactors; i++) {
		const struct nslab_actor *actor = &nslab_actors[i];

		if (!actor->task || actor->done || actor->task == current)
			continue;
		n = stack_trace_save_tsk(actor->task, stack, ARRAY_SIZE(stack), 0);
		for (length = 0, k = 0; k < n; k++)
			length += scnprintf(line + length, sizeof(line) - length, "%s%ps",
					    k ? " < " : "", (void *)stack[k]);
		pr_emerg("%s is in %s\n", actor->name, line);
	}
}

static int nslab_on_panic(struct notifier_block *nb, unsigned long action,
			  void *msg)
{
	const struct nslab_run *run = nslab_current_run(), *last = &nslab_state.run;

	if (!run && !last->nactors) {
		pr_emerg("died outside of an execution\n");
		return NOTIFY_DONE;
	}
	if (run) {
		nslab_lifetime_report();
		print_others(run->nactors);
	} else {
		/* An RCU callback, a kworker: it may have left them something. */
		pr_emerg("died after an execution\n");
	}
	pr_emerg("token=%s\n", last->token);
	pr_emerg("trace hash=%016llx points=%u\n", nslab_trace_hash(),
		 nslab_trace_points());
	/* That of one that has ended is there, unless it was only to warm up. */
	if (last->flags & NSLAB_RUN_TRACE && (run || last->flags & NSLAB_RUN_WARM_UP))
		nslab_trace_emit(last->execution);
	nslab_emit_points();
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = {
	.notifier_call = nslab_on_panic,
	/* Before UML's own notifier, which ends the process. */
	.priority = INT_MAX,
};

static int __init nslab_death_init(void)
{
	return atomic_notifier_chain_register(&panic_notifier_list,
					      &panic_block);
}
late_initcall(nslab_death_init);

// SPDX-License-Identifier: GPL-2.0
/*
 * What is printed when the kernel dies.
 */

#define pr_fmt(fmt) "nslab: " fmt

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>

#include "../core/trace.h"
#include "report.h"

static int nslab_on_panic(struct notifier_block *nb, unsigned long action,
			  void *msg)
{
	const struct nslab_run *run = nslab_current_run();

	if (!run) {
		pr_emerg("died outside of an execution\n");
		return NOTIFY_DONE;
	}
	pr_emerg("token=%s\n", run->token);
	pr_emerg("trace hash=%016llx points=%u\n", nslab_trace_hash(),
		 nslab_trace_points());
	if (run->flags & NSLAB_RUN_TRACE)
		nslab_trace_emit(run->execution);
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

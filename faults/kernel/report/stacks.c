// SPDX-License-Identifier: GPL-2.0
/*
 * The stacks of allocations, as the results have them.
 */

#include <linux/errno.h>
#include <linux/kallsyms.h>
#include <linux/string.h>

#include <asm/sections.h>

#include "../core/calls.h"
#include "../core/faults.h"
#include "host.h"
#include "report.h"

static void emit_stack(const struct nslab_stack *stack)
{
	char frame[KSYM_SYMBOL_LEN];
	unsigned int i, n = 0;

	nslab_host_printf("{\"event\":\"stack\",\"id\":\"%016llx\",\"fault\":\"%s\",\"frames\":[",
			  stack->id, nslab_fault_name(stack->what));
	for (i = 0; i < stack->depth; i++) {
		sprint_symbol(frame, stack->ips[i] + (unsigned long)_text);
		/* The lab's own, and the question whether to fail. */
		if (!n && (str_has_prefix(frame, "nslab_") ||
			   str_has_prefix(frame, "should_fail")))
			continue;
		nslab_host_printf("%s\"%s\"", n++ ? "," : "", frame);
	}
	nslab_host_printf("]}\n");
}

/**
 * nslab_emit_stack() - the explorer knows of an allocation from now on
 * @id: of its stack, which is written to the results the first time
 *
 * Return: 0, or -ENOENT if there is no such stack.
 */
int nslab_emit_stack(u64 id)
{
	struct nslab_stack *stack = nslab_stack_find(id);

	if (!stack)
		return -ENOENT;
	if (!stack->reported)
		emit_stack(stack);
	stack->reported = true;
	return 0;
}

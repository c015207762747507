// SPDX-License-Identifier: GPL-2.0
/*
 * How the lab's own oracles report.
 */

#define pr_fmt(fmt) "nslab: " fmt

#include <linux/kernel.h>
#include <linux/printk.h>

#include "actors.h"
#include "complaint.h"

/**
 * nslab_oracle_begin() - an oracle has found something
 * @what: "name: what is wrong", without anything that differs from one
 *	execution to the next
 *
 * More may be printed, until nslab_oracle_end().
 */
void nslab_oracle_begin(const char *what)
{
	nslab_freeze();
	pr_emerg("%s\n", what);
}

/**
 * nslab_oracle_end() - everything is printed, and the kernel dies
 */
void nslab_oracle_end(void)
{
	dump_stack();
	panic("nslab: an oracle of the lab has found a violation\n");
}

// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of report/. No execution is under way while they run.
 */

#include <kunit/test.h>
#include <linux/module.h>

#include "../core/observer.h"
#include "../core/trace.h"
#include "gdb.h"

static void gdb_is_told_of_its_execution_only(struct kunit *test)
{
	struct nslab_run run = { .execution = 3, .nevents = 7, .hash = 9 };
	static const struct nslab_event event;
	struct nslab_event *kept;

	nslab_trace_reset();
	nslab_trace_add(&event);
	kept = nslab_trace_add(&event);
	KUNIT_EXPECT_EQ(test, nslab_trace_number(kept), 2);
	KUNIT_EXPECT_EQ(test, nslab_trace_number(&event), 0);
	/* Between two executions nothing is chosen. */
	nslab_gdb.execution = 3;
	nslab_gdb.nchoices = 1;
	nslab_gdb.choices[0].step = 2;
	KUNIT_EXPECT_EQ(test, nslab_debugger->choice(kept), NSLAB_NOBODY);

	nslab_gdb.execution = 2;
	nslab_tell_observers(ends, &run);
	KUNIT_EXPECT_EQ(test, nslab_gdb.at, 0);
	nslab_gdb.execution = 3;
	nslab_tell_observers(ends, &run);
	KUNIT_EXPECT_EQ(test, nslab_gdb.moment, NSLAB_GDB_ENDS);
	KUNIT_EXPECT_EQ(test, nslab_gdb.at, 7);
	KUNIT_EXPECT_EQ(test, nslab_gdb.hash, 9);

	nslab_gdb = (struct nslab_gdb) { .last = NSLAB_NOBODY };
	nslab_trace_reset();
}

static struct kunit_case nslab_report_cases[] = {
	KUNIT_CASE(gdb_is_told_of_its_execution_only),
	{}
};

static struct kunit_suite nslab_report_suite = {
	.name = "nslab-report",
	.test_cases = nslab_report_cases,
};

kunit_test_suite(nslab_report_suite);

MODULE_LICENSE("GPL");

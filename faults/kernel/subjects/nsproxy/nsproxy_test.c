// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the subject. No execution is under way while they run.
 */

#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>

#include "nsproxy.h"

static void attributes_are_those_of_the_task(struct kunit *test)
{
	struct nslab_attributes *now, *again;
	const struct nslab_attribute *attribute;
	unsigned int i;

	now = kunit_kzalloc(test, sizeof(*now), GFP_KERNEL);
	again = kunit_kzalloc(test, sizeof(*again), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, now);
	KUNIT_ASSERT_NOT_NULL(test, again);
	now->subjects = 1U << nslab_subject_nsproxy.number;
	again->subjects = now->subjects;
	nslab_read_attributes(now);
	nslab_read_attributes(again);
	KUNIT_EXPECT_MEMEQ(test, now, again, sizeof(*now));
	KUNIT_ASSERT_EQ(test, now->n, NSLAB_NSPROXY_ATTRIBUTES);
	/* Between two executions that cannot be known. */
	KUNIT_EXPECT_EQ(test, now->quiet, 0);
	for (i = 0; i < now->n; i++) {
		attribute = &nslab_nsproxy_attributes[i];
		if (!strcmp(attribute->about, "uts is another namespace"))
			KUNIT_EXPECT_EQ(test, now->values[i],
					current->nsproxy->uts_ns->ns.inum);
		if (!strcmp(attribute->about, "user is another namespace"))
			KUNIT_EXPECT_EQ(test, now->values[i],
					current_user_ns()->ns.inum);
		if (!strcmp(attribute->about, "its nsproxy is another one"))
			KUNIT_EXPECT_EQ(test, now->values[i],
					(u64)(unsigned long)current->nsproxy);
	}
}

static struct kunit_case nslab_nsproxy_cases[] = {
	KUNIT_CASE(attributes_are_those_of_the_task),
	{}
};

static struct kunit_suite nslab_nsproxy_suite = {
	.name = "nslab-nsproxy",
	.test_cases = nslab_nsproxy_cases,
};

kunit_test_suite(nslab_nsproxy_suite);

MODULE_LICENSE("GPL");

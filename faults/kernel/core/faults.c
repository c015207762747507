// SPDX-License-Identifier: GPL-2.0
/*
 * Which allocation fails: the throw of the dice for every fault attribute, and the
 * state in which each execution finds them.
 */

#include <linux/fault-inject.h>
#include <linux/kallsyms.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "calls.h"
#include "delay.h"
#include "faults.h"
#include "random.h"
#include "trace.h"

/* === Every fault attribute starts each execution in the same state === */

#define MAX_ATTRS	32

static struct {
	struct fault_attr *attr;
	int times;
	int space;
} attrs[MAX_ATTRS];
static unsigned int nr_attrs;

/**
 * nslab_add_fault_attr() - fault_create_debugfs_attr() has made an attribute
 * @attr: it, alive for good
 */
void nslab_add_fault_attr(struct fault_attr *attr)
{
	if (WARN_ON_ONCE(nr_attrs == MAX_ATTRS))
		return;
	attrs[nr_attrs++].attr = attr;
}

/**
 * nslab_faults_arm() - remember "times" and "space" of every attribute
 */
void nslab_faults_arm(void)
{
	unsigned int i;

	for (i = 0; i < nr_attrs; i++) {
		attrs[i].times = atomic_read(&attrs[i].attr->times);
		attrs[i].space = atomic_read(&attrs[i].attr->space);
	}
}

/**
 * nslab_faults_reset() - undo what an execution used up of every attribute
 *
 * Without it an execution would depend on those before it in the same boot.
 */
void nslab_faults_reset(void)
{
	unsigned int i;

	for (i = 0; i < nr_attrs; i++) {
		atomic_set(&attrs[i].attr->times, attrs[i].times);
		atomic_set(&attrs[i].attr->space, attrs[i].space);
		attrs[i].attr->count = 0;
	}
}

static unsigned int attr_number(const struct fault_attr *attr)
{
	unsigned int i;

	for (i = 0; i < nr_attrs && attrs[i].attr != attr; i++)
		;
	return i;
}

/**
 * nslab_fault_name() - the debugfs name of the attribute with this number
 */
const char *nslab_fault_name(unsigned int number)
{
	return number < nr_attrs ? attrs[number].attr->dname : "fault";
}

/* === Which allocation fails === */

/* Functions that hand an allocation on: the one that asked for it stands above. */
static const char * const allocators[] = {
	"nslab_", "should_fail", "__should_fail", "stack_trace_save",
	"kmem_cache_alloc", "__kmem_cache_alloc", "kmalloc", "__kmalloc",
	"__do_kmalloc", "kvmalloc", "__kvmalloc", "kmemdup", "kstrdup",
	"___slab_alloc", "__slab_alloc", "allocate_slab", "new_slab",
	"alloc_pages", "__alloc_pages", "prepare_alloc_pages", "__folio_alloc",
	"folio_alloc", "get_free_pages", "__get_free_pages", "get_zeroed_page",
	"pcpu_alloc", "__alloc_percpu",
};

/**
 * nslab_hands_memory_on() - is that a function that others ask for memory?
 * @name: of the function
 */
bool nslab_hands_memory_on(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(allocators); i++)
		if (str_has_prefix(name, allocators[i]))
			return true;
	return false;
}

static unsigned long nslab_failing_site(void)
{
	unsigned long entries[16];
	unsigned int i, n;

	n = stack_trace_save(entries, ARRAY_SIZE(entries), 1);
	for (i = 0; i < n; i++) {
		char name[KSYM_SYMBOL_LEN];

		sprint_symbol_no_offset(name, entries[i]);
		if (!nslab_hands_memory_on(name))
			return entries[i];
	}
	return 0;
}

/* A failed allocation is part of the trace, with the function that asked for it. */
static void nslab_record_fault(const struct fault_attr *attr,
			       struct nslab_actor *actor)
{
	struct nslab_event event = {
		.kind = NSLAB_EVENT_FAULT,
		.actor = nslab_actor_index(actor),
		.nesting = rcu_preempt_depth(),
		.what = attr_number(attr),
		.local = actor->throws,
		.ip = nslab_text_offset(nslab_failing_site()),
		.next = NSLAB_NOBODY,
	};

	actor->faults++;
	nslab_trace_add(&event);
}

/* The profile "fail-nth": not by chance, and only where actors say so. */
static bool nslab_fails_in_call(const struct fault_attr *attr,
				struct nslab_actor *actor)
{
	bool fail = nslab_calls_alloc(actor, attr_number(attr));

	if (fail)
		nslab_record_fault(attr, actor);
	return fail;
}

/**
 * nslab_should_fail() - the throw of the dice in should_fail_ex()
 * @attr: the fault attribute
 *
 * Return: true with a probability of @attr->probability percent, decided by
 * the seed of the execution for an actor, by the kernel's generator for all
 * others.
 */
bool nslab_should_fail(struct fault_attr *attr)
{
	struct nslab_actor *actor = in_task() ? current->nslab : NULL;
	bool fail;

	if (nslab_calls_armed() && !nslab_is_delay(attr))
		return actor && nslab_running() && nslab_fails_in_call(attr, actor);
	if (!actor || !nslab_running())
		return attr->probability > get_random_u32_below(100);
	if (nslab_current_run()->flags & NSLAB_RUN_WARM_UP)
		return false;
	/* Points draw their delay hidden, so as not to reach themselves. */
	if (actor->hidden && !nslab_is_delay(attr))
		return false;

	fail = attr->probability > nslab_random_below(&actor->rnd, 100);
	if (nslab_is_delay(attr))
		return fail;
	actor->throws++;
	if (nslab_current_run()->flags & NSLAB_RUN_FAILURES)
		fail = nslab_listed_failure(actor);
	if (fail)
		nslab_record_fault(attr, actor);
	return fail;
}

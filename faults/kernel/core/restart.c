// SPDX-License-Identifier: GPL-2.0
/*
 * Each execution starts from the same state. What is allocated in it is gone after it,
 * but the kernel also counts: the next id, the next inode number, the next random
 * number. The places that count report a variable before they change it (nslab_set_back()
 * in hooks.h), and when the execution is over it gets back the value that it had.
 */

#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/nslab.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <../mm/slab.h>
#include "actors.h"
#include "restart.h"

/* Of an execution. What comes behind the last one is not set back. */
#define MAX_VARIABLES	128

static struct {
	void *variable;
	size_t size;
	u64 was;
} variables[MAX_VARIABLES];

/* Written with interrupts off: objects are freed in them, too. */
unsigned int nslab_nr_set_back;

/* From the end of the warm-up. Written by the explorer while all is at rest. */
bool nslab_sets_back __read_mostly;

/* Is it known when that memory ends? */
static bool stays_or_tells(const void *variable)
{
	return __is_kernel((unsigned long)variable) ||
	       is_kernel_percpu_address((unsigned long)variable) ||
	       (virt_addr_valid(variable) && virt_to_slab(variable));
}

static bool is_known(const void *variable)
{
	unsigned int i;

	for (i = 0; i < nslab_nr_set_back; i++)
		if (variables[i].variable == variable)
			return true;
	return false;
}

/**
 * __nslab_set_back() - see nslab_set_back()
 * @variable: its address
 * @size: bytes
 */
void __nslab_set_back(void *variable, size_t size)
{
	unsigned long flags;
	unsigned int i;

	if (!stays_or_tells(variable) || size > sizeof(variables->was))
		return;
	local_irq_save(flags);
	if (nslab_nr_set_back < MAX_VARIABLES && !is_known(variable)) {
		i = nslab_nr_set_back++;
		variables[i].variable = variable;
		variables[i].size = size;
		memcpy(&variables[i].was, variable, size);
	}
	local_irq_restore(flags);
}

EXPORT_SYMBOL_GPL(__nslab_set_back);

/*
 * Static variables that several actors write plainly and under no common lock. In
 * profile executions of the warm-up updates of them may get lost, which the executions
 * that count are to find by themselves.
 */
static struct {
	void *variable;
	size_t size;
	u64 at_rest;
	bool known;
} counters[MAX_VARIABLES];
static unsigned int nr_counters;

/**
 * nslab_counter_seen() - a profile execution has found such a variable
 * @variable: its address
 * @size: bytes, at most eight
 *
 * While all is at rest next, it is what it has to be after other profile executions.
 */
void nslab_counter_seen(void *variable, size_t size)
{
	unsigned int i;

	for (i = 0; i < nr_counters; i++)
		if (counters[i].variable == variable)
			return;
	if (nr_counters == MAX_VARIABLES)
		return;
	counters[nr_counters].variable = variable;
	counters[nr_counters++].size = size;
}

/* What has been pointed to may be gone, and what is pointed to is in use. */
static bool is_address(const void *value, size_t size)
{
	unsigned long address;

	if (size < sizeof(address))
		return false;
	memcpy(&address, value, sizeof(address));
	return virt_addr_valid((void *)address) || __is_kernel(address);
}

static void set_back_counters(void)
{
	unsigned int i;

	for (i = 0; i < nr_counters; i++) {
		void *variable = counters[i].variable;
		size_t size = counters[i].size;

		if (!counters[i].known)
			memcpy(&counters[i].at_rest, variable, size);
		else if (!is_address(variable, size) &&
			 !is_address(&counters[i].at_rest, size))
			memcpy(variable, &counters[i].at_rest, size);
		counters[i].known = true;
	}
}

/**
 * __nslab_gone() - an object is about to be freed, with the variables in it
 * @cache: of this slab cache
 * @object: its first byte
 */
void __nslab_gone(struct kmem_cache *cache, const void *object)
{
	const void *end = object + cache->object_size;
	unsigned long flags;
	unsigned int i = 0;

	local_irq_save(flags);
	while (i < nslab_nr_set_back) {
		if (variables[i].variable >= object && variables[i].variable < end)
			variables[i] = variables[--nslab_nr_set_back];
		else
			i++;
	}
	local_irq_restore(flags);
}

/* Where the kernel has no keys. */
void __weak nslab_restart_keys(void)
{
}

/* Where it has no networking. */
void __weak nslab_restart_net(void)
{
}

/**
 * nslab_restart() - an execution is over, the next one starts from the same state
 *
 * What those that warm up leave behind is where the others start from. Called while
 * all is at rest.
 */
void nslab_restart(void)
{
	bool warm_up = nslab_state.run.flags & NSLAB_RUN_WARM_UP;
	bool profiled = nslab_state.run.flags & NSLAB_RUN_PROFILE;
	unsigned long flags;
	unsigned int i;

	local_irq_save(flags);
	/* Those that are profiled come last, and are as those that count. */
	for (i = 0; (!warm_up || profiled) && i < nslab_nr_set_back; i++)
		memcpy(variables[i].variable, &variables[i].was,
		       variables[i].size);
	if (warm_up)
		set_back_counters();
	nslab_nr_set_back = 0;
	nslab_sets_back = true;
	local_irq_restore(flags);
	nslab_restart_random();
	nslab_restart_keys();
	nslab_restart_net();
	/* The last: what comes before frees objects. */
	nslab_restart_slabs();
}

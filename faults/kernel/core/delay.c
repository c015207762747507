// SPDX-License-Identifier: GPL-2.0
/*
 * Faults: the three attributes that delay, and the dice for all of them.
 *
 * A delay is an ordinary fault (struct fault_attr, Documentation/fault-injection)
 * that costs guest time in place of failing a call.
 */

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fault-inject.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/math64.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/time64.h>
#include <uapi/linux/sched/types.h>

#include "../nslab.h"

struct delay_fault {
	struct fault_attr attr;
	const char *name;
	u64 min_ns;
	u64 max_ns;
};

#define DELAY_FAULT(_name) {						\
	.attr = {							\
		.interval = 1,						\
		.times = ATOMIC_INIT(-1),				\
		.require_end = ULONG_MAX,				\
		.stacktrace_depth = 32,					\
		.ratelimit_state = RATELIMIT_STATE_INIT_DISABLED,	\
	},								\
	.name = _name,							\
	.min_ns = NSEC_PER_USEC,					\
	.max_ns = NSEC_PER_MSEC,					\
}

static struct delay_fault delays[NSLAB_NR_CLASSES] = {
	[NSLAB_CLASS_READER] = DELAY_FAULT("delay_rcu_read_lock"),
	[NSLAB_CLASS_SWITCH] = DELAY_FAULT("delay_switch_task_namespaces"),
	[NSLAB_CLASS_EXIT] = DELAY_FAULT("delay_exit"),
};

/* === Every fault attribute starts each execution in the same state === */

#define MAX_ATTRS 16

static struct {
	struct fault_attr *attr;
	int times;
	int space;
} attrs[MAX_ATTRS];
static unsigned int nr_attrs;

/**
 * nslab_add_fault_attr() - fault_create_debugfs_attr() tells of an attribute
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

/* === Random numbers: from the seed of the execution, from nothing else === */

/**
 * nslab_seed_actor() - start the random numbers of one actor
 * @actor: whose
 * @seed: of the execution
 * @index: of the actor in the scenario
 */
void nslab_seed_actor(struct nslab_actor *actor, u64 seed, unsigned int index)
{
	prandom_seed_state(&actor->rnd, seed ^ (index * 0x9e3779b97f4a7c15ULL));
}

/**
 * nslab_random_below() - uniform in 0 ... @ceil - 1
 */
u32 nslab_random_below(struct rnd_state *rnd, u32 ceil)
{
	return mul_u32_u32(prandom_u32_state(rnd), ceil) >> 32;
}

/**
 * nslab_random_between() - uniform in @min ... @max, both included
 */
u64 nslab_random_between(struct rnd_state *rnd, u64 min, u64 max)
{
	u64 draw = prandom_u32_state(rnd);

	draw = draw << 32 | prandom_u32_state(rnd);
	if (max <= min)
		return min;
	return min + mul_u64_u64_shr(draw, max - min + 1, 64);
}

static bool is_delay(const struct fault_attr *attr)
{
	unsigned int i;

	for (i = 0; i < NSLAB_NR_CLASSES; i++)
		if (attr == &delays[i].attr)
			return true;
	return false;
}

/* Functions that hand an allocation on; who asked for it stands above them. */
static const char * const allocators[] = {
	"nslab_", "record_fault", "fails_in_call",
	"should_fail", "__should_fail", "stack_trace_save",
	"kmem_cache_alloc", "__kmem_cache_alloc", "kmalloc", "__kmalloc",
	"__do_kmalloc", "kvmalloc", "__kvmalloc", "kmemdup", "kstrdup",
	"___slab_alloc", "__slab_alloc", "allocate_slab", "new_slab",
	"alloc_pages", "__alloc_pages", "prepare_alloc_pages", "__folio_alloc",
	"folio_alloc", "get_free_pages", "__get_free_pages", "get_zeroed_page",
};

static unsigned long failing_site(void)
{
	unsigned long entries[16];
	unsigned int i, j, n;

	n = stack_trace_save(entries, ARRAY_SIZE(entries), 1);
	for (i = 0; i < n; i++) {
		char name[KSYM_SYMBOL_LEN];

		sprint_symbol_no_offset(name, entries[i]);
		for (j = 0; j < ARRAY_SIZE(allocators); j++)
			if (str_has_prefix(name, allocators[j]))
				break;
		if (j == ARRAY_SIZE(allocators))
			return entries[i];
	}
	return 0;
}

/* A failed allocation is part of the trace, with the caller that meets it. */
static void record_fault(const struct fault_attr *attr,
			 struct nslab_actor *actor)
{
	struct nslab_event event = {
		.kind = NSLAB_EVENT_FAULT,
		.actor = nslab_actor_index(actor),
		.nesting = rcu_preempt_depth(),
		.what = attr_number(attr),
		.local = actor->throws,
		.ip = nslab_text_offset(failing_site()),
		.next = NSLAB_NOBODY,
	};

	actor->faults++;
	nslab_trace_add(&event);
}

/* The profile "fail-nth": not by chance, and only where actors say so. */
static bool fails_in_call(const struct fault_attr *attr,
			  struct nslab_actor *actor)
{
	bool fail = nslab_calls_alloc(actor, attr_number(attr));

	if (fail)
		record_fault(attr, actor);
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

	if (nslab_calls_armed() && !is_delay(attr))
		return actor && nslab_running() && fails_in_call(attr, actor);
	if (!actor || !nslab_running())
		return attr->probability > get_random_u32_below(100);
	if (nslab_current_run()->flags & NSLAB_RUN_WARM_UP)
		return false;
	/* Points draw their delay hidden, so as not to meet themselves. */
	if (actor->hidden && !is_delay(attr))
		return false;

	fail = attr->probability > nslab_random_below(&actor->rnd, 100);
	if (is_delay(attr))
		return fail;
	actor->throws++;
	if (nslab_current_run()->flags & NSLAB_RUN_FAILURES)
		fail = nslab_listed_failure(actor);
	if (fail)
		record_fault(attr, actor);
	return fail;
}

/* === Delays === */

/**
 * nslab_draw_delay() - is there a fault at this point, and how long is it?
 * @actor: current
 * @class: of the point
 *
 * Return: ns of guest time, 0 for no delay.
 */
u64 nslab_draw_delay(struct nslab_actor *actor, enum nslab_class class)
{
	struct delay_fault *delay = &delays[class];
	unsigned int nth = current->fail_nth;
	bool fail;

	/* fail-nth counts allocations; a point is none. */
	current->fail_nth = 0;
	fail = should_fail(&delay->attr, 1);
	current->fail_nth = nth;

	if (!fail)
		return 0;
	return nslab_random_between(&actor->rnd, delay->min_ns, delay->max_ns);
}

static const struct sched_param idle_param = { .sched_priority = 0 };
static const struct sched_param fifo_param = {
	.sched_priority = NSLAB_ACTOR_PRIO
};

/* Parts of a delay after which whoever woke up meanwhile gets the CPU. */
#define SLICES	4

/*
 * End the delays that are over. Whoever spins does it for all: the others
 * wait for the CPU, and could not see that their time has come.
 *
 * Return: when the next one ends, U64_MAX if nobody is delayed.
 */
static u64 end_delays(u64 now)
{
	u64 next = U64_MAX;
	unsigned int i;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		struct nslab_actor *actor = nslab_actor_at(i);
		u64 until = READ_ONCE(actor->delayed_until);

		if (!until)
			continue;
		if (until > now) {
			next = min(next, until);
			continue;
		}
		WRITE_ONCE(actor->delayed_until, 0);
		sched_setscheduler_nocheck(actor->task, SCHED_FIFO,
					   &fifo_param);
	}
	return next;
}

/**
 * nslab_delay() - let everybody else go first for a while
 * @actor: current
 * @ns: how long, in guest time
 *
 * Works inside an RCU read section, where sleeping is forbidden: current
 * gives up its priority and spins, so whoever can run preempts it. With
 * time-travel=inf-cpu a spin costs no time but what ndelay() adds to the clock.
 */
void nslab_delay(struct nslab_actor *actor, u64 ns)
{
	u64 now = ktime_get_ns(), slice = max_t(u64, ns / SLICES, 1);

	WRITE_ONCE(actor->delayed_until, now + ns);
	sched_setscheduler_nocheck(current, SCHED_IDLE, &idle_param);
	for (;;) {
		u64 next;

		now = ktime_get_ns();
		next = end_delays(now);
		if (!READ_ONCE(actor->delayed_until))
			break;
		/* ndelay() itself cannot be preempted ... */
		ndelay(min(slice, next - now));
		/* ... and UML does not preempt on return from an interrupt. */
		preempt_check_resched();
	}
}

/**
 * nslab_delay_init() - put the attributes into debugfs
 */
void __init nslab_delay_init(void)
{
	unsigned int i;

	for (i = 0; i < NSLAB_NR_CLASSES; i++) {
		struct dentry *dir;

		dir = fault_create_debugfs_attr(delays[i].name, NULL,
						&delays[i].attr);
		debugfs_create_u64("min-delay-ns", 0600, dir,
				   &delays[i].min_ns);
		debugfs_create_u64("max-delay-ns", 0600, dir,
				   &delays[i].max_ns);
	}
}

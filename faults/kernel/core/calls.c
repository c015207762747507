// SPDX-License-Identifier: GPL-2.0
/*
 * Marked calls: which system call of a scenario an actor is in, and each of its
 * allocations one after the other, for the profile "fail-nth".
 *
 * An actor says which call it is in by a store to a page that it shares with
 * us. That is no system call, so there is no scheduling point in it, and an
 * execution has the same trace as without it.
 */

#include <linux/bits.h>
#include <linux/kallsyms.h>
#include <linux/mm.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "calls.h"
#include "trace.h"

/* === Which call an actor is in === */

struct nslab_calls *nslab_calls __read_mostly;

/**
 * nslab_calls_map() - take the page on which actors write which call they are in
 * @addr: of a struct nslab_calls, which does not cross a page
 *
 * The page stays for good: it is the explorer's, which is init.
 *
 * Return: 0, -EINVAL if it is more than one page, -EFAULT if there is none.
 */
int nslab_calls_map(unsigned long addr)
{
	struct page *page;

	if (offset_in_page(addr) + sizeof(*nslab_calls) > PAGE_SIZE)
		return -EINVAL;
	if (pin_user_pages_fast(addr, 1, FOLL_WRITE | FOLL_LONGTERM,
				&page) != 1)
		return -EFAULT;
	WRITE_ONCE(nslab_calls, page_address(page) + offset_in_page(addr));
	return 0;
}

/* === Stacks === */

#define STACK_BITS	13
#define MAX_STACKS	BIT(STACK_BITS)

static struct nslab_stack *stacks;
static unsigned int nr_stacks;

/*
 * The allocator's functions that take memory for the allocator itself, when it has run
 * out. When that is depends on all that came before. To the caller it is as if the
 * object itself had been refused, and that is tried.
 */
static const char * const own_functions[] = {
	"___slab_alloc", "allocate_slab", "new_slab", "stack_depot_", "kasan_",
	"kmemleak_",
	"kmem_cache_free", "kfree",	/* CONFIG_SLUB_RCU_DEBUG */
};

static bool asks_for_itself(const unsigned long *entries, unsigned int n)
{
	char name[KSYM_SYMBOL_LEN];
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		sprint_symbol_no_offset(name, entries[i]);
		for (j = 0; j < ARRAY_SIZE(own_functions); j++)
			if (str_has_prefix(name, own_functions[j]))
				return true;
	}
	return false;
}

/* Where it is, or will be; NULL if there is no more room. */
static struct nslab_stack *slot_of(u64 id)
{
	unsigned int i = id & (MAX_STACKS - 1), n;

	for (n = 0; n < MAX_STACKS; n++, i = (i + 1) & (MAX_STACKS - 1))
		if (!stacks[i].id || stacks[i].id == id)
			return &stacks[i];
	return NULL;
}

static struct nslab_stack *nslab_stack_here(unsigned int what)
{
	unsigned long entries[NSLAB_STACK_DEPTH];
	unsigned int i, n;
	struct nslab_stack *stack;
	u64 id;

	n = stack_trace_save(entries, ARRAY_SIZE(entries), 0);
	id = nslab_mix(0xcbf29ce484222325ULL, what);
	for (i = 0; i < n; i++)
		id = nslab_mix(id, nslab_text_offset(entries[i]));
	id = (id ^ id >> 32) ?: 1;

	stack = slot_of(id);
	if (!stack || stack->id)
		return stack;
	*stack = (struct nslab_stack) {
		.id = id, .what = what, .depth = n,
		.own = asks_for_itself(entries, n),
	};
	for (i = 0; i < n; i++)
		stack->ips[i] = nslab_text_offset(entries[i]);
	nr_stacks++;
	return stack;
}

/**
 * nslab_stack_find() - the stack with that id
 *
 * Return: NULL if there is none.
 */
struct nslab_stack *nslab_stack_find(u64 id)
{
	struct nslab_stack *stack = stacks && id ? slot_of(id) : NULL;

	return stack && stack->id ? stack : NULL;
}

/* === The allocations of an execution === */

#define MAX_SITES	8192

static struct nslab_site *sites;
static unsigned int nr_sites;
static bool too_many;
static bool one_failed;
static bool armed;

/**
 * nslab_calls_armed() - do allocations fail only in marked calls?
 */
bool nslab_calls_armed(void)
{
	return armed;
}

/**
 * nslab_calls_begin() - an execution begins
 * @run: what is asked
 *
 * Return: 0, or -ENOMEM.
 */
int nslab_calls_begin(const struct nslab_run *run)
{
	nr_sites = 0;
	too_many = false;
	one_failed = false;
	if (!(run->flags & NSLAB_RUN_CALLS))
		return 0;
	if (!sites)
		sites = vzalloc(array_size(MAX_SITES, sizeof(*sites)));
	if (!stacks)
		stacks = vzalloc(array_size(MAX_STACKS, sizeof(*stacks)));
	armed = true;
	return sites && stacks ? 0 : -ENOMEM;
}

/**
 * nslab_calls_sites() - the allocations of the last execution, in their order
 * @n: how many
 */
const struct nslab_site *nslab_calls_sites(unsigned int *n)
{
	*n = nr_sites;
	return sites;
}

/**
 * nslab_calls_incomplete() - were there more than are kept?
 */
bool nslab_calls_incomplete(void)
{
	return too_many;
}

/* How often the call has reached this place, this time included. */
static unsigned int count_again(unsigned int actor, unsigned int call, u64 id)
{
	unsigned int i, n = 1;

	for (i = 0; i < nr_sites; i++)
		n += sites[i].stack == id && sites[i].call == call &&
		     sites[i].actor == actor;
	return n;
}

static bool is_aim(const struct nslab_run *run, const struct nslab_site *site)
{
	return run->aim.stack && site->stack == run->aim.stack &&
	       site->call == run->aim.call && site->actor == run->aim.actor &&
	       site->again == run->aim.again;
}

/*
 * The allocation that the explorer aims at fails. So does one from a stack that was
 * never reported to the explorer, which could not aim at it: such an allocation may
 * come once in a hundred executions, as the nodes of an IDR do.
 */
static bool is_to_fail(const struct nslab_run *run, struct nslab_actor *actor,
		       const struct nslab_site *site, const struct nslab_stack *stack)
{
	if (run->flags & NSLAB_RUN_WARM_UP)
		return false;
	if (run->flags & NSLAB_RUN_FAILURES)
		return nslab_listed_failure(actor);
	return !one_failed && (is_aim(run, site) || !stack->reported);
}

/**
 * nslab_calls_alloc() - current, an actor, asks for memory: is it refused?
 * @actor: current
 * @what: number of the attribute
 *
 * Only within a marked call, and only what is asked for there.
 */
bool nslab_calls_alloc(struct nslab_actor *actor, unsigned int what)
{
	const struct nslab_run *run = nslab_current_run();
	unsigned int index = nslab_actor_index(actor);
	unsigned int call;
	struct nslab_site *site;
	struct nslab_stack *stack;
	bool fail;

	call = nslab_calls ? READ_ONCE(nslab_calls->actors[index].call) : 0;
	if (!run || !call || actor->hidden || nslab_calls->actors[index].hidden)
		return false;
	actor->hidden++;
	stack = nslab_stack_here(what);
	actor->hidden--;
	if (stack && stack->own)
		return false;

	actor->throws++;
	if (!stack || nr_sites == MAX_SITES) {
		too_many = true;
		return nslab_listed_failure(actor);
	}
	if (actor->call != call) {
		actor->call = call;
		actor->nth = 0;
	}
	site = &sites[nr_sites];
	*site = (struct nslab_site) {
		.stack = stack->id,
		.actor = index,
		.call = call,
		.nth = ++actor->nth,
		.again = count_again(index, call, stack->id),
	};
	nr_sites++;
	fail = is_to_fail(run, actor, site, stack);
	if (fail) {
		one_failed = true;
		site->failed = 1;
		nslab_calls->actors[index].failures++;
	}
	return fail;
}

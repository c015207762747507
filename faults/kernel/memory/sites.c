// SPDX-License-Identifier: GPL-2.0
/*
 * Who asked for memory that has no type: the first caller that is neither the allocator
 * nor one of those who ask on behalf of others.
 *
 * While an object is being allocated, the stack says it; later on KASAN's record of that
 * stack does. Both are return addresses of the same calls, so they agree.
 */

#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/sched/task_stack.h>
#include <linux/sort.h>
#include <linux/stackdepot.h>

#include <asm/sections.h>

#include <../mm/kasan/kasan.h>
#include "sites.h"

/* Those that are there; what the compiler has split off comes along by its name. */
static const char * const wrapper_names[] = {
	/* The allocator. */
	"__do_kmalloc_node",
	"__kmalloc_cache_node_noprof",
	"__kmalloc_cache_noprof",
	"__kmalloc_large_node_noprof",
	"__kmalloc_large_noprof",
	"__kmalloc_node_noprof",
	"__kmalloc_node_track_caller_noprof",
	"__kmalloc_noprof",
	"kmem_cache_alloc_bulk_noprof",
	"kmem_cache_alloc_lru_noprof",
	"kmem_cache_alloc_node_noprof",
	"kmem_cache_alloc_noprof",
	"slab_post_alloc_hook",
	/* KASAN, and what the lab does there. */
	"__nslab_object_alloc",
	"nslab_area_alloc",
	"nslab_site_of_caller",
	"__kasan_kmalloc",
	"__kasan_krealloc",
	"__kasan_slab_alloc",
	"kasan_save_alloc_info",
	"kasan_save_stack",
	"kasan_save_track",
	"stack_trace_save",
	"stack_depot_save",
	"stack_depot_save_flags",
	/* What builds on the allocator. */
	"__kvmalloc_node_noprof",
	"kmemdup_array",
	"kmemdup_noprof",
	"kmemdup_nul",
	"krealloc_noprof",
	"kstrdup",
	"kstrdup_const",
	"kstrdup_quotable",
	"kstrndup",
	"kvasprintf",
	"kvasprintf_const",
	"kasprintf",
	"kvmemdup",
	"kvrealloc_noprof",
	"memdup_user",
	"memdup_user_nul",
	"strndup_user",
	"vmemdup_user",
	"mempool_alloc_noprof",
	"mempool_alloc_slab",
	"mempool_kmalloc",
	"mempool_kvmalloc",
	/* Per-CPU memory. */
	"__percpu_counter_init_many",
	"__percpu_init_rwsem",
	"pcpu_alloc_noprof",
	"percpu_ref_init",
	/* vmalloc(). */
	"__vcalloc_noprof",
	"__vmalloc_array_noprof",
	"__vmalloc_node_noprof",
	"__vmalloc_node_range_noprof",
	"__vmalloc_noprof",
	"vcalloc_noprof",
	"vmalloc_array_noprof",
	"vmalloc_noprof",
	"vmalloc_user_noprof",
	"vzalloc_noprof",
	/* Of sockets and their buffers. */
	"__alloc_skb",
	"alloc_skb_with_frags",
	"kmalloc_reserve",
	"netlink_alloc_large_skb",
	"sk_alloc",
	"sk_prot_alloc",
	"sock_alloc_send_pskb",
	"sock_kmalloc",
	"sock_wmalloc",
};

struct text_range {
	unsigned long start;
	unsigned long end;
};

static struct text_range wrappers[ARRAY_SIZE(wrapper_names)];
static unsigned int nr_wrappers;

static bool is_wrapper(unsigned long ip)
{
	unsigned int low = 0, high = nr_wrappers;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (ip >= wrappers[middle].end)
			low = middle + 1;
		else
			high = middle;
	}
	return low < nr_wrappers && ip >= wrappers[low].start;
}

/* A call may be the last instruction of its function. */
static bool is_site(unsigned long ip)
{
	return (__is_kernel_text(ip - 1) || is_kernel_inittext(ip - 1)) &&
	       !is_wrapper(ip - 1);
}

/**
 * nslab_site_here() - who asks for the object that is being allocated
 *
 * Called by one of those above.
 *
 * Return: the place behind the call; 0 if that cannot be seen.
 */
unsigned long nslab_site_here(void)
{
	const unsigned long *frame = __builtin_frame_address(0);
	unsigned int i;

	for (i = 0; i < 24; i++) {
		const unsigned long *next;

		if (!object_is_on_stack(frame))
			return 0;
		if (is_site(frame[1]))
			return frame[1];
		next = (const unsigned long *)frame[0];
		if (next <= frame)
			return 0;
		frame = next;
	}
	return 0;
}

/**
 * nslab_site_of_caller() - who asks for what is being allocated
 * @caller: the place behind the call of the allocator
 *
 * Before the initcalls of a boot only that is known, then its callers are, too.
 *
 * Return: the place behind the call.
 */
unsigned long nslab_site_of_caller(unsigned long caller)
{
	return is_site(caller) || !nr_wrappers ? caller : nslab_site_here() ?: caller;
}

/* Where the stacks that KASAN keeps lead to, by their handle. */
#define MEMO_BITS	12
static struct {
	depot_stack_handle_t stack;
	u32 site;
} memo[1 << MEMO_BITS];

static unsigned long site_of_stack(depot_stack_handle_t stack)
{
	unsigned long *entries;
	unsigned int n, i;

	n = stack_depot_fetch(stack, &entries);
	for (i = 0; i < n; i++)
		if (is_site(entries[i]))
			return entries[i];
	return 0;
}

/**
 * nslab_site_of() - who asked for an object of the slab allocator
 * @cache: its cache
 * @object: its first byte. It may have been freed
 *
 * Return: the place behind the call; 0 if that is not known.
 */
unsigned long nslab_site_of(struct kmem_cache *cache, const void *object)
{
	struct kasan_alloc_meta *meta = kasan_get_alloc_meta(cache, object);
	depot_stack_handle_t stack = meta ? meta->alloc_track.stack : 0;
	unsigned int slot = hash_32(stack, MEMO_BITS);
	unsigned long site;

	if (!stack)
		return 0;
	if (READ_ONCE(memo[slot].stack) == stack)
		return memo[slot].site ? (unsigned long)_text + memo[slot].site : 0;
	site = site_of_stack(stack);
	/* An interrupt in between must not find the one without the other. */
	memo[slot].stack = 0;
	barrier();
	memo[slot].site = site ? site - (unsigned long)_text : 0;
	barrier();
	memo[slot].stack = stack;
	return site;
}

/**
 * nslab_function_of() - the function or the variable that an address is in
 * @ip: in the kernel image
 * @size: filled: how many bytes it has
 *
 * Return: where it starts; 0 if there is none.
 */
unsigned long nslab_function_of(unsigned long ip, unsigned long *size)
{
	unsigned long offset;

	if (!kallsyms_lookup_size_offset(ip, size, &offset))
		return 0;
	return ip - offset;
}

static int compare(const void *a, const void *b)
{
	const struct text_range *one = a, *other = b;

	return one->start < other->start ? -1 : one->start > other->start;
}

static int __init nslab_sites_init(void)
{
	unsigned long start, size;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrapper_names); i++) {
		start = kallsyms_lookup_name(wrapper_names[i]);
		if (!start || !nslab_function_of(start, &size))
			continue;
		wrappers[nr_wrappers++] = (struct text_range) { start, start + size };
	}
	sort(wrappers, nr_wrappers, sizeof(*wrappers), compare, NULL);
	return 0;
}
core_initcall(nslab_sites_init);

// SPDX-License-Identifier: GPL-2.0
/*
 * Watched objects: every access of an actor to one of them is an event. It is also a
 * scheduling point if the actor can be preempted there. KASAN reports the accesses:
 * the objects are marked in its shadow (shadow.c).
 */

#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/sections.h>

#include <../mm/kasan/kasan.h>
#include <../mm/slab.h>
#include "../core/numbers.h"
#include "../core/observer.h"
#include "../core/points.h"
#include "../core/trace.h"
#include "caches.h"
#include "heap.h"
#include "leftout.h"
#include "profile.h"
#include "shadow.h"
#include "sites.h"
#include "watch.h"
#include "words.h"

/* Objects are marked, and reported to the listeners. Set once, at boot. */
bool nslab_watch_ready __read_mostly;

/*
 * An execution runs whose accesses matter. Written by the explorer, read by actors;
 * an access that sees the old value belongs to no execution.
 */
static bool watching;

/* Accesses are events; if not, they are for the listeners alone. */
static bool recording;

/* === Numbers in place of addresses === */

struct nslab_objects nslab_objects;

/* Of a task that is an actor, which one. */
static u8 owner_of(const void *object)
{
	unsigned int i;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (nslab_actors[i].task == object)
			return i;
	return NSLAB_NOBODY;
}

static u16 object_number(const void *object)
{
	u16 *number = nslab_number_of(&nslab_objects.numbers, object);

	if (!*number) {
		*number = nslab_next_number(&nslab_objects.numbers);
		nslab_objects.owners[*number] = owner_of(object);
	}
	return *number;
}

/* What is allocated now is another object than what was here before. */
static u16 new_object_number(const void *object)
{
	*nslab_number_of(&nslab_objects.numbers, object) = 0;
	return object_number(object);
}

/**
 * nslab_object_owner() - whose task that object is
 *
 * Return: index of an actor, NSLAB_NOBODY if it is no actor's task.
 */
u8 nslab_object_owner(u16 number)
{
	return number && number <= NSLAB_MAX_NUMBER ?
	       nslab_objects.owners[number] : NSLAB_NOBODY;
}

static void nslab_watch_begins(const struct nslab_run *run)
{
	recording = run->strategy != NSLAB_STRATEGY_NONE;
	nslab_mark_existing();
	nslab_numbers_reset(&nslab_objects.numbers);
	WRITE_ONCE(watching, !(run->flags & NSLAB_RUN_UNSTEERED));
}

static void nslab_watch_ends(const struct nslab_run *run)
{
	WRITE_ONCE(watching, false);
}

static const struct nslab_observer watch_observer = {
	.begins = nslab_watch_begins,
	.ends = nslab_watch_ends,
};

NSLAB_OBSERVER(watch_observer);

/* Is the whole of it watched by hand? Then so are its beginning and its end. */
static const struct nslab_watch *next_whole(const struct nslab_watch *watch)
{
	while (watch && (watch->offset || !watch->by_hand))
		watch = watch->next;
	return watch;
}

/*
 * nslab_pointee() - the watched object that a pointer in memory points to
 * @where: the pointer, eight bytes, aligned
 *
 * Return: its number, 0 for NULL, NSLAB_OTHER_OBJECT if it points to none.
 */
static u16 nslab_pointee(const void *where)
{
	const void *to = READ_ONCE(*(void **)where);
	struct nslab_place place;
	struct nslab_kind *kind;

	if (!to)
		return 0;
	/* The first of a kind is often no slab object, but a variable. */
	if (__is_kernel((unsigned long)to))
		return object_number(to);
	if (!(virt_addr_valid(to) || is_vmalloc_addr(to)) || !nslab_marked(to))
		return NSLAB_OTHER_OBJECT;
	kind = nslab_kind_at(to, &place);
	if (!kind || place.object != to || !next_whole(kind->watches))
		return NSLAB_OTHER_OBJECT;
	return object_number(to);
}

static const struct nslab_memory watched_memory = {
	.pointee = nslab_pointee,
	.guards = nslab_lock_guards,
	.kind = nslab_focus_kind,
	.nr_kinds = nslab_focus_kinds,
	.named = nslab_watched_by_hand,
	.left_out = nslab_left_out,
};

/* === What KASAN reports === */

/* Who calls the function of KASAN's that calls nslab_access(). */
#define REPORTER_IP	((unsigned long)__builtin_return_address(1))

/* A load or a store of the compiler's, and not by a function that asks KASAN itself. */
static bool is_plain(unsigned long reporter)
{
	static unsigned long start, size;

	if (!start)
		start = nslab_function_of((unsigned long)kasan_check_range, &size);
	return reporter - start >= size;
}

static void nslab_record(struct nslab_actor *actor, const void *addr,
			 size_t size, bool write, unsigned long ip)
{
	const struct nslab_watch *watch;
	struct nslab_event event = {
		.kind = NSLAB_EVENT_ACCESS,
		.flags = write ? NSLAB_EVENT_IS_WRITE : 0,
		.ip = nslab_text_offset(ip),
	};
	struct nslab_place place;
	struct nslab_kind *kind = nslab_kind_at(addr, &place);
	size_t start = addr - place.object, end = start + size;
	bool point;

	if (!kind)
		return;
	watch = nslab_find_watch(kind, start, end, nslab_left_out(ip), &point);
	if (!watch)
		return;
	event.what = watch->what;
	event.offset = max_t(size_t, start, watch->offset);
	event.size = min_t(size_t, end - event.offset, U16_MAX);
	event.object = object_number(place.object);
	nslab_reach(actor, &event, point,
		    size == 8 && IS_ALIGNED((unsigned long)addr, 8) ? addr : NULL);
}

static void nslab_tell_listener(struct nslab_actor *actor, const void *addr,
				unsigned long ip)
{
	struct nslab_listener *listener;
	struct nslab_place place;

	if (!nslab_place_of(addr, &place) || !place.cache)
		return;
	listener = nslab_known(place.cache).listener;
	if (listener && listener->use && nslab_running())
		listener->use(listener, actor, place.object, ip);
}

static void nslab_look(const void *addr, size_t size, bool write, bool plain,
		       unsigned long ip)
{
	struct nslab_actor *actor;
	const void *end = addr + size;

	if (!watching || !in_task())
		return;
	actor = current->nslab;
	if (!actor || nslab_is_hidden(actor) || !nslab_running())
		return;
	if (nslab_profiling && !nslab_left_out(ip))
		nslab_profile_access(actor, addr, size, write, plain, ip);
	/*
	 * The compiler checks the ends of what it copies, and no more. An execution
	 * that is not profiled would see nothing of this one.
	 */
	if (plain && !nslab_marked(addr) && !nslab_marked(end - 1))
		return;
	addr = nslab_first_marked(addr, size);
	if (!addr)
		return;
	if (recording)
		nslab_record(actor, addr, end - addr, write, ip);
	nslab_tell_listener(actor, addr, ip);
}

/**
 * nslab_access() - KASAN thinks that an access is to be reported
 * @addr: where
 * @size: how many bytes
 * @write: whether it writes
 * @ip: the instruction
 *
 * That may be because the memory is watched. What it is then is decided last:
 * another task may have freed it meanwhile.
 *
 * Return: true if there is nothing to report.
 */
bool nslab_access(const void *addr, size_t size, bool write, unsigned long ip)
{
	const void *bad;

	if (addr + size < addr)
		return false;
	nslab_look(addr, size, write, is_plain(REPORTER_IP), ip);
	bad = nslab_first_bad(addr, size);
	/* kmemleak may read anything, and nothing is shown then. */
	if (bad && !current->kasan_depth)
		nslab_unmark_shown(addr, bad);
	return !bad;
}

/* The caller above KASAN's function and the allocator's, which asked for the object. */
#define ASKED_IP	((unsigned long)__builtin_return_address(2))

static void nslab_lives(u16 what, size_t size, void *object, unsigned int kind,
			bool point, unsigned long ip)
{
	struct nslab_actor *actor = in_task() ? current->nslab : NULL;
	struct nslab_event event = {
		.kind = kind,
		.what = what,
		.flags = NSLAB_EVENT_IS_WRITE,
		.size = min_t(size_t, size, U16_MAX),
		.ip = nslab_text_offset(ip),
	};

	event.object = kind == NSLAB_EVENT_ALLOC ? new_object_number(object) :
						   object_number(object);
	if (actor && !nslab_is_hidden(actor)) {
		nslab_reach(actor, &event, point, NULL);
	} else if (!actor && nslab_running()) {
		/* An RCU callback, a kworker. */
		event.actor = NSLAB_NOBODY;
		event.next = NSLAB_NOBODY;
		nslab_trace_add(&event);
	}
}

/**
 * nslab_object_lives() - an object was allocated, or is about to be freed
 * @of: its kind
 * @object: its first byte
 * @size: of the object
 * @kind: NSLAB_EVENT_ALLOC or NSLAB_EVENT_FREE
 * @ip: who asked for that
 *
 * That is an event if it is watched from its first byte, or shares a word.
 */
void nslab_object_lives(const struct nslab_kind *of, void *object, size_t size,
			unsigned int kind, unsigned long ip)
{
	const struct nslab_watch *watch;
	bool told = false;

	if (!recording || !watching)
		return;
	for (watch = next_whole(of->watches); watch; watch = next_whole(watch->next)) {
		nslab_lives(watch->what, min_t(size_t, watch->size, size), object, kind,
			    kind == NSLAB_EVENT_FREE, ip);
		told = true;
	}
	if (!told && of->what != NSLAB_UNWATCHED)
		nslab_lives(of->what, size, object, kind,
			    kind == NSLAB_EVENT_FREE && nslab_has_point(of), ip);
}

/**
 * __nslab_object_alloc() - an object was allocated
 * @cache: from this slab cache
 * @object: its first byte
 */
void __nslab_object_alloc(struct kmem_cache *cache, void *object)
{
	struct nslab_known known = nslab_known(cache);
	struct nslab_listener *listener = known.listener;
	struct nslab_kind *kind = known.kind;

	nslab_heap_alloc(cache, object);
	if (listener) {
		if (listener->use)
			nslab_mark(object, cache->object_size);
		if (listener->alloc)
			listener->alloc(listener, object, ASKED_IP);
	}
	if (known.typeless && nslab_sites_matter())
		kind = nslab_kind_of_site(nslab_site_here());
	if (kind) {
		nslab_mark_object(kind, object, cache->object_size);
		nslab_object_lives(kind, object, cache->object_size,
				   NSLAB_EVENT_ALLOC, ASKED_IP);
	}
	if (nslab_profiling)
		nslab_profile_mark(object, cache->object_size);
}

/**
 * __nslab_object_free() - an object is about to be freed
 * @cache: it is of this slab cache
 * @object: its first byte
 */
void __nslab_object_free(struct kmem_cache *cache, void *object)
{
	struct nslab_known known = nslab_known(cache);
	struct nslab_listener *listener = known.listener;
	struct nslab_kind *kind = known.kind;

	nslab_heap_free(cache, object);
	if (listener && listener->free)
		listener->free(listener, object, ASKED_IP);
	if (known.typeless && nslab_sites_matter() && recording && watching)
		kind = nslab_kind_of_site(nslab_site_of(cache, object));
	if (kind)
		nslab_object_lives(kind, object, cache->object_size,
				   NSLAB_EVENT_FREE, ASKED_IP);
	if (nslab_profiling)
		nslab_profile_free(object, cache->object_size, ASKED_IP);
	/* Another cache may be at that address next. */
	if (cache == kmem_cache)
		nslab_caches_forget();
}

static int __init nslab_watch_init(void)
{
	nslab_memory = &watched_memory;
	nslab_watch_ready = true;
	return 0;
}
late_initcall_sync(nslab_watch_init);

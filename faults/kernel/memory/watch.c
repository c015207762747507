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

#include <../mm/slab.h>
#include "../core/numbers.h"
#include "../core/observer.h"
#include "../core/points.h"
#include "../core/trace.h"
#include "heap.h"
#include "shadow.h"
#include "watch.h"

/* === What is watched === */

struct watch {
	char cache_name[32];
	u16 offset;
	u16 size;
	struct kmem_cache *cache;
};

static struct watch watches[NSLAB_MAX_WATCHES];
static unsigned int nr_watches;

/* Objects are marked, and reported to the listeners. Set once, at boot. */
bool nslab_watch_ready __read_mostly;

/*
 * An execution runs whose accesses matter. Written by the explorer, read by actors;
 * an access that sees the old value belongs to no execution.
 */
static bool watching;

/* Accesses are events; if not, they are for the listeners alone. */
static bool recording;

static void mark(const struct watch *watch, const void *object)
{
	nslab_mark(object + watch->offset, watch->size);
}

static bool watches_cache(struct watch *watch, struct kmem_cache *cache)
{
	if (!watch->cache && !strcmp(watch->cache_name, cache->name))
		watch->cache = cache;
	return watch->cache == cache;
}

/* Watched or not, some caches matter to higher layers. */
static struct nslab_listener *listeners[NSLAB_MAX_LISTENERS];
static unsigned int nr_listeners;

/**
 * nslab_listen() - a layer wants to know of the objects of a slab cache
 * @listener: stays; at boot, before late_initcall_sync()
 */
void __init nslab_listen(struct nslab_listener *listener)
{
	if (nr_listeners == NSLAB_MAX_LISTENERS)
		panic("nslab: more slab caches than there is room for\n");
	listeners[nr_listeners++] = listener;
}

static struct nslab_listener *find_listener(const struct kmem_cache *cache)
{
	unsigned int i;

	for (i = 0; i < nr_listeners; i++) {
		struct nslab_listener *listener = listeners[i];

		if (unlikely(!listener->known) &&
		    !strcmp(cache->name, listener->cache))
			listener->known = cache;
		if (listener->known == cache)
			return listener;
	}
	return NULL;
}

/* Other tasks than the actors were there before. */
static void mark_all_tasks(const struct watch *watch)
{
	struct task_struct *process, *task;

	if (strcmp(watch->cache_name, "task_struct"))
		return;
	rcu_read_lock();
	for_each_process_thread(process, task)
		mark(watch, task);
	rcu_read_unlock();
}

/**
 * nslab_watch_add() - watch more
 * @text: "CACHE:OFFSET:SIZE": of each object of that slab cache, these bytes
 *
 * Return: 0, -ENOSPC, or -EINVAL.
 */
int nslab_watch_add(char *text)
{
	char *cache = strsep(&text, ":");
	char *offset = strsep(&text, ":");
	struct watch *watch = &watches[nr_watches];

	if (nr_watches == NSLAB_MAX_WATCHES)
		return -ENOSPC;
	if (!offset || !text || kstrtou16(offset, 0, &watch->offset) ||
	    kstrtou16(text, 0, &watch->size) || !watch->size ||
	    strscpy(watch->cache_name, cache, sizeof(watch->cache_name)) < 0)
		return -EINVAL;

	nr_watches++;
	mark_all_tasks(watch);
	return 0;
}

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

/* In which slab object an address lies; NULL: in none. */
static struct kmem_cache *find_object(const void *addr, void **object)
{
	struct slab *slab = virt_to_slab(addr);

	if (!slab)
		return NULL;
	*object = nearest_obj(slab->slab_cache, slab, (void *)addr);
	return slab->slab_cache;
}

/* Which watch an address belongs to; negative: none. */
static int find_watch(const struct kmem_cache *cache, u16 offset)
{
	unsigned int i;

	for (i = 0; i < nr_watches; i++) {
		if (watches[i].cache == cache &&
		    offset >= watches[i].offset &&
		    offset < watches[i].offset + watches[i].size)
			return i;
	}
	return -1;
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
	struct kmem_cache *cache;
	void *object;

	if (!to)
		return 0;
	/* The first of a kind is often no slab object, but a variable. */
	if (__is_kernel((unsigned long)to))
		return object_number(to);
	if (!virt_addr_valid(to) || !nslab_marked(to))
		return NSLAB_OTHER_OBJECT;
	cache = find_object(to, &object);
	if (!cache || object != to || find_watch(cache, 0) < 0)
		return NSLAB_OTHER_OBJECT;
	return object_number(to);
}

static const struct nslab_memory watched_memory = {
	.pointee = nslab_pointee,
};

/* === What KASAN reports === */

static void nslab_record(struct nslab_actor *actor, const void *addr,
			 size_t size, bool write, unsigned long ip,
			 const struct kmem_cache *cache, const void *object)
{
	int watch = find_watch(cache, addr - object);
	struct nslab_event event = {
		.kind = NSLAB_EVENT_ACCESS,
		.what = watch,
		.flags = write ? NSLAB_EVENT_IS_WRITE : 0,
		.size = min_t(size_t, size, U16_MAX),
		.offset = addr - object,
		.ip = nslab_text_offset(ip),
	};

	if (watch < 0)
		return;
	event.object = object_number(object);
	nslab_reach(actor, &event, true, size == 8 ? addr : NULL);
}

static void nslab_look(const void *addr, size_t size, bool write,
		       unsigned long ip)
{
	struct nslab_actor *actor;
	const void *end = addr + size;
	struct nslab_listener *listener;
	struct kmem_cache *cache;
	void *object;

	if (!watching || !in_task())
		return;
	actor = current->nslab;
	if (!actor || nslab_is_hidden(actor) || !nslab_running())
		return;
	addr = nslab_first_marked(addr, size);
	cache = addr ? find_object(addr, &object) : NULL;
	if (!cache)
		return;
	if (recording)
		nslab_record(actor, addr, end - addr, write, ip, cache, object);
	listener = find_listener(cache);
	if (listener && listener->use && nslab_running())
		listener->use(listener, actor, object, ip);
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
	nslab_look(addr, size, write, ip);
	bad = nslab_first_bad(addr, size);
	/* kmemleak may read anything, and nothing is shown then. */
	if (bad && !current->kasan_depth)
		nslab_unmark_shown(addr, bad);
	return !bad;
}

/* The caller above KASAN's function and the allocator's, which asked for the object. */
#define ASKED_IP	((unsigned long)__builtin_return_address(2))

/* Watched from its first byte: its allocation and its end are events, too. */
static void nslab_lives(const struct watch *watch, void *object,
			unsigned int kind, unsigned long ip)
{
	struct nslab_actor *actor = in_task() ? current->nslab : NULL;
	struct nslab_event event = {
		.kind = kind,
		.what = watch - watches,
		.flags = NSLAB_EVENT_IS_WRITE,
		.size = watch->size,
		.ip = nslab_text_offset(ip),
	};

	if (!recording || !watching || watch->offset)
		return;
	event.object = kind == NSLAB_EVENT_ALLOC ? new_object_number(object) :
						   object_number(object);
	if (actor && !nslab_is_hidden(actor)) {
		nslab_reach(actor, &event, kind == NSLAB_EVENT_FREE, NULL);
	} else if (!actor && nslab_running()) {
		/* An RCU callback, a kworker. */
		event.actor = NSLAB_NOBODY;
		event.next = NSLAB_NOBODY;
		nslab_trace_add(&event);
	}
}

/**
 * __nslab_object_alloc() - an object was allocated
 * @cache: from this slab cache
 * @object: its first byte
 */
void __nslab_object_alloc(struct kmem_cache *cache, void *object)
{
	struct nslab_listener *listener = find_listener(cache);
	unsigned int i;

	nslab_heap_alloc(cache, object);
	if (listener) {
		if (listener->use)
			nslab_mark(object, cache->object_size);
		if (listener->alloc)
			listener->alloc(listener, object, ASKED_IP);
	}
	for (i = 0; i < nr_watches; i++) {
		if (!watches_cache(&watches[i], cache))
			continue;
		mark(&watches[i], object);
		nslab_lives(&watches[i], object, NSLAB_EVENT_ALLOC, ASKED_IP);
	}
}

/**
 * __nslab_object_free() - an object is about to be freed
 * @cache: it is of this slab cache
 * @object: its first byte
 */
void __nslab_object_free(struct kmem_cache *cache, void *object)
{
	struct nslab_listener *listener = find_listener(cache);
	unsigned int i;

	nslab_heap_free(cache, object);
	if (listener && listener->free)
		listener->free(listener, object, ASKED_IP);
	for (i = 0; i < nr_watches; i++)
		if (watches[i].cache == cache)
			nslab_lives(&watches[i], object, NSLAB_EVENT_FREE, ASKED_IP);
}

static int __init nslab_watch_init(void)
{
	nslab_memory = &watched_memory;
	nslab_watch_ready = true;
	return 0;
}
late_initcall_sync(nslab_watch_init);

// SPDX-License-Identifier: GPL-2.0
/*
 * Watched objects: every access of an actor to one of them is an event, and a
 * scheduling point where the actor can be preempted. KASAN tells of them: what
 * is watched is marked in its shadow (marks.c).
 */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/sections.h>

#include <../mm/slab.h>
#include "../nslab.h"

/* === What is watched === */

struct watch {
	char cache_name[32];
	u16 offset;
	u16 size;
	struct kmem_cache *cache;
};

static struct watch watches[NSLAB_MAX_WATCHES];
static unsigned int nr_watches;

/* From here on objects are marked, and told of. */
bool nslab_watch_ready __read_mostly;

/* An execution runs whose accesses matter. */
static bool watching;

/* Accesses are events; if not, they are for the oracles alone. */
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

/* Watched or not, some caches matter to the oracles. */
static bool is_cache(struct kmem_cache **known, struct kmem_cache *cache,
		     const char *name)
{
	if (unlikely(!*known) && !strcmp(cache->name, name))
		*known = cache;
	return *known == cache;
}

static bool is_nsproxy(struct kmem_cache *cache)
{
	static struct kmem_cache *known;

	return is_cache(&known, cache, "nsproxy");
}

static bool is_task(struct kmem_cache *cache)
{
	static struct kmem_cache *known;

	return is_cache(&known, cache, "task_struct");
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

/* "CACHE:OFFSET:SIZE": of each object of that slab cache, these bytes. */
static int watch_add(char *text)
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

#define NUMBER_BITS	9
#define NR_SLOTS	(1U << NUMBER_BITS)
#define MAX_NUMBER	(NR_SLOTS * 3 / 4)

/* Given in the order in which an execution meets what they stand for. */
struct numbers {
	struct {
		const void *what;
		u16 number;
	} slots[NR_SLOTS];
	u16 last;
};

static struct numbers objects, locks;
static u8 owners[MAX_NUMBER + 1];

/* Where its number is, or will be. */
static u16 *number_of(struct numbers *numbers, const void *what)
{
	unsigned int slot = hash_ptr(what, NUMBER_BITS);

	while (numbers->slots[slot].what && numbers->slots[slot].what != what)
		slot = (slot + 1) % NR_SLOTS;
	if (!numbers->slots[slot].what && numbers->last < MAX_NUMBER)
		numbers->slots[slot].what = what;
	return &numbers->slots[slot].number;
}

/* Of a task that is an actor, which one. */
static u8 owner_of(const void *object)
{
	unsigned int i;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		if (nslab_actor_at(i)->task == object)
			return i;
	return NSLAB_NOBODY;
}

static u16 next_number(struct numbers *numbers)
{
	return numbers->last < MAX_NUMBER ? ++numbers->last : 0;
}

static u16 object_number(const void *object)
{
	u16 *number = number_of(&objects, object);

	if (!*number) {
		*number = next_number(&objects);
		owners[*number] = owner_of(object);
	}
	return *number;
}

/* What is allocated now is another object than what was here before. */
static u16 new_object_number(const void *object)
{
	*number_of(&objects, object) = 0;
	return object_number(object);
}

/**
 * nslab_lock_number() - a small number that stands for a lock
 *
 * Return: the same all through an execution, from 1; 0 if there are too many.
 */
u16 nslab_lock_number(const void *lock)
{
	u16 *number = number_of(&locks, lock);

	if (!*number)
		*number = next_number(&locks);
	return *number;
}

/**
 * nslab_object_owner() - whose task that object is
 *
 * Return: index of an actor, NSLAB_NOBODY if it is no actor's task.
 */
u8 nslab_object_owner(u16 number)
{
	return number && number <= MAX_NUMBER ? owners[number] : NSLAB_NOBODY;
}

/**
 * nslab_watch_begin() - an execution begins
 * @run: which
 */
void nslab_watch_begin(const struct nslab_run *run)
{
	recording = run->strategy != NSLAB_STRATEGY_NONE;
	memset(&objects, 0, sizeof(objects));
	memset(&locks, 0, sizeof(locks));
	WRITE_ONCE(watching, !(run->flags & NSLAB_RUN_UNSTEERED));
}

/**
 * nslab_watch_end() - it has ended
 */
void nslab_watch_end(void)
{
	WRITE_ONCE(watching, false);
}

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

/**
 * nslab_pointee() - the watched object that a pointer in memory points to
 * @where: the pointer, eight bytes, aligned
 *
 * Return: its number, 0 for NULL, NSLAB_OTHER_OBJECT if it points to none.
 */
u16 nslab_pointee(const void *where)
{
	const void *to = READ_ONCE(*(void **)where);
	struct kmem_cache *cache;
	void *object;

	if (!to)
		return 0;
	/* The first of a kind is often no slab object: init_nsproxy. */
	if (__is_kernel((unsigned long)to))
		return object_number(to);
	if (!virt_addr_valid(to) || !nslab_marked(to))
		return NSLAB_OTHER_OBJECT;
	cache = find_object(to, &object);
	if (!cache || object != to || find_watch(cache, 0) < 0)
		return NSLAB_OTHER_OBJECT;
	return object_number(to);
}

/* === What KASAN tells us === */

static void record(struct nslab_actor *actor, const void *addr, size_t size,
		   bool write, unsigned long ip, const struct kmem_cache *cache,
		   const void *object)
{
	int watch = find_watch(cache, addr - object);
	struct nslab_event event = {
		.kind = NSLAB_EVENT_ACCESS,
		.what = watch,
		.flags = write ? NSLAB_EVENT_IS_WRITE : 0,
		.size = min_t(size_t, size, 255),
		.offset = addr - object,
		.ip = nslab_text_offset(ip),
	};

	if (watch < 0)
		return;
	event.object = object_number(object);
	nslab_meet(actor, &event, true, size == 8 ? addr : NULL);
}

static void look(const void *addr, size_t size, bool write, unsigned long ip)
{
	struct nslab_actor *actor;
	const void *end = addr + size;
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
		record(actor, addr, end - addr, write, ip, cache, object);
	if (is_nsproxy(cache) && nslab_running())
		nslab_lifetime_use(actor, object, ip);
}

/**
 * nslab_access() - KASAN thinks that an access is to be reported
 * @addr: where
 * @size: how many bytes
 * @write: whether it writes
 * @ip: the instruction
 *
 * That may be because the memory is watched. What it is then is decided last:
 * somebody else may have freed it meanwhile.
 *
 * Return: true if there is nothing to report.
 */
bool nslab_access(const void *addr, size_t size, bool write, unsigned long ip)
{
	const void *bad;

	if (addr + size < addr)
		return false;
	look(addr, size, write, ip);
	bad = nslab_first_bad(addr, size);
	/* Who looks for leaks may read anything, and nothing is shown then. */
	if (bad && !current->kasan_depth)
		nslab_unmark_shown(addr, bad);
	return !bad;
}

/* Above KASAN's function and the allocator's: who asked for it. */
#define ASKED_IP	((unsigned long)__builtin_return_address(2))

/* Watched from its first byte: its allocation and its end are events, too. */
static void lives(const struct watch *watch, void *object, unsigned int kind,
		  unsigned long ip)
{
	struct nslab_actor *actor = in_task() ? current->nslab : NULL;
	struct nslab_event event = {
		.kind = kind,
		.what = watch - watches,
		.flags = NSLAB_EVENT_IS_WRITE,
		.size = min_t(u16, watch->size, 255),
		.ip = nslab_text_offset(ip),
	};

	if (!recording || !watching || watch->offset)
		return;
	event.object = kind == NSLAB_EVENT_ALLOC ? new_object_number(object) :
						   object_number(object);
	if (actor && !nslab_is_hidden(actor)) {
		nslab_meet(actor, &event, kind == NSLAB_EVENT_FREE, NULL);
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
	unsigned int i;

	if (is_nsproxy(cache)) {
		nslab_mark(object, cache->object_size);
		nslab_census_alloc();
		nslab_lifetime_alloc(object, ASKED_IP);
	} else if (is_task(cache)) {
		nslab_order_new_task(object);
	}
	for (i = 0; i < nr_watches; i++) {
		if (!watches_cache(&watches[i], cache))
			continue;
		mark(&watches[i], object);
		lives(&watches[i], object, NSLAB_EVENT_ALLOC, ASKED_IP);
	}
}

/**
 * __nslab_object_free() - an object is about to be freed
 * @cache: it is of this slab cache
 * @object: its first byte
 */
void __nslab_object_free(struct kmem_cache *cache, void *object)
{
	unsigned int i;

	if (is_nsproxy(cache)) {
		nslab_census_free();
		nslab_lifetime_free(object, ASKED_IP);
	}
	for (i = 0; i < nr_watches; i++)
		if (watches[i].cache == cache)
			lives(&watches[i], object, NSLAB_EVENT_FREE, ASKED_IP);
}

/* === The knob === */

static ssize_t watch_write(struct file *file, const char __user *ubuf,
			   size_t len, loff_t *pos)
{
	char text[80];
	int ret;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, ubuf, len))
		return -EFAULT;
	text[len] = '\0';
	ret = watch_add(strim(text));
	return ret ?: len;
}

static const struct file_operations watch_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.write = watch_write,
};

/**
 * nslab_watch_init() - begin to mark objects, put the knob into debugfs
 */
void __init nslab_watch_init(struct dentry *dir)
{
	nslab_watch_ready = true;
	debugfs_create_file("watch", 0200, dir, NULL, &watch_fops);
}

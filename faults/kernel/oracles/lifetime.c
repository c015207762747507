// SPDX-License-Identifier: GPL-2.0
/*
 * Two oracles that know what task_nsproxy() gave to whom.
 *
 * Lifetime: who uses a nsproxy after its end is found out even where its memory
 * has become another one, or where KASAN takes freed memory for usable.
 *
 * Grace period: what was loaded in a read section is there until its end. It is
 * looked at when the section ends, so KASAN, which knows more, speaks first if
 * the reader uses what is gone.
 */

#include <linux/irqflags.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include <../mm/kasan/kasan.h>
#include "../nslab.h"

#define MAX_LIVE	256

/**
 * struct life - of a nsproxy, from its allocation on
 * @object: the first byte; NULL: the slot is free
 * @generation: how manieth nsproxy since boot it is, from 1
 * @made_by: index of an actor, NSLAB_NOBODY for others
 * @made_at: the instruction
 * @freed_by: likewise, if it has ended
 * @freed_at: the instruction
 */
struct life {
	const void *object;
	u64 generation;
	unsigned int made_by;
	unsigned long made_at;
	unsigned int freed_by;
	unsigned long freed_at;
};

static struct life live[MAX_LIVE];

/* The last ones that have ended, for gdb, which nobody else reads. */
static struct life ended[MAX_LIVE] __used;
static unsigned int nr_ended;
static u64 generations;

/**
 * struct loaded - an actor has loaded a pointer to a nsproxy
 * @life: to which; no @object: the slot is free
 * @in_section: and has not left that read section since
 * @waited_for: it has not, but the grace period of its nsproxy has ended
 * @gone: that nsproxy was freed since
 * @freed_by: by that actor
 * @freed_at: there
 */
struct loaded {
	struct life life;
	bool in_section;
	bool waited_for;
	bool gone;
	unsigned int freed_by;
	unsigned long freed_at;
};

#define MAX_LOADED	8

static struct {
	struct loaded loaded[MAX_LOADED];
	unsigned int next;
	unsigned int gone;
} readers[NSLAB_MAX_ACTORS];

static unsigned int whoever_runs(void)
{
	struct nslab_actor *actor = in_task() ? current->nslab : NULL;

	return actor ? nslab_actor_index(actor) : NSLAB_NOBODY;
}

static const char *name_of(unsigned int actor)
{
	return actor == NSLAB_NOBODY ? "others" : nslab_actor_name(actor);
}

/* Those from before the first execution, or of the first task, have none. */
static struct life life_of(const void *object)
{
	struct life unknown = { .object = object, .made_by = NSLAB_NOBODY };
	unsigned int i;

	for (i = 0; i < MAX_LIVE; i++)
		if (live[i].object == object)
			return live[i];
	return unknown;
}

static struct loaded *find_loaded(unsigned int actor, const void *object)
{
	unsigned int i;

	for (i = 0; i < MAX_LOADED; i++)
		if (readers[actor].loaded[i].life.object == object)
			return &readers[actor].loaded[i];
	return NULL;
}

static void forget(unsigned int actor, const void *object)
{
	struct loaded *loaded = find_loaded(actor, object);

	if (!loaded)
		return;
	readers[actor].gone -= loaded->gone;
	memset(loaded, 0, sizeof(*loaded));
}

/**
 * nslab_lifetime_begin() - an execution begins, nobody has loaded anything
 */
void nslab_lifetime_begin(void)
{
	memset(readers, 0, sizeof(readers));
}

/**
 * nslab_lifetime_alloc() - a nsproxy was allocated
 * @object: its first byte
 * @ip: by this instruction
 */
void nslab_lifetime_alloc(const void *object, unsigned long ip)
{
	unsigned int me = whoever_runs(), i;
	unsigned long flags;

	local_irq_save(flags);
	generations++;
	/* Whoever makes it has a pointer to it that was not loaded. */
	if (me != NSLAB_NOBODY)
		forget(me, object);
	for (i = 0; i < MAX_LIVE; i++)
		if (!live[i].object)
			break;
	if (i < MAX_LIVE)
		live[i] = (struct life) {
			.object = object,
			.generation = generations,
			.made_by = me,
			.made_at = ip,
		};
	local_irq_restore(flags);
}

/**
 * nslab_lifetime_free() - a nsproxy is about to be freed
 * @object: its first byte
 * @ip: by this instruction
 */
void nslab_lifetime_free(const void *object, unsigned long ip)
{
	unsigned int me = whoever_runs(), i;
	unsigned long flags;

	local_irq_save(flags);
	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		struct loaded *loaded = find_loaded(i, object);

		if (!loaded || loaded->gone)
			continue;
		loaded->gone = true;
		loaded->freed_by = me;
		loaded->freed_at = ip;
		readers[i].gone++;
	}
	for (i = 0; i < MAX_LIVE; i++) {
		if (live[i].object != object)
			continue;
		live[i].freed_by = me;
		live[i].freed_at = ip;
		ended[nr_ended++ % MAX_LIVE] = live[i];
		live[i].object = NULL;
	}
	local_irq_restore(flags);
}

/**
 * nslab_lifetime_loaded() - current, an actor, has loaded a task's nsproxy
 * @actor: current
 * @object: the nsproxy, not NULL
 */
void nslab_lifetime_loaded(const struct nslab_actor *actor, const void *object)
{
	unsigned int me = nslab_actor_index(actor);
	struct loaded *loaded;
	unsigned long flags;

	local_irq_save(flags);
	loaded = find_loaded(me, object);
	if (!loaded)
		loaded = &readers[me].loaded[readers[me].next++ % MAX_LOADED];
	readers[me].gone -= loaded->gone;
	*loaded = (struct loaded) {
		.life = life_of(object),
		.in_section = rcu_preempt_depth() > 0,
	};
	local_irq_restore(flags);
}

/**
 * nslab_lifetime_grace_period() - that of a nsproxy has ended
 * @object: the nsproxy
 */
void nslab_lifetime_grace_period(const void *object)
{
	unsigned long flags;
	unsigned int i;

	local_irq_save(flags);
	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		struct loaded *loaded = find_loaded(i, object);

		if (loaded && loaded->in_section)
			loaded->waited_for = true;
	}
	local_irq_restore(flags);
}

static void tell_history(const struct loaded *loaded)
{
	const struct life *life = &loaded->life;

	if (life->made_at)
		pr_emerg("nslab:   allocated by %s in %pS\n",
			 name_of(life->made_by), (void *)life->made_at);
	if (loaded->gone)
		pr_emerg("nslab:   freed by %s in %pS\n",
			 name_of(loaded->freed_by), (void *)loaded->freed_at);
}

/**
 * nslab_lifetime_use() - current, an actor, is about to access a nsproxy
 * @actor: current
 * @object: its first byte
 * @ip: the instruction
 */
void nslab_lifetime_use(struct nslab_actor *actor, const void *object,
			unsigned long ip)
{
	unsigned int me = nslab_actor_index(actor);
	const struct loaded *loaded;

	if (!readers[me].gone)
		return;
	loaded = find_loaded(me, object);
	/* What is still poisoned is KASAN's, with a better report. */
	if (!loaded || !loaded->gone || !kasan_byte_accessible(object))
		return;
	nslab_oracle_begin("lifetime: a nsproxy is used after its end");
	pr_emerg("nslab:   by %s in %pS\n", actor->name, (void *)ip);
	tell_history(loaded);
	nslab_oracle_end();
}

/**
 * nslab_lifetime_section_ends() - current, an actor, is about to leave a read
 * section that is within no other
 * @actor: current
 */
void nslab_lifetime_section_ends(struct nslab_actor *actor)
{
	unsigned int me = nslab_actor_index(actor), i;

	for (i = 0; i < MAX_LOADED; i++) {
		struct loaded *loaded = &readers[me].loaded[i];

		if (!loaded->in_section)
			continue;
		loaded->in_section = false;
		if (!loaded->gone && !loaded->waited_for)
			continue;
		nslab_oracle_begin(loaded->gone ?
			"grace period: a nsproxy is gone within the read section of its reader" :
			"grace period: it has ended within a read section that it should have waited for");
		pr_emerg("nslab:   of %s\n", actor->name);
		tell_history(loaded);
		nslab_oracle_end();
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Two oracles that know which actor has loaded a published pointer, of any subject.
 *
 * Lifetime: a use of an object after its end is found even where its memory has become
 * another object of the kind, or where KASAN takes freed memory for usable.
 *
 * Grace period: an object that was loaded in a read section exists until the section
 * ends. That is checked when it ends, so KASAN, which knows more, reports first if the
 * reader uses an object that is gone.
 *
 * An object may be freed in an interrupt. Interrupts are off while the tables change,
 * which serves as a lock: there is one CPU (Kconfig: !SMP).
 */

#define pr_fmt(fmt) "nslab: " fmt

#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include <../mm/kasan/kasan.h>
#include "../core/complaint.h"
#include "oracles.h"

struct nslab_lives nslab_lives;

/* As many as lead from a free to the function that released the object. */
#define MAX_CALLERS	6

/**
 * struct loaded - an actor has loaded a published pointer
 * @subject: of this subject
 * @life: of the object that it points to; no @object: the slot is free
 * @in_section: the actor has not left that read section since
 * @waited_for: likewise, but the grace period of the object has ended
 * @gone: the object was freed since
 * @ended_by: the actor that freed it, or said before that its grace period had ended
 * @ended_in: the functions where that happened, innermost first; 0 after the last
 */
struct loaded {
	const struct nslab_subject *subject;
	struct nslab_life life;
	bool in_section;
	bool waited_for;
	bool gone;
	unsigned int ended_by;
	unsigned long ended_in[MAX_CALLERS];
};

#define MAX_LOADED	8

static struct {
	struct loaded loaded[MAX_LOADED];
	unsigned int next;
	unsigned int gone;
} readers[NSLAB_MAX_ACTORS];

/* Unknown of objects from before the first execution, and of a static one. */
static struct nslab_life life_of(const void *object)
{
	struct nslab_life unknown = { .object = object, .made_by = NSLAB_NOBODY };
	unsigned int i;

	for (i = 0; i < NSLAB_MAX_LIVES; i++)
		if (nslab_lives.live[i].object == object)
			return nslab_lives.live[i];
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

/* Called only where an actor has loaded the object that ends. */
static void ends(struct loaded *loaded, unsigned int by, unsigned long ip)
{
	unsigned long stack[32];
	unsigned int n, i, at = 0;

	n = stack_trace_save(stack, ARRAY_SIZE(stack), 0);
	while (at < n && stack[at] != ip)
		at++;
	loaded->ended_by = by;
	memset(loaded->ended_in, 0, sizeof(loaded->ended_in));
	loaded->ended_in[0] = ip;
	for (i = 1; i < MAX_CALLERS && at + i < n; i++)
		loaded->ended_in[i] = stack[at + i];
}

/**
 * nslab_lifetime_begin() - an execution begins, no actor has loaded anything
 */
void nslab_lifetime_begin(void)
{
	memset(readers, 0, sizeof(readers));
}

/**
 * nslab_lifetime_alloc() - an object was allocated
 * @object: its first byte
 * @ip: by this instruction
 */
void nslab_lifetime_alloc(const void *object, unsigned long ip)
{
	unsigned int me = nslab_acting_index(), i;
	unsigned long flags;

	local_irq_save(flags);
	nslab_lives.generations++;
	/* Its maker has a pointer to it that was not loaded. */
	if (me != NSLAB_NOBODY)
		forget(me, object);
	for (i = 0; i < NSLAB_MAX_LIVES; i++)
		if (!nslab_lives.live[i].object)
			break;
	if (i < NSLAB_MAX_LIVES)
		nslab_lives.live[i] = (struct nslab_life) {
			.object = object,
			.generation = nslab_lives.generations,
			.made_by = me,
			.made_at = ip,
		};
	local_irq_restore(flags);
}

/**
 * nslab_lifetime_free() - an object is about to be freed
 * @object: its first byte
 * @ip: by this instruction
 */
void nslab_lifetime_free(const void *object, unsigned long ip)
{
	unsigned int me = nslab_acting_index(), i;
	unsigned long flags;

	local_irq_save(flags);
	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		struct loaded *loaded = find_loaded(i, object);

		if (!loaded || loaded->gone)
			continue;
		loaded->gone = true;
		ends(loaded, me, ip);
		readers[i].gone++;
	}
	for (i = 0; i < NSLAB_MAX_LIVES; i++) {
		if (nslab_lives.live[i].object != object)
			continue;
		nslab_lives.live[i].freed_by = me;
		nslab_lives.live[i].freed_at = ip;
		nslab_lives.ended[nslab_lives.nended++ % NSLAB_MAX_LIVES] = nslab_lives.live[i];
		nslab_lives.live[i].object = NULL;
	}
	local_irq_restore(flags);
}

/**
 * nslab_lifetime_loaded() - current, an actor, has loaded a published pointer
 * @subject: of this subject
 * @actor: current
 * @object: what it points to, not NULL
 */
void nslab_lifetime_loaded(const struct nslab_subject *subject,
			   const struct nslab_actor *actor, const void *object)
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
		.subject = subject,
		.life = life_of(object),
		.in_section = rcu_preempt_depth() > 0,
	};
	local_irq_restore(flags);
}

/**
 * nslab_lifetime_grace_period() - that of an object has ended
 * @object: the object
 * @ip: the instruction that says so
 */
void nslab_lifetime_grace_period(const void *object, unsigned long ip)
{
	unsigned int me = nslab_acting_index(), i;
	unsigned long flags;

	local_irq_save(flags);
	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		struct loaded *loaded = find_loaded(i, object);

		if (!loaded || !loaded->in_section || loaded->gone)
			continue;
		loaded->waited_for = true;
		ends(loaded, me, ip);
	}
	local_irq_restore(flags);
}

static void print_history(const struct loaded *loaded)
{
	const struct nslab_life *life = &loaded->life;
	char frames[MAX_CALLERS * 64];
	int length = 0, i;

	if (life->made_at)
		pr_emerg("  allocated by %s in %pS\n",
			 nslab_actor_name(life->made_by), (void *)life->made_at);
	for (i = 0; i < MAX_CALLERS && loaded->ended_in[i]; i++)
		length += scnprintf(frames + length, sizeof(frames) - length, "%s%pS",
				    i ? " < " : "", (void *)loaded->ended_in[i]);
	if (length)
		pr_emerg("  %s by %s in %s\n", loaded->gone ? "freed" : "waited for",
			 nslab_actor_name(loaded->ended_by), frames);
}

/**
 * nslab_lifetime_use() - current, an actor, is about to access an object
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
	/* KASAN reports an access to memory that is still poisoned, and better. */
	if (!loaded || !loaded->gone || !kasan_byte_accessible(object))
		return;
	nslab_oracle_begin(nslab_sentence("lifetime: a %s is used after its end",
					  loaded->subject->noun));
	pr_emerg("  by %s in %pS\n", actor->name, (void *)ip);
	print_history(loaded);
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
			nslab_sentence("grace period: a %s is gone within the read section of its reader",
				       loaded->subject->noun) :
			"grace period: it has ended within a read section that it should have waited for");
		pr_emerg("  of %s\n", actor->name);
		print_history(loaded);
		nslab_oracle_end();
	}
}

/**
 * nslab_lifetime_report() - whose read sections are broken, when the kernel dies
 *
 * Whatever it dies of may be a consequence.
 */
void nslab_lifetime_report(void)
{
	unsigned int actor, i;

	for (actor = 0; actor < NSLAB_MAX_ACTORS; actor++)
		for (i = 0; i < MAX_LOADED; i++) {
			const struct loaded *loaded = &readers[actor].loaded[i];

			if (!loaded->in_section || (!loaded->gone && !loaded->waited_for))
				continue;
			pr_emerg("the read section of %s is broken\n",
				 nslab_actor_name(actor));
			print_history(loaded);
		}
}

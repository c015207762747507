/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls that the hook patches place in the kernel. Included as <linux/nslab.h>,
 * and by most of the kernel: a change here compiles nearly all of it again.
 *
 * What stands in a hook by its name (a point, a subject, a variant) is an object
 * that the linker finds. So no list of them is needed here, and a new one compiles
 * only the files that use it.
 */
#ifndef KERNEL_NSLAB_HOOKS_H
#define KERNEL_NSLAB_HOOKS_H

#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/instruction_pointer.h>
#include <linux/random.h>
#include <linux/types.h>

struct fault_attr;
struct kmem_cache;
struct lockdep_map;
struct nslab_actor;
struct nslab_named_point;
struct nslab_subject;
struct task_struct;

#ifdef CONFIG_NSLAB

void __nslab_point(struct nslab_named_point *point, unsigned long ip);
void __nslab_task_exit(void);
int nslab_hide(void);
void nslab_show(int hidden);
bool nslab_should_fail(struct fault_attr *attr);
void nslab_add_fault_attr(struct fault_attr *attr);
bool nslab_access(const void *addr, size_t size, bool write, unsigned long ip);
void __nslab_object_alloc(struct kmem_cache *cache, void *object);
void __nslab_object_free(struct kmem_cache *cache, void *object);
void __nslab_quiesce(void);
void __nslab_block(void);
void __nslab_resume(void);
void __nslab_may_sleep(void);
void nslab_kasan_reports(void);
void nslab_yield(void);
void __nslab_lock(struct lockdep_map *lock, bool taken);
void __nslab_loaded(const struct nslab_subject *subject,
		    const struct task_struct *task, const void *object);
void __nslab_grace_period(const struct nslab_subject *subject,
			  const void *object);
void __nslab_switching(const struct nslab_subject *subject,
		       const struct task_struct *task, const void *next);
void __nslab_switched(const struct nslab_subject *subject,
		      const struct task_struct *task);

void __nslab_set_back(void *variable, size_t size);
void __nslab_gone(struct kmem_cache *cache, const void *object);
void nslab_restart_net(void);
void nslab_restart_random(void);
void nslab_restart_slabs(void);
void nslab_empty_quarantine(void);

extern bool nslab_watch_ready;
extern bool nslab_sets_back;
extern unsigned int nslab_nr_set_back;

/**
 * nslab_point_ip() - an actor may be delayed or preempted here
 * @id: the named point, without its prefix: see core/points.def and points.def of
 *	the subjects
 * @ip: the instruction the trace shall name
 *
 * Every task that is no actor pays one load and one branch.
 */
#define nslab_point_ip(id, ip)						\
do {									\
	extern struct nslab_named_point nslab_point_##id;		\
									\
	if (unlikely(current->nslab))					\
		__nslab_point(&nslab_point_##id, ip);			\
} while (0)

#define nslab_task_exit()						\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_task_exit();					\
} while (0)

/* A child is never an actor by birth. */
#define nslab_task_fork(tsk)						\
do {									\
	if (unlikely((tsk)->nslab)) {					\
		(tsk)->nslab = NULL;					\
		(tsk)->make_it_fail = 0;				\
	}								\
} while (0)

/*
 * KASAN's shadow of watched memory: this, and in the lower bits what would stand
 * there without the lab. No value of KASAN's own is like it.
 */
#define NSLAB_SHADOW_MARK	0xe0

/**
 * nslab_shadow() - what a byte of KASAN's shadow would be without the lab
 * @shadow: what it is
 */
static __always_inline s8 nslab_shadow(s8 shadow)
{
	return (shadow & 0xf8) == NSLAB_SHADOW_MARK ? shadow & 7 : shadow;
}

/* A slab object comes into being, or is about to end. */
#define nslab_object_alloc(cache, object)				\
do {									\
	if (nslab_watch_ready)						\
		__nslab_object_alloc(cache, object);			\
} while (0)

#define nslab_object_free(cache, object)				\
do {									\
	if (nslab_watch_ready)						\
		__nslab_object_free(cache, object);			\
	if (unlikely(nslab_nr_set_back))				\
		__nslab_gone(cache, object);				\
} while (0)

/**
 * nslab_set_back() - a variable that counts on and on is about to change
 * @variable: its address; one, two, four or eight bytes, static or in a slab object
 *
 * The next execution finds it as this one did: ids decide where in a tree something
 * is, how long a text is, and in which bucket of a hash table.
 */
#define nslab_set_back(variable)					\
do {									\
	if (unlikely(nslab_sets_back))					\
		__nslab_set_back(variable, sizeof(*(variable)));	\
} while (0)

/* A read section is about to be entered. */
#define nslab_quiesce()							\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_quiesce();					\
} while (0)

/* In schedule(): current is about to sleep, and has been woken. */
#define nslab_block()							\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_block();					\
} while (0)

#define nslab_resume()							\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_resume();					\
} while (0)

/* Current says that it may sleep here, which a loop does again and again. */
#define nslab_may_sleep()						\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_may_sleep();					\
} while (0)

#define nslab_lock(lock, taken)						\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_lock(lock, taken);				\
} while (0)

/*
 * For the oracles: what becomes of a pointer that a task publishes. @subject is
 * the name of the subject, as it is written in C: nslab_loaded(widget, task, object).
 */

/* Current has loaded the pointer of @task: @object, and not yet looked at it. */
#define nslab_loaded(subject, task, object)				\
do {									\
	extern const struct nslab_subject nslab_subject_##subject;	\
									\
	if (unlikely(current->nslab))					\
		__nslab_loaded(&nslab_subject_##subject, task, object);	\
} while (0)

/* The grace period after the last reference on @object was dropped is over. */
#define nslab_grace_period(subject, object)				\
do {									\
	extern const struct nslab_subject nslab_subject_##subject;	\
									\
	__nslab_grace_period(&nslab_subject_##subject, object);		\
} while (0)

/* @task, which is current, is about to publish @next. */
#define nslab_switching(subject, task, next)				\
do {									\
	extern const struct nslab_subject nslab_subject_##subject;	\
									\
	__nslab_switching(&nslab_subject_##subject, task, next);	\
} while (0)

/* It has published it, and has put what it published before. */
#define nslab_switched(subject, task)					\
do {									\
	extern const struct nslab_subject nslab_subject_##subject;	\
									\
	__nslab_switched(&nslab_subject_##subject, task);		\
} while (0)

/* The host's entropy would make two boots differ. */
#define nslab_fix_seed(buf, len)	memset(buf, 'n', len)

#else

static inline int nslab_hide(void)
{
	return 0;
}

static inline void nslab_show(int hidden)
{
}

#define nslab_point_ip(id, ip)	do { } while (0)
#define nslab_task_exit()	do { } while (0)
#define nslab_task_fork(tsk)	do { } while (0)
#define nslab_fix_seed(buf, len)	do { } while (0)
#define nslab_access(addr, size, write, ip)	false
#define nslab_shadow(shadow)	(shadow)
#define nslab_object_alloc(cache, object)	do { } while (0)
#define nslab_object_free(cache, object)	do { } while (0)
#define nslab_set_back(variable)	do { } while (0)
#define nslab_quiesce()		do { } while (0)
#define nslab_block()		do { } while (0)
#define nslab_resume()		do { } while (0)
#define nslab_may_sleep()	do { } while (0)
#define nslab_kasan_reports()	do { } while (0)
#define nslab_lock(lock, taken)	do { } while (0)
#define nslab_loaded(subject, task, object)	do { } while (0)
#define nslab_grace_period(subject, object)	do { } while (0)
#define nslab_switching(subject, task, next)	do { } while (0)
#define nslab_switched(subject, task)	do { } while (0)

#define nslab_should_fail(attr)	((attr)->probability > get_random_u32_below(100))
#define nslab_add_fault_attr(attr)	do { } while (0)

#endif /* CONFIG_NSLAB */

#define nslab_point(id)		nslab_point_ip(id, _THIS_IP_)

/*
 * guard(nslab_hidden)(): until the end of the block, current reaches no points and
 * no faults.
 *
 * For what depends on the state of user memory: how many pages an actor finds
 * mapped differs from the first execution of a boot to the second.
 */
DEFINE_LOCK_GUARD_0(nslab_hidden, _T->hidden = nslab_hide(),
		    nslab_show(_T->hidden), int hidden)

#endif /* KERNEL_NSLAB_HOOKS_H */

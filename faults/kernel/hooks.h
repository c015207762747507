/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls that the hook patches place in the kernel. Included as <linux/nslab.h>,
 * and by most of the kernel: a change here compiles nearly all of it again.
 */
#ifndef KERNEL_NSLAB_HOOKS_H
#define KERNEL_NSLAB_HOOKS_H

#include <linux/compiler.h>
#include <linux/instruction_pointer.h>
#include <linux/random.h>
#include <linux/types.h>

struct fault_attr;
struct kmem_cache;
struct lockdep_map;
struct nslab_actor;
struct nsproxy;
struct task_struct;

enum nslab_point {
#define NSLAB_POINT(id, name, class, about) NSLAB_##id,
#include "subjects/nsproxy/points.def"
#undef NSLAB_POINT
	NSLAB_NR_POINTS,
};

#ifdef CONFIG_NSLAB

void __nslab_point(enum nslab_point point, unsigned long ip);
void __nslab_task_exit(void);
int nslab_hide(void);
void nslab_show(int *hidden);
bool nslab_should_fail(struct fault_attr *attr);
void nslab_add_fault_attr(struct fault_attr *attr);
bool nslab_access(const void *addr, size_t size, bool write, unsigned long ip);
void __nslab_object_alloc(struct kmem_cache *cache, void *object);
void __nslab_object_free(struct kmem_cache *cache, void *object);
void __nslab_quiesce(void);
void __nslab_block(void);
void __nslab_resume(void);
void __nslab_may_sleep(void);
void nslab_freeze(void);
void nslab_kasan_reports(void);
void nslab_yield(void);
void __nslab_lock(struct lockdep_map *lock, bool taken);
void __nslab_loaded(const struct task_struct *task,
		    const struct nsproxy *nsproxy);
void nslab_grace_period(const struct nsproxy *nsproxy);
void nslab_switching(const struct task_struct *task,
		     const struct nsproxy *next);
void nslab_switched(const struct task_struct *task);

extern bool nslab_watch_ready;

/**
 * nslab_point_ip() - an actor may be delayed here
 * @id: the point, without its prefix
 * @ip: the instruction the trace shall name
 *
 * Everybody who is no actor pays one load and one branch.
 */
#define nslab_point_ip(id, ip)						\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_point(NSLAB_##id, ip);				\
} while (0)

#define nslab_task_exit()						\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_task_exit();					\
} while (0)

/**
 * nslab_hidden() - until the end of this block, current meets no points and
 * no faults
 *
 * For what depends on the state of user memory: how many pages an actor finds
 * mapped differs from the first execution of a boot to the second.
 */
#define nslab_hidden()	int __nslab_hidden __cleanup(nslab_show) = nslab_hide()

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

/* For the oracles: what becomes of a task's nsproxy. */
#define nslab_loaded(task, nsproxy)					\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_loaded(task, nsproxy);				\
} while (0)

/* The host's entropy would make two boots differ. */
#define nslab_fix_seed(buf, len)	memset(buf, 'n', len)

#else

#define nslab_point_ip(id, ip)	do { } while (0)
#define nslab_task_exit()	do { } while (0)
#define nslab_hidden()		do { } while (0)
#define nslab_task_fork(tsk)	do { } while (0)
#define nslab_fix_seed(buf, len)	do { } while (0)
#define nslab_access(addr, size, write, ip)	false
#define nslab_shadow(shadow)	(shadow)
#define nslab_object_alloc(cache, object)	do { } while (0)
#define nslab_object_free(cache, object)	do { } while (0)
#define nslab_quiesce()		do { } while (0)
#define nslab_block()		do { } while (0)
#define nslab_resume()		do { } while (0)
#define nslab_may_sleep()	do { } while (0)
#define nslab_kasan_reports()	do { } while (0)
#define nslab_lock(lock, taken)	do { } while (0)
#define nslab_loaded(task, nsproxy)	do { } while (0)
#define nslab_grace_period(nsproxy)	do { } while (0)
#define nslab_switching(task, next)	do { } while (0)
#define nslab_switched(task)	do { } while (0)

#define nslab_should_fail(attr)	((attr)->probability > get_random_u32_below(100))
#define nslab_add_fault_attr(attr)	do { } while (0)

#endif /* CONFIG_NSLAB */

#define nslab_point(id)		nslab_point_ip(id, _THIS_IP_)

#endif /* KERNEL_NSLAB_HOOKS_H */

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
#include <linux/sched.h>
#include <linux/types.h>

struct fault_attr;
struct kmem_cache;
struct lockdep_map;
struct nslab_actor;
struct nslab_delay;
struct nslab_subject;
struct task_struct;

/* What an actor waits for: these are in uapi.h, too, for the guest program. */
#define NSLAB_WAITS_LOCK	1	/* for a lock whose events are in the trace */
#define NSLAB_WAITS_GRACE	2	/* for a grace period */
#define NSLAB_WAITS_OTHER	3	/* for anything else */

#define NSLAB_OWN_POINT		0xffff
#define NSLAB_EFFECT_OF_OWN	4	/* NSLAB_EFFECT_GLOBAL */

/**
 * struct nslab_named_point - a place in the kernel's code that has a name
 * @name: in lower case; its identifier in C is the same in upper case
 * @delay: of its class; NULL: of none
 * @effect: enum nslab_effect
 * @number: in a trace; NSLAB_OWN_POINT until the kernel has booted if it is the
 *	user's own. Else, divided by NSLAB_POINTS_OF_SUBJECT: the number of its subject
 * @hits: how often actors reached it since boot
 * @executions: how many executions did
 * @last: the last one that did, so that each counts once
 */
struct nslab_named_point {
	const char *name;
	struct nslab_delay *delay;
	u8 effect;
	u16 number;
	u64 hits;
	u64 executions;
	u64 last;
};

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
void __nslab_locking(const struct lockdep_map *lock, bool read, bool tries,
		     unsigned long ip);
void __nslab_tried(bool taken);
void __nslab_unlocked(const struct lockdep_map *lock, bool read);
void __nslab_passing(const struct lockdep_map *lock, unsigned long ip);
void __nslab_acquire(const struct lockdep_map *lock, bool tries, bool read,
		     unsigned long ip);
void __nslab_release(const struct lockdep_map *lock, unsigned long ip);
int nslab_wait_begin(unsigned int reason, unsigned long ip);
void nslab_wait_end(int before, unsigned long ip);
void __nslab_waking(struct nslab_actor *sleeper);
void __nslab_woken(bool woken);
void __nslab_syscall(int number, unsigned long command);
void __nslab_return(int number, long result);
void __nslab_section(bool begins, unsigned long ip);
void __nslab_defer(unsigned long ip);
void __nslab_heap(bool frees);
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
void nslab_restart_keys(void);
void nslab_restart_net(void);
void nslab_restart_random(void);
void nslab_restart_slabs(void);
void nslab_empty_quarantine(void);

extern bool nslab_reuse;
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

/*
 * NSLAB_POINT() - a named point in a patch of the user's
 * @_name: a string; no other point has it
 *
 * An actor can be preempted here, if it can be at all. The name is all that there is to
 * a point: no list has to be changed, and no file is compiled but this one. What comes
 * next may matter to every other actor, as far as the search knows.
 */
#ifndef NSLAB_ITSELF
#define NSLAB_POINT(_name)						\
do {									\
	static struct nslab_named_point __nslab_own = {			\
		.name = _name,						\
		.effect = NSLAB_EFFECT_OF_OWN,				\
		.number = NSLAB_OWN_POINT,				\
	};								\
	static struct nslab_named_point *const __nslab_listed __used	\
		__section("nslab_points") = &__nslab_own;		\
									\
	if (unlikely(current->nslab))					\
		__nslab_point(&__nslab_own, _THIS_IP_);			\
} while (0)
#endif

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
 * KASAN's shadow of watched memory: one of these, and in the lower bits what would
 * stand there without the lab. No value of KASAN's own is like them.
 */
#define NSLAB_SHADOW_MARK	0xe0
/* Watched for one execution only, which finds out what actors share. */
#define NSLAB_SHADOW_PROFILED	0xe8

/**
 * nslab_shadow() - what a byte of KASAN's shadow would be without the lab
 * @shadow: what it is
 */
static __always_inline s8 nslab_shadow(s8 shadow)
{
	return (shadow & 0xf0) == NSLAB_SHADOW_MARK ? shadow & 7 : shadow;
}

/**
 * nslab_keep_mark() - the memory stays, but less of it may be accessed
 * @before: the byte of the shadow
 * @shadow: what KASAN makes of it, 1 to 7
 */
static __always_inline s8 nslab_keep_mark(s8 before, s8 shadow)
{
	return (before & 0xf0) == NSLAB_SHADOW_MARK ? (before & 0xf8) | shadow :
						     shadow;
}

/* Is what is freed now to be used again at once? */
#define nslab_reuses()		unlikely(READ_ONCE(nslab_reuse))

/* A slab object comes into being, or is about to end. */
#define nslab_object_alloc(cache, object)				\
do {									\
	if (nslab_watch_ready)						\
		__nslab_object_alloc(cache, object);			\
	if (unlikely(current->nslab))					\
		__nslab_heap(false);				\
} while (0)

#define nslab_object_free(cache, object)				\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_heap(true);				\
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

/* A read section is about to be entered: let RCU finish with the last one. */
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

/*
 * A lock, by its lockdep map. lockdep tells of each, but of many where the task
 * cannot be preempted any more, or not yet again. So, besides:
 */

/* @lock is about to be taken; a hook before preemption is disabled. */
#define nslab_locking(lock, read, ip)					\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_locking(&(lock)->dep_map, read, false, ip);	\
} while (0)

/* Likewise, unless it is held: nslab_tried() says what came out. */
#define nslab_trying(lock, read, ip)					\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_locking(&(lock)->dep_map, read, true, ip);	\
} while (0)

#define nslab_tried(taken)						\
({									\
	bool __taken = (taken);						\
									\
	if (unlikely(current->nslab))					\
		__nslab_tried(__taken);					\
	__taken;							\
})

/* It has been released, and may be gone already: only its address counts. */
#define nslab_unlocked(lock, read)					\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_unlocked(&(lock)->dep_map, read);		\
} while (0)

/*
 * @lock is about to be taken and released by code that is left out, for something
 * that others can notice: a completion, a semaphore.
 */
#define nslab_passing(lock)						\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_passing(&(lock)->dep_map, _RET_IP_);		\
} while (0)

/* lockdep is told of it. */
#define nslab_acquire(lock, tries, read, ip)				\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_acquire(lock, tries, read, ip);			\
} while (0)

#define nslab_release(lock, ip)						\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_release(lock, ip);				\
} while (0)

/* Current is about to wake @task, and did if that was asleep. */
#define nslab_waking(task)						\
do {									\
	if (unlikely(current->nslab) && unlikely((task)->nslab))	\
		__nslab_waking((task)->nslab);				\
} while (0)

#define nslab_woken(woken)						\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_woken(woken);					\
} while (0)

/* Entry to a system call, with its second argument, and its end. */
#define nslab_syscall(number, command)					\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_syscall(number, command);			\
} while (0)

#define nslab_return(number, result)					\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_return(number, result);				\
} while (0)

/* A read section is about to be entered, or has been left. */
#define nslab_section(begins, ip)					\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_section(begins, ip);				\
} while (0)

/* Something is left to be done after a grace period. */
#define nslab_defer(ip)							\
do {									\
	if (unlikely(current->nslab))					\
		__nslab_defer(ip);					\
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

static inline int nslab_wait_begin(unsigned int reason, unsigned long ip)
{
	return 0;
}

static inline void nslab_wait_end(int before, unsigned long ip)
{
}

#define nslab_point_ip(id, ip)	do { } while (0)
#define NSLAB_POINT(_name)	do { } while (0)
#define nslab_task_exit()	do { } while (0)
#define nslab_task_fork(tsk)	do { } while (0)
#define nslab_fix_seed(buf, len)	do { } while (0)
#define nslab_access(addr, size, write, ip)	false
#define nslab_shadow(shadow)	(shadow)
#define nslab_keep_mark(before, shadow)	(shadow)
#define nslab_reuses()		false
#define nslab_object_alloc(cache, object)	do { } while (0)
#define nslab_object_free(cache, object)	do { } while (0)
#define nslab_set_back(variable)	do { } while (0)
#define nslab_quiesce()		do { } while (0)
#define nslab_block()		do { } while (0)
#define nslab_resume()		do { } while (0)
#define nslab_may_sleep()	do { } while (0)
#define nslab_kasan_reports()	do { } while (0)
#define nslab_locking(lock, read, ip)	do { } while (0)
#define nslab_trying(lock, read, ip)	do { } while (0)
#define nslab_tried(taken)	(taken)
#define nslab_unlocked(lock, read)	do { } while (0)
#define nslab_passing(lock)	do { } while (0)
#define nslab_acquire(lock, tries, read, ip)	do { } while (0)
#define nslab_release(lock, ip)	do { } while (0)
#define nslab_waking(task)	do { } while (0)
#define nslab_woken(woken)	do { } while (0)
#define nslab_syscall(number, command)	do { } while (0)
#define nslab_return(number, result)	do { } while (0)
#define nslab_section(begins, ip)	do { } while (0)
#define nslab_defer(ip)	do { } while (0)
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

/*
 * guard(nslab_lock_wait)(), guard(nslab_grace)(): where current has to wait until the
 * end of the block, it is for a lock, or for a grace period.
 */
DEFINE_LOCK_GUARD_0(nslab_lock_wait,
		    _T->before = nslab_wait_begin(NSLAB_WAITS_LOCK, 0),
		    nslab_wait_end(_T->before, 0), int before)
DEFINE_LOCK_GUARD_0(nslab_grace,
		    _T->before = nslab_wait_begin(NSLAB_WAITS_GRACE, _RET_IP_),
		    nslab_wait_end(_T->before, _RET_IP_), int before)

#endif /* KERNEL_NSLAB_HOOKS_H */

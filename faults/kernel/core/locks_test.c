// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests: what the trace has of locks and system calls. The test is an actor where
 * nobody decides who runs next.
 */

#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
/* It does not include all that it needs. */
#include <linux/bit_spinlock.h>

#include <asm/unistd.h>

#include "actors.h"
#include "locks.h"
#include "trace.h"

#define ALL	(NSLAB_RUN_SHARED | NSLAB_RUN_ALL_POINTS)

static void begin(u32 flags)
{
	nslab_trace_reset();
	nslab_locks_begin();
	nslab_state.run.flags = flags;
	nslab_actors[0] = (struct nslab_actor) { .task = current };
	WRITE_ONCE(nslab_state.running, true);
	current->nslab = &nslab_actors[0];
}

static void end(void)
{
	current->nslab = NULL;
	WRITE_ONCE(nslab_state.running, false);
	nslab_state.run.flags = 0;
	nslab_actors[0].task = NULL;
}

static void expect(struct kunit *test, const struct nslab_event *expected,
		   unsigned int n)
{
	const struct nslab_event *seen;
	unsigned int i, nseen;

	seen = nslab_trace_events(&nseen);
	KUNIT_EXPECT_EQ(test, nseen, n);
	for (i = 0; i < min(n, nseen); i++) {
		KUNIT_EXPECT_EQ_MSG(test, seen[i].kind, expected[i].kind, "event %u", i);
		KUNIT_EXPECT_EQ_MSG(test, seen[i].what, expected[i].what, "event %u", i);
		KUNIT_EXPECT_EQ_MSG(test, seen[i].object, expected[i].object,
				    "event %u", i);
		KUNIT_EXPECT_EQ_MSG(test, seen[i].value, expected[i].value,
				    "event %u", i);
	}
	nslab_trace_reset();
}

#define LOCK(_what, _object) \
	{ .kind = NSLAB_EVENT_LOCK, .what = (_what), .object = (_object) }
#define UNLOCK(_what, _object) \
	{ .kind = NSLAB_EVENT_UNLOCK, .what = (_what), .object = (_object) }
#define HELD(_what, _object) \
	{ .kind = NSLAB_EVENT_LOCK, .what = (_what), .object = (_object), .value = 1 }
#define SPINS	NSLAB_LOCK_SPINS
#define READS	NSLAB_LOCK_READ
#define TRIES	NSLAB_LOCK_TRIES
#define OVER	NSLAB_LOCK_OVER

static DEFINE_SPINLOCK(spin);
static DEFINE_RWLOCK(rw);
static DEFINE_MUTEX(mutex);
static DECLARE_RWSEM(rwsem);
static unsigned long word;

static void locks_that_spin(struct kunit *test)
{
	static const struct nslab_event expected[] = {
		LOCK(SPINS, 1), UNLOCK(SPINS, 1),
		LOCK(SPINS, 1), LOCK(SPINS | READS, 2), UNLOCK(SPINS | READS, 2),
		UNLOCK(SPINS, 1),
		LOCK(SPINS, 2), UNLOCK(SPINS, 2),
		LOCK(SPINS | TRIES, 1), UNLOCK(SPINS, 1),
		LOCK(SPINS, 3), UNLOCK(SPINS, 3),
	};
	unsigned long flags;

	begin(NSLAB_RUN_SHARED);
	spin_lock(&spin);
	spin_unlock(&spin);
	spin_lock_irqsave(&spin, flags);
	read_lock(&rw);
	read_unlock(&rw);
	spin_unlock_irqrestore(&spin, flags);
	write_lock_bh(&rw);
	write_unlock_bh(&rw);
	if (spin_trylock(&spin))
		spin_unlock(&spin);
	bit_spin_lock(3, &word);
	bit_spin_unlock(3, &word);
	end();
	expect(test, expected, ARRAY_SIZE(expected));
}

static void locks_that_sleep(struct kunit *test)
{
	static const struct nslab_event expected[] = {
		LOCK(0, 1), HELD(TRIES, 1), UNLOCK(0, 1),
		LOCK(READS, 2), HELD(TRIES, 2), LOCK(READS | TRIES, 2), UNLOCK(0, 2),
		UNLOCK(0, 2), LOCK(TRIES, 2), UNLOCK(0, 2),
	};

	begin(NSLAB_RUN_SHARED);
	mutex_lock(&mutex);
	if (mutex_trylock(&mutex))
		word = 1;
	mutex_unlock(&mutex);
	down_read(&rwsem);
	if (down_write_trylock(&rwsem))
		word = 1;
	if (down_read_trylock(&rwsem))
		up_read(&rwsem);
	up_read(&rwsem);
	if (down_write_trylock(&rwsem))
		up_write(&rwsem);
	end();
	KUNIT_EXPECT_EQ(test, word, 0);
	expect(test, expected, ARRAY_SIZE(expected));
}

/* Another release is told of, as a point. */
static void with_all_points_their_release_is_one(struct kunit *test)
{
	static const struct nslab_event expected[] = {
		LOCK(0, 1), UNLOCK(0, 1), UNLOCK(OVER, 1),
		LOCK(SPINS, 2), UNLOCK(SPINS, 2),
	};

	begin(ALL);
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	spin_lock(&spin);
	spin_unlock(&spin);
	end();
	expect(test, expected, ARRAY_SIZE(expected));
}

static void without_the_flag_only_those_that_sleep(struct kunit *test)
{
	static const struct nslab_event expected[] = { LOCK(0, 1), UNLOCK(0, 1) };

	begin(NSLAB_RUN_SYNC);
	spin_lock(&spin);
	spin_unlock(&spin);
	rcu_read_lock();
	rcu_read_unlock();
	mutex_lock(&mutex);
	if (mutex_trylock(&mutex))
		word = 1;
	mutex_unlock(&mutex);
	end();
	/* Of the section, two named points. */
	nslab_nr_events.counter -= 2;
	memmove(nslab_events, nslab_events + 2, 2 * sizeof(*nslab_events));
	expect(test, expected, ARRAY_SIZE(expected));

	begin(0);
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	end();
	expect(test, NULL, 0);
}

/* The lab's own ioctls are none of the actor's. */
static void calls_are_told_with_their_errors(struct kunit *test)
{
	static const struct nslab_event expected[] = {
		{ .kind = NSLAB_EVENT_SYSCALL, .what = __NR_semop },
		{ .kind = NSLAB_EVENT_RETURN, .what = __NR_semop, .value = EIDRM },
		{ .kind = NSLAB_EVENT_SYSCALL, .what = __NR_ioctl },
		{ .kind = NSLAB_EVENT_RETURN, .what = __NR_ioctl },
	};

	begin(NSLAB_RUN_SHARED);
	__nslab_return(__NR_ioctl, 0);
	__nslab_syscall(__NR_semop, 0);
	__nslab_return(__NR_semop, -EIDRM);
	__nslab_syscall(__NR_ioctl, 0x5401);
	__nslab_return(__NR_ioctl, 42);
	__nslab_syscall(__NR_ioctl, NSLAB_IOC_LEAVE);
	__nslab_return(__NR_ioctl, 0);
	end();
	expect(test, expected, ARRAY_SIZE(expected));
}

static struct kunit_case nslab_locks_cases[] = {
	KUNIT_CASE(locks_that_spin),
	KUNIT_CASE(locks_that_sleep),
	KUNIT_CASE(with_all_points_their_release_is_one),
	KUNIT_CASE(without_the_flag_only_those_that_sleep),
	KUNIT_CASE(calls_are_told_with_their_errors),
	{}
};

static struct kunit_suite nslab_locks_suite = {
	.name = "nslab-locks",
	.test_cases = nslab_locks_cases,
};

kunit_test_suite(nslab_locks_suite);

MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0
/*
 * A task makes a semaphore, a segment and a message queue in an ipc namespace of
 * its own and leaves it, for another one or by its exit. Who follows it by
 * setns() finds all three where they were made and nowhere else, and the
 * semaphore undone once the maker has left.
 */

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("ipc-objects-vs-unshare",
	 "setns() to an ipc namespace with objects against unshare() and exit");
REACHES("validate_nsset", "unshare_commit", "setns_commit",
	"exit_before_namespaces");

#define TRIES	3
#define KEY	0x6e736c

static const char queue[] = "/nsl";

/* How the maker leaves. */
enum { BY_UNSHARE, BY_EXIT, WAYS };

INPUTS(WAYS);

STATE {
	long where;		/* the namespace that the objects are in */
	bool made, leaving, left;
	struct trail trail;
};

/* The follower's. */
static int own = -1, pidfd = -1, open_queue = -1;

ACTOR(maker, FRESH)
{
	struct sembuf up = { .sem_op = 1, .sem_flg = SEM_UNDO };
	int sem;

	REQUIRE(MARKED(unshare(CLONE_NEWIPC), ERRNOS_UNSHARE));
	REQUIRE(self->where = namespace_of(getpid(), "ipc"));
	REQUIRE(sem = MARKED(mq_open(queue, O_CREAT | O_RDWR, 0600, NULL),
			     ERRNOS_IPC));
	mq_close(sem);
	REQUIRE(MARKED(shmget(KEY, 1, IPC_CREAT | 0600), ERRNOS_IPC));
	REQUIRE(sem = MARKED(semget(KEY, 1, IPC_CREAT | 0600), ERRNOS_IPC));
	REQUIRE(MARKED(semop(sem, &up, 1), ERRNOS_IPC));
	self->made = true;
	self->leaving = true;
	if (scenario_input() == BY_EXIT)
		_exit(0);
	REQUIRE(MARKED(unshare(CLONE_NEWIPC), ERRNOS_UNSHARE));
	self->left = true;
}

static int use_queue(void)
{
	if (open_queue >= 0)
		mq_close(open_queue);
	open_queue = mq_open(queue, O_RDWR);
	return open_queue;
}

/* Nobody else goes where they are: what was there before, is there. */
static void see_objects(void)
{
	bool made = self->made, left = self->left;
	int sem, value;

	sem = semget(KEY, 0, 0);
	if (sem < 0 && !made && errno == ENOENT)
		return;
	REQUIRE(sem);
	REQUIRE(value = semctl(sem, 0, GETVAL));
	if (left)
		ASSERT_EQ(0, value);
	else if (made && !self->leaving)
		ASSERT_EQ(1, value);
	else
		ASSERT_TRUE(value == 0 || value == 1);
	REQUIRE(shmget(KEY, 1, 0));
	REQUIRE(use_queue());
}

static void see_nothing(void)
{
	ASSERT_TRUE(semget(KEY, 0, 0) < 0 && errno == ENOENT);
	ASSERT_TRUE(shmget(KEY, 0, 0) < 0 && errno == ENOENT);
	ASSERT_TRUE(use_queue() < 0 && (errno == ENOENT || scenario_injected()));
}

ACTOR(follower, KEPT)
{
	long number;
	int i, ret;

	if (own < 0)
		own = namespaces_dir(getpid());
	REQUIRE(pidfd = syscall(SYS_pidfd_open, actor_pid("maker"), 0));
	for (i = 0; i < TRIES; i++) {
		ret = MARKED(setns(pidfd, CLONE_NEWIPC), ERRNOS_SETNS);
		if (ret && scenario_injected())
			return;
		/* Gone: then we stay, perhaps with the objects. */
		if (scenario_input() == BY_EXIT)
			ASSERT_ERRNO_IN(ret, ESRCH);
		else
			REQUIRE(ret);
		self->left |= ret < 0;
		REQUIRE(number = namespace_at(own, "ipc"));
		if (trail_turns_back(&self->trail, number))
			FAIL("try %d: in %ld again", i, number);
		if (number == self->where)
			see_objects();
		else if (self->where)
			see_nothing();
	}
}

AFTER(follower)
{
	close(pidfd);
	mq_close(open_queue);
	open_queue = -1;
	REQUIRE(namespaces_restore());
}

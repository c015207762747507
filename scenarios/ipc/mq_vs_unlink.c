// SPDX-License-Identifier: GPL-2.0
/*
 * A POSIX queue is opened and used while its name is removed. Who has opened it
 * has it until it closes it: what it sends, it receives.
 */

#include <fcntl.h>
#include <mqueue.h>

#include "ipc/lib/errnos.h"
#include "ipc/lib/keeper.h"
#include "lib/scenario.h"

SCENARIO("mq-vs-unlink", "mq_open() and mq_send() against mq_unlink()");
REACHES("mq_opening", "mq_unlinked", "mq_evict");

#define TEXT_MAX	16

static const char queue[] = "/nslab-mq";
static const char text[TEXT_MAX] = "fifteen letters";

STATE {
	bool unlinked;
};

SETUP()
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = TEXT_MAX };
	mqd_t made = mq_open(queue, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);

	ASSERT_TRUE(made >= 0);
	mq_close(made);
}

static void send_and_receive(mqd_t mq)
{
	char seen[TEXT_MAX];

	REQUIRE(MARKED(mq_send(mq, text, sizeof(text), 0), ERRNOS_MQ_SEND));
	ASSERT_EQ(TEXT_MAX, mq_receive(mq, seen, sizeof(seen), NULL));
	ASSERT_TRUE(!memcmp(seen, text, sizeof(seen)));
}

ACTOR(user, KEPT)
{
	mqd_t mq = MARKED(mq_open(queue, O_RDWR), ERRNOS_MQ_OPEN);

	ASSERT_ERRNO_IN(mq, ENOENT);
	if (mq < 0)
		return;
	send_and_receive(mq);
	mq_close(mq);
}

ACTOR(unlinker, KEPT)
{
	REQUIRE(mq_unlink(queue));
	self->unlinked = true;
}

CHECK()
{
	if (self->unlinked)
		ASSERT_TRUE(mq_open(queue, O_RDWR) < 0 && errno == ENOENT);
}

TEARDOWN()
{
	if (!self->unlinked)
		mq_unlink(queue);
}

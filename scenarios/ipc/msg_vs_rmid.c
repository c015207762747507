// SPDX-License-Identifier: GPL-2.0
/*
 * A message is sent and received while its queue is removed. The receiver gets
 * the message that was sent, whole, or learns that the queue is gone; neither of
 * the two sleeps on a queue that no task can reach any more.
 */

#include <sys/ipc.h>
#include <sys/msg.h>

#include "ipc/lib/errnos.h"
#include "ipc/lib/keeper.h"
#include "lib/scenario.h"

SCENARIO("msg-vs-rmid", "msgsnd() and msgrcv() against msgctl(IPC_RMID)");
REACHES("ipc_lookup", "ipc_before_rmid", "ipc_last_put");

/* Whether the queue has room for the message, so that its sender need not wait. */
enum { ROOM, FULL, WAYS };

INPUTS(WAYS);

#define TYPE	1
#define FILLER	2

struct message {
	long type;
	long text[4];
};

static const struct message sent = { TYPE, { 11, 12, 13, 14 } };

STATE {
	int id;
	bool removed;
};

/* With a message that no actor receives; there is no room for another one. */
static void fill(void)
{
	struct message filler = { .type = FILLER };
	struct msqid_ds queue;

	ASSERT_TRUE(!msgsnd(self->id, &filler, sizeof(filler.text), 0));
	ASSERT_TRUE(!msgctl(self->id, IPC_STAT, &queue));
	queue.msg_qbytes = sizeof(filler.text);
	ASSERT_TRUE(!msgctl(self->id, IPC_SET, &queue));
}

SETUP()
{
	ASSERT_TRUE(keep_objects());
	self->id = msgget(IPC_PRIVATE, 0600);
	ASSERT_TRUE(self->id >= 0);
	if (scenario_input() == FULL)
		fill();
}

ACTOR(sender, KEPT)
{
	ASSERT_ERRNO_IN(MARKED(msgsnd(self->id, &sent, sizeof(sent.text), 0),
			       ERRNOS_MSGSND), REMOVED);
}

ACTOR(receiver, KEPT)
{
	struct message seen = { .type = 0 };
	ssize_t ret;

	ret = MARKED(msgrcv(self->id, &seen, sizeof(seen.text), TYPE, 0),
		     ERRNOS_MSGRCV);
	ASSERT_ERRNO_IN(ret, REMOVED);
	if (ret < 0)
		return;
	ASSERT_EQ((ssize_t)sizeof(seen.text), ret);
	ASSERT_TRUE(!memcmp(&seen, &sent, sizeof(seen)));
}

ACTOR(remover, KEPT)
{
	REQUIRE(msgctl(self->id, IPC_RMID, NULL));
	self->removed = true;
}

CHECK()
{
	struct msqid_ds queue;

	if (self->removed)
		ASSERT_TRUE(msgctl(self->id, IPC_STAT, &queue) < 0);
}

TEARDOWN()
{
	if (!self->removed)
		msgctl(self->id, IPC_RMID, NULL);
}

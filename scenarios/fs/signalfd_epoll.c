// SPDX-License-Identifier: GPL-2.0
/*
 * A task adds a signalfd to an epoll set and exits; the set waits on a queue in
 * its signal handlers, which go with it. Somebody else closes the set.
 */

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("signalfd-epoll", "epoll on a signalfd against exit");

STATE {
	int signals, set;
};

SETUP()
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	REQUIRE(self->signals = signalfd(-1, &mask, SFD_CLOEXEC));
	REQUIRE(self->set = epoll_create1(EPOLL_CLOEXEC));
}

ACTOR(adder, FRESH_REAPED)
{
	struct epoll_event event = { .events = EPOLLIN };

	REQUIRE(MARKED(epoll_ctl(self->set, EPOLL_CTL_ADD, self->signals,
				 &event), ENOMEM, ENOSPC));
	_exit(0);
}

ACTOR(waiter, FRESH)
{
	struct epoll_event event;

	REQUIRE(epoll_wait(self->set, &event, 1, 0));
	close(self->set);
}

CHECK()
{
	/* Signal handlers are freed when the clock goes on. */
	usleep(200000);
	close(self->set);
}

TEARDOWN()
{
	close(self->signals);
}

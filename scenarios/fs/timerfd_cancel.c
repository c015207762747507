// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks set one timer that a change of the clock cancels; one of them takes
 * that back.
 */

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("timerfd-cancel", "two timerfd_settime(TFD_TIMER_CANCEL_ON_SET)");

/* Who sets it, and who takes it back. */
enum { BOTH_SET, ONE_TAKES_BACK, WAYS };

INPUTS(WAYS);

#define NEVER	4000000000	/* seconds since 1970 */

STATE {
	int timer;
};

SETUP()
{
	self->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
	REQUIRE(self->timer);
}

static int set(int flags)
{
	struct itimerspec at = { .it_value.tv_sec = NEVER };

	return timerfd_settime(self->timer, TFD_TIMER_ABSTIME | flags, &at,
			       NULL);
}

ACTOR(one, FRESH)
{
	REQUIRE(set(TFD_TIMER_CANCEL_ON_SET));
	if (scenario_input() == ONE_TAKES_BACK)
		REQUIRE(set(0));
}

ACTOR(other, FRESH)
{
	REQUIRE(set(TFD_TIMER_CANCEL_ON_SET));
}

TEARDOWN()
{
	close(self->timer);
}

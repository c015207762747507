// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks join a session keyring by its name, twice. Afterwards each refers to
 * it once.
 */

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keys/lib/proc_keys.h"
#include "lib/scenario.h"

SCENARIO("keyring-join", "two tasks join a session keyring they may have");

#define ANYTHING	0x3f3f3f3f

STATE {
	int dummy;
};

static long join(void)
{
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "nslab");
}

static void join_twice(void)
{
	REQUIRE(MARKED(join(), ENOMEM, EDQUOT));
	/* So that the other finds it. */
	REQUIRE(syscall(SYS_keyctl, KEYCTL_SETPERM, KEY_SPEC_SESSION_KEYRING,
			ANYTHING));
	REQUIRE(MARKED(join(), ENOMEM, EDQUOT));
}

ACTOR(one, FRESH)
{
	join_twice();
}

ACTOR(other, FRESH)
{
	join_twice();
}

CHECK()
{
	struct keys_seen seen;

	/* The credentials that were replaced go when the clock goes on. */
	usleep(200000);
	ASSERT_TRUE(!keys_named("nslab", &seen));
	if (seen.references > 2)
		FAIL("%d references to %d keyrings of two tasks",
		     seen.references, seen.keys);
}

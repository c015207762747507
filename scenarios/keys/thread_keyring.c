// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks ask for their thread keyring again and again: each has one.
 */

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keys/lib/proc_keys.h"
#include "lib/scenario.h"

SCENARIO("thread-keyring", "two tasks use their thread keyrings twice");

STATE {
	int dummy;
};

static long use(void)
{
	return syscall(SYS_keyctl, KEYCTL_SET_REQKEY_KEYRING,
		       KEY_REQKEY_DEFL_THREAD_KEYRING);
}

ACTOR(one, FRESH)
{
	REQUIRE(MARKED(use(), ENOMEM));
	REQUIRE(MARKED(use(), ENOMEM));
}

ACTOR(other, FRESH)
{
	REQUIRE(MARKED(use(), ENOMEM));
	REQUIRE(MARKED(use(), ENOMEM));
}

CHECK()
{
	struct keys_seen seen;

	ASSERT_TRUE(!keys_named("_tid", &seen));
	if (seen.keys > 2)
		FAIL("two tasks have %d thread keyrings", seen.keys);
}

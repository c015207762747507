// SPDX-License-Identifier: GPL-2.0
/*
 * A key is read while it is revoked: its text, whole, or none.
 */

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("key-revoke", "keyctl(READ) against keyctl(REVOKE)");

#define ANYTHING	0x3f3f3f3f

static const char secret[] = "secret";

STATE {
	int key;
};

SETUP()
{
	self->key = syscall(SYS_add_key, "user", "nslab", secret,
			    sizeof(secret), KEY_SPEC_USER_KEYRING);
	REQUIRE(self->key);
	REQUIRE(syscall(SYS_keyctl, KEYCTL_SETPERM, self->key, ANYTHING));
}

ACTOR(reader, KEPT)
{
	char text[16];
	long len = MARKED_AS("keyctl(READ)",
			     syscall(SYS_keyctl, KEYCTL_READ, self->key, text,
				     sizeof(text)), ENOMEM, EKEYREVOKED);

	ASSERT_ERRNO_IN(len, EKEYREVOKED);
	if (len < 0)
		return;
	ASSERT_EQ((long)sizeof(secret), len);
	ASSERT_TRUE(!memcmp(text, secret, sizeof(secret)));
}

ACTOR(revoker, KEPT)
{
	REQUIRE(syscall(SYS_keyctl, KEYCTL_REVOKE, self->key));
}

TEARDOWN()
{
	syscall(SYS_keyctl, KEYCTL_UNLINK, self->key, KEY_SPEC_USER_KEYRING);
}

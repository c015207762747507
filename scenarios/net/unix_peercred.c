// SPDX-License-Identifier: GPL-2.0
/*
 * SO_PEERCRED of a listening socket is read while listen() says anew who is
 * listening. The one who did so before is dead, and nobody else refers to it.
 */

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/scenario.h"

SCENARIO("unix-peercred", "getsockopt(SO_PEERCRED) against listen()");

STATE {
	int sock;
};

SETUP()
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	pid_t pid;

	self->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(self->sock);
	REQUIRE(bind(self->sock, (void *)&any, sizeof(any.sun_family)));
	REQUIRE(pid = fork());
	if (!pid)
		_exit(listen(self->sock, 1) != 0);
	REQUIRE(waitpid(pid, NULL, 0));
}

ACTOR(reader, FRESH)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	REQUIRE(getsockopt(self->sock, SOL_SOCKET, SO_PEERCRED, &cred, &len));
}

ACTOR(listener, FRESH)
{
	REQUIRE(listen(self->sock, 1));
}

TEARDOWN()
{
	close(self->sock);
}

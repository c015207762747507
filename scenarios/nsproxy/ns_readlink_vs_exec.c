// SPDX-License-Identifier: GPL-2.0
/*
 * A reader follows both time namespaces of a task that asks for a new one, which
 * it enters as it executes a program. The new one is seen for children first,
 * then everywhere, and neither link ever goes back.
 */

#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "nsproxy/lib/errnos.h"
#include "nsproxy/lib/namespaces.h"
#include "lib/scenario.h"

SCENARIO("ns-readlink-vs-exec",
	 "readlink of time and time_for_children against execve() and exit");
REACHES("timens_get", "timens_for_children_get", "exec_commit",
	"exit_before_namespaces");

#define READS	4

STATE {
	long fresh;	/* the number of the new one */
	bool entered;
	bool gone;
};

/*
 * A program as small as they come, in x86-64: it asks for its parent a few
 * times, to let a reader see it, and exits.
 */
static const struct program {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	unsigned char code[25];
} program = {
	.header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = 0x400000 + offsetof(struct program, code),
		.e_phoff = offsetof(struct program, segment),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	},
	.segment = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_vaddr = 0x400000,
		.p_filesz = sizeof(program),
		.p_memsz = sizeof(program),
		.p_align = 0x1000,
	},
	.code = {
		0xbb, 16, 0, 0, 0,	/*    mov $16, %ebx */
		0xb8, 110, 0, 0, 0,	/* 1: mov $SYS_getppid, %eax */
		0x0f, 0x05,		/*    syscall */
		0xff, 0xcb,		/*    dec %ebx */
		0x75, 0xf5,		/*    jnz 1b */
		0x31, 0xff,		/*    xor %edi, %edi */
		0xb8, 60, 0, 0, 0,	/*    mov $SYS_exit, %eax */
		0x0f, 0x05,		/*    syscall */
	},
};

static const char path[] = "/tmp/exit";

SETUP()
{
	static bool written;
	int fd;

	if (written)
		return;
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	ASSERT_EQ(sizeof(program), write(fd, &program, sizeof(program)));
	close(fd);
	written = true;
}

/* What fails in the new program fails fatally; nobody looks how it ended. */
ACTOR(target, FRESH_REAPED)
{
	char * const argv[] = { "exit", NULL };

	REQUIRE(MARKED(unshare(CLONE_NEWTIME), ERRNOS_UNSHARE));
	REQUIRE(execv(path, argv));
}

/* Return: the number, or 0 if it could not be seen. */
static long look(const char *link)
{
	long seen = namespace_of(actor_pid("target"), link);

	if (seen >= 0 && self->gone)
		scenario_fail(__FILE__, __LINE__, "alive again, in %ld", seen);
	if (seen >= 0)
		return seen;
	if (scenario_injected())
		return 0;
	/* No namespaces any more; no task; none since just now. */
	if (errno != ENOENT && errno != ESRCH && errno != EACCES)
		scenario_fail(__FILE__, __LINE__, "%s: unexpected %s", link,
			      strerror(errno));
	self->gone = true;
	return 0;
}

ACTOR(reader, KEPT)
{
	long old, time, children;
	int i;

	REQUIRE(old = namespace_of(getpid(), "time"));
	for (i = 0; i < READS; i++) {
		/* In this order: the task is where its children were to be. */
		time = look("time");
		children = look("time_for_children");
		if (!time || !children)
			continue;
		if (children != old && !self->fresh)
			self->fresh = children;
		if (time != old)
			self->entered = true;
		if (children != (self->fresh ?: old))
			FAIL("read %d: children in %ld, expected %ld", i,
			     children, self->fresh ?: old);
		if (time != (self->entered ? children : old))
			FAIL("read %d: in %ld, expected %ld", i, time,
			     self->entered ? children : old);
	}
}

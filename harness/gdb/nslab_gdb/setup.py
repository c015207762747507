# SPDX-License-Identifier: GPL-2.0
"""gdb's own settings: signals, sources, how the guest is started."""

from __future__ import annotations

import os
import shlex
import sys

import gdb

from nslab_gdb.session import Session

# What UML lives on: faults of the guest, its timers and interrupts, its processes' stops; and
# what it dies of, which is told when it has.
_SIGNALS = (
    "SIGSEGV SIGUSR1 SIGUSR2 SIGALRM SIGVTALRM SIGIO SIGCHLD SIGSYS SIGWINCH "
    "SIGTERM SIGCONT SIGABRT"
)


def settings(session: Session) -> None:
    """Set gdb up. Raises gdb.error."""
    environment = ("env", "-i", f"PATH={os.defpath}", f"TMPDIR={session.memory}")
    output = f">{shlex.quote(str(session.console))} 2>&1"
    results = f"{session.fd}>{shlex.quote(str(session.folder / 'results.jsonl'))}"
    for command in (
        f"handle {_SIGNALS} nostop noprint pass",
        "set startup-with-shell on",
        f"set exec-wrapper {shlex.join(environment)}",
        f"set args {shlex.join(session.arguments)} </dev/null {output} {results}",
        f"set cwd {session.scratch}",
        f"set inferior-tty {session.tty}",
        f"set substitute-path /proc/self/cwd {session.out}",
        "set print inferior-events off",
        "set print thread-events off",
        "set python print-stack message",
        # Nothing of what is looked at comes from the network.
        "set debuginfod enabled off",
    ):
        gdb.execute(command, to_string=True)
    if not sys.stdin.isatty():
        gdb.execute("set confirm off")

# SPDX-License-Identifier: GPL-2.0
"""A command that has the terminal to itself: Ctrl-C and Ctrl-Z are its own, not its parents'."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Iterator, Mapping, Sequence

from nslab_lab.host import interrupts


def run(command: Sequence[str], environment: Mapping[str, str], *, silent: bool = False) -> int:
    """Run @command to its end; its exit status as a shell has it. @silent: it reads nothing.

    With a terminal it is a foreground job: make and other processes that wait for it see no Ctrl-C,
    and is stopped with it by Ctrl-Z. Whatever ends this call ends the command.
    """
    has_terminal = not silent and sys.stdin.isatty()
    process: subprocess.Popen[bytes] | None = None
    try:
        with interrupts.held():
            process = subprocess.Popen(
                command, env=environment, process_group=0,
                stdin=subprocess.DEVNULL if silent else None,
            )  # fmt: skip
        if not has_terminal:
            return _status(os.waitpid(process.pid, 0)[1])
        with _foreground(process.pid):
            return _wait(process.pid)
    finally:
        if process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.returncode = 0  # it was waited for, or dies with us


def _wait(pid: int) -> int:
    while True:
        status = os.waitpid(pid, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(status):
            return _status(status)
        # Ctrl-Z: the shell gets the terminal back when its whole job stands still.
        _give_terminal(os.getpgrp())
        os.killpg(0, signal.SIGSTOP)
        _give_terminal(pid)
        os.killpg(pid, signal.SIGCONT)


@contextlib.contextmanager
def _foreground(group: int) -> Iterator[None]:
    # A job in the background that changes the terminal is stopped, unless it ignores that.
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        _give_terminal(group)
        os.killpg(group, signal.SIGCONT)  # it may have asked for the terminal before
        yield
    finally:
        _give_terminal(os.getpgrp())
        signal.signal(signal.SIGTTOU, before)


def _give_terminal(group: int) -> None:
    with contextlib.suppress(OSError):  # there is none any more
        os.tcsetpgrp(sys.stdin.fileno(), group)


def _status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code

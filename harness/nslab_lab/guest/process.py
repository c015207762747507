# SPDX-License-Identifier: GPL-2.0
"""The host processes of one guest: started together, waited for, and never left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path

from nslab_lab.guest import demands
from nslab_lab.guest.machine import Machine, command
from nslab_lab.host import interrupts
from nslab_lab.plans.plan import BootPlan

# How often a guest's end is looked for where the host gives no pidfd, host seconds.
_NO_PIDFD_S = 0.01
# The C library would ask for restartable sequences, which UML has no use for: then the host has
# something to write into a process each time it gets the CPU, as it does at each system call.
NO_RSEQ = {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}


class Process:
    """The guest's host processes: a session of their own, killed as one."""

    def __init__(
        self, machine: Machine, plan: BootPlan, place: Path, console: Path, results: Path, cpu: int
    ) -> None:
        self.console = console
        self.status: int | None = None
        self._popen: subprocess.Popen[bytes] | None = None
        self._pidfd: int | None = None
        try:
            with interrupts.held(), console.open("xb", buffering=0) as output:
                self._popen = subprocess.Popen(
                    command(machine, plan, results, cpu),
                    cwd=place,
                    env={"PATH": os.defpath, "TMPDIR": str(demands.memory_folder(place)), **NO_RSEQ},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
                self._pidfd = _pidfd_of(self._popen.pid)
            self._poll = select.poll()
            if self._pidfd is not None:
                self._poll.register(self._pidfd, select.POLLIN)
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._popen is None:
            return
        # Not reaped yet, the process still keeps its number: no other group can have it.
        try:
            os.killpg(self._popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.status = self._popen.wait()
        if self._pidfd is not None:
            os.close(self._pidfd)

    def wait(self, seconds: float) -> bool:
        """Whether the guest has ended within @seconds of host time."""
        if self._pidfd is not None:
            return bool(self._poll.poll(seconds * 1000))
        assert self._popen
        end = time.monotonic() + seconds
        while not os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if time.monotonic() >= end:
                return False
            time.sleep(_NO_PIDFD_S)
        return True


def _pidfd_of(pid: int) -> int | None:
    """What can be waited for; None where the host does not let the lab have it, as some containers."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None

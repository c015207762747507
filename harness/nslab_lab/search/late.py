# SPDX-License-Identifier: GPL-2.0
"""Which execution is to blame for a report that came late.

An RCU callback, a work item or the next user of some memory reports what an earlier execution has
freed or left. The boot is run again from a later and later execution on; the last one from which
the same failure still comes is to blame, or at least it has to be there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Sequence as Listed

from nslab_lab.guest import boot_errors, boots
from nslab_lab.guest.boots import Boot, Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Execution
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.token import Token
from nslab_lab.search.failures import Failure, examine


class Stopped(Exception):
    """The run ends meanwhile."""


class Sequence:
    """The executions of a boot up to one that failed, any part of which can be run again."""

    def __init__(
        self,
        machine: Machine,
        failure: Failure,
        part: BootPlan,
        before: Listed[Execution],
        folder: Path,
        stop: Stop,
    ) -> None:
        self._machine = machine
        self._failure = failure
        self._part = part
        self._before = before
        self._folder = folder
        self._stop = stop

    def token_of(self, index: int) -> Token:
        """The token of one of the executions before."""
        one = self._before[index]
        token = replace(self._failure.token, n=one.n)
        return replace(token, strategy=f"replay-{one.schedule}") if one.schedule else token

    def shortest(self) -> int | None:
        """The index of the last one from which on the same failure comes; None: of none."""
        number = len(self._before)
        if not number or (self._searches and self._failure.execution.schedule is None):
            return None
        # Most often it is the one right before.
        passes, size = number, 1
        while not self._fails(max(number - size, 0)):
            if size >= number:
                return None
            passes = number - size
            size *= 2
        fails = max(number - size, 0)
        while passes - fails > 1:
            middle = (fails + passes) // 2
            if self._fails(middle):
                fails = middle
            else:
                passes = middle
        return fails

    @property
    def _searches(self) -> bool:
        return self._part.strategy.searches

    def _fails(self, since: int) -> bool:
        """Whether the same failure comes where the boot begins with that execution."""
        _, failures = examine(self._boot(since), self._machine)
        signature = self._failure.verdict.signature
        return any(one.verdict.signature == signature for one in failures)

    def _boot(self, since: int) -> Boot:
        place = self._folder / str(len(self._before) - since)
        place.mkdir(parents=True)
        token = replace(self._failure.token, first=self._before[since].n)
        like = replace(self._part.of_replay(token), trace=False, idle=0)
        if self._searches:
            ran = [*self._before[since:], self._failure.execution]
            like = replace(like, schedules=tuple(one.schedule or "0" for one in ran))
        boot = boots.boot(self._machine, like, place, self._stop)
        if boot.stopped:
            raise Stopped
        boot_errors.check_boot(boot)
        return boot

# SPDX-License-Identifier: GPL-2.0
"""Schedules are tried, to see which of them show the same failure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Sequence

from nslab_lab.guest import boot_errors, boots
from nslab_lab.guest.boots import Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Step
from nslab_lab.guest.verdict import OF_THE_GONE
from nslab_lab.plans import strategies
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.strategies import Schedule
from nslab_lab.search.failures import Failure, examine

# In one boot, and boots in all.
MAX_CANDIDATES = 4000
MAX_BOOTS = 60
# A schedule that is searched for.
SEARCH_PREEMPTIONS = 2
SEARCH_EXECUTIONS = 4000
DRAWN_EXECUTIONS = 4000


class Stopped(Exception):
    """The run ends meanwhile."""


@dataclass
class Trials:
    """Runs schedules of one execution and compares what comes with the failure."""

    machine: Machine
    failure: Failure
    like: BootPlan
    folder: Path
    stop: Stop
    all_points: bool  # how replays number scheduling points
    idle: int = 0  # executions after each, where the report came in one of them
    reuse: bool = False  # freed memory is used again at once
    nr_boots: int = 0

    def first(self, schedules: Sequence[Schedule]) -> Schedule | None:
        """The first of @schedules that fails in the same way."""
        while schedules and self.nr_boots < MAX_BOOTS:
            texts = tuple(map(str, schedules[:MAX_CANDIDATES]))
            boot = self._boot(self.strategy(texts[0]), schedules=texts)
            executions, failures = examine(boot, self.machine)
            for failure in failures:
                if self.same(failure) and failure.execution.schedule:
                    return strategies.parse_schedule(failure.execution.schedule)
            schedules = schedules[max(len(executions), 1) :]
        return None

    def search(self, failed: Sequence[str]) -> Schedule | None:
        """A schedule that fails in the same way, with as few preemptions as possible."""
        strategy = strategies.Strategy("bounded", preemptions=SEARCH_PREEMPTIONS)
        boot = self._boot(
            strategy, count=SEARCH_EXECUTIONS, failures="".join(failed), reuse=self.reuse
        )
        _, failures = examine(boot, self.machine)
        if not failures or not (schedule := failures[-1].execution.schedule):
            return None
        if not self._takes(failures[-1]):
            return None
        self.all_points = boot.plan.all_points
        return strategies.parse_schedule(schedule)

    def draw(self, strategy: strategies.Strategy) -> Sequence[Step]:
        """The steps of an execution that @strategy draws and that fails in the same way, or none."""
        boot = self._boot(strategy, count=DRAWN_EXECUTIONS)
        _, failures = examine(boot, self.machine)
        if not failures or not self._takes(failures[-1]):
            return ()
        token = self.failure.token
        # Which input it has, and what it draws, is by its number.
        self.failure = replace(self.failure, token=failures[-1].token)
        self.all_points = boot.plan.all_points
        self.reuse = boot.plan.reuses(failures[-1].token.n)
        boot = self._boot(strategy, trace=True)
        if any(map(self.same, examine(boot, self.machine)[1])):
            return boot.steps
        self.failure = replace(self.failure, token=token)
        return ()

    def drop_reuse(self, schedule: Schedule) -> None:
        """What @schedule shows if memory is used again, and otherwise as well, is shown without."""
        self.reuse = False
        _, failures = examine(self._boot(self.strategy(str(schedule))), self.machine)
        self.reuse = not (failures and self._takes(failures[-1]))

    def replay(self, schedule: Schedule) -> tuple[Sequence[Step], bool]:
        """The steps of that schedule, and whether it fails in the same way."""
        boot = self._boot(self.strategy(str(schedule)), trace=True, words=True)
        _, failures = examine(boot, self.machine)
        return boot.steps, any(map(self.same, failures))

    def strategy(self, schedule: str) -> strategies.Strategy:
        """That of a replay."""
        return strategies.Strategy(
            "replay", schedule=schedule, all_points=self.all_points, reuse=self.reuse
        )

    def _takes(self, found: Failure) -> bool:
        """Whether @found shows the same; then it is what is looked for from now on."""
        if self.same(found):
            return True
        # A use after free shows itself in more than one way, and to more than one reader.
        same_place = _place_of(found) and _place_of(found) == _place_of(self.failure)
        same_loop = _loops(found) and _loops(found) == _loops(self.failure)
        same_kind = same_loop or (_after_free(found) and _after_free(self.failure))
        if not same_place and not same_kind:
            return False
        self.failure = replace(self.failure, verdict=found.verdict)
        return True

    def same(self, failure: Failure) -> bool:
        """Whether @failure is the one that is looked for."""
        return failure.verdict.signature == self.failure.verdict.signature

    def _boot(self, strategy: strategies.Strategy, **changes: Any) -> boots.Boot:
        self.nr_boots += 1
        token = replace(self.failure.token.solo, strategy=str(strategy))
        values: dict[str, Any] = {"count": 1, "trace": False, "idle": self.idle, **changes}
        boot = boots.boot(
            self.machine, replace(self.like, token=token, **values), self.place(), self.stop
        )
        if boot.stopped:
            raise Stopped
        boot_errors.check_boot(boot)
        return boot

    def place(self) -> Path:
        """A new folder for the next boot."""
        place = self.folder / f"{self.nr_boots:02}"
        place.mkdir(parents=True)
        return place


def _place_of(failure: Failure) -> str:
    """The function in which it showed itself."""
    return (failure.verdict.function or "").partition("+")[0]


def _after_free(failure: Failure) -> bool:
    """Whether it is a use after free: by KASAN, a reference count, or an oracle of the subject's."""
    return failure.verdict.oracle in OF_THE_GONE or "use-after-free" in failure.verdict.headline


def _loops(failure: Failure) -> str:
    """The actor that loops: where it is when it has gone round often enough is chance."""
    found = re.match(r"actor (\S+) (?:spins|does not go on)\b", failure.verdict.headline)
    return found[1] if found and failure.verdict.oracle == "hang" else ""

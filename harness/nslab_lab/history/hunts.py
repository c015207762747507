# SPDX-License-Identifier: GPL-2.0
"""One bug: how soon each strategy finds it, and whether a stress test does."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, Mapping

from nslab_lab.build.catalog import Scenario
from nslab_lab.build.kernel import Kernel
from nslab_lab.cli import options
from nslab_lab.guest import machine as machines
from nslab_lab.guest.boots import Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.history.index import Bug
from nslab_lab.host.errors import LabError
from nslab_lab.matrix.cells import Way
from nslab_lab.plans import plan, profiles, strategies
from nslab_lab.plans.plan import BootPlan, RunPlan
from nslab_lab.search import hunt

STRATEGIES = ("random", "pct", "pos", "bounded")

TIMES = 100  # so much longer than the strategy that was soonest, the stress test is run
LEAST_S = 5  # host seconds that it gets all the same: a guest has to boot
ENDLESS = 10**7  # more executions than it makes


@dataclass(frozen=True)
class Hunt:
    """What came of one strategy."""

    strategy: str
    executions: int  # run; the last one failed, if there is an oracle
    seconds: float  # host time of its guests
    oracle: str = ""  # that reported it; "": nothing was found
    headline: str = ""
    token: str = ""  # of the execution that failed
    error: str = ""  # why it could not be run, or to its end

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "seconds": round(self.seconds, 2)}


@dataclass(frozen=True)
class Result:
    """What came of one bug."""

    bug: Bug
    kernel_id: str
    hunts: tuple[Hunt, ...]  # of STRATEGIES
    unsteered: Hunt | None  # the stress test; None: it was not run
    given_s: float = 0  # the host seconds that it had

    @property
    def by(self) -> list[Hunt]:
        """The strategies that found it, the soonest first."""
        return sorted((one for one in self.hunts if one.oracle), key=lambda one: one.seconds)

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.bug.id, "kernel_id": self.kernel_id,
            "hunts": [one.data() for one in self.hunts],
            "unsteered": self.unsteered and self.unsteered.data(), "given_s": round(self.given_s, 2),
        }  # fmt: skip


def from_data(bug: Bug, data: Mapping[str, Any]) -> Result:
    """The inverse of Result.data(). Raises KeyError, TypeError."""
    stress = data["unsteered"]
    return Result(
        bug, data["kernel_id"], tuple(Hunt(**one) for one in data["hunts"]),
        Hunt(**stress) if stress else None, data["given_s"],
    )  # fmt: skip


def given(soonest_s: float | None, cap_s: int) -> int:
    """The host seconds that the stress test has.

    @soonest_s: what the soonest strategy took; None: nothing was found.
    """
    if soonest_s is None:
        return cap_s
    return min(max(LEAST_S, round(TIMES * soonest_s)), cap_s)


@dataclass(frozen=True)
class Hunter:
    """Where and how bugs are looked for on one kernel."""

    kernel: Kernel
    machine: Machine
    folder: Path
    stop: Stop
    executions: int  # of each strategy at most; of a bounded search, of each input
    cap_s: int  # host seconds of the stress test at most

    def all(self, bug: Bug, scenario: Scenario, jobs: int) -> Result:
        """Look for a bug in all ways, @jobs strategies at a time."""
        with ThreadPoolExecutor(jobs) as executor:
            hunts = tuple(
                executor.map(lambda name: self.steered(bug, scenario, name), STRATEGIES)
            )
        result = Result(bug, self.kernel.id, hunts, None)
        if self.stop.is_set():
            return result
        given_s = given(result.by[0].seconds if result.by else None, self.cap_s)
        return replace(result, unsteered=self.stress(scenario, given_s), given_s=given_s)

    def steered(self, bug: Bug, scenario: Scenario, strategy: str) -> Hunt:
        """What `nslab run` would find with the same strategy and seed 1, up to the first finding."""
        place = self._place(f"{scenario.name}.{strategy}")

        def boots() -> Iterator[BootPlan]:
            run_plan = self._plan(scenario, Way(strategy, bug.profile))
            if strategy == "pct":
                measured = hunt.measure(self.machine, run_plan, place, self.stop, scenario.name)
                run_plan = replace(run_plan, lengths=(measured.length,))
            yield from run_plan.batches(scenario.name)

        return _until_failure(strategy, self.machine, boots(), place, self.stop)

    def _plan(self, scenario: Scenario, way: Way) -> RunPlan:
        profile = profiles.load(way.profile)
        return plan.make(
            self.kernel.name, self.kernel.id, profile, (scenario.name,),
            options.watches(profile, way.full, self.kernel), variant=plan.NO_VARIANT,
            strategy=str(way.full), seed=1, executions=self.executions, findings=1,
            actors=(scenario.actors,), inputs=(scenario.inputs,),
        )  # fmt: skip

    def stress(self, scenario: Scenario, seconds: float) -> Hunt:
        """The same scenario with nothing of the lab: random sleeps, an ordinary clock."""
        place = self._place(f"{scenario.name}.{strategies.UNSTEERED}")
        made = plan.make(
            self.kernel.name, self.kernel.id, profiles.load("none"), (scenario.name,),
            variant=plan.NO_VARIANT, strategy=strategies.UNSTEERED, seed=1, executions=ENDLESS,
            findings=1, actors=(scenario.actors,), inputs=(scenario.inputs,),
        )  # fmt: skip
        boot_plan = made.boot(scenario.name, 1, ENDLESS)
        over = _Over(self.stop)
        timer = threading.Timer(seconds, over.set)
        timer.start()
        try:
            return _until_failure(
                strategies.UNSTEERED, machines.ordinary(self.machine), iter([boot_plan]), place, over
            )
        finally:
            timer.cancel()

    def _place(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir(parents=True)
        return place


class _Over:
    """Set when its time is over, or the command is to end."""

    def __init__(self, stop: Stop) -> None:
        self._stop, self._over = stop, threading.Event()

    def set(self) -> None:
        """The time is over."""
        self._over.set()

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._over.is_set() or self._stop.is_set()


def _until_failure(
    strategy: str, machine: Machine, boots: Iterator[BootPlan], place: Path, stop: Stop
) -> Hunt:
    try:
        done = hunt.until_failure(machine, boots, place, stop)
    except LabError as error:
        return Hunt(strategy, 0, 0.0, error=error.message)
    found = Hunt(strategy, done.executions, done.seconds)
    if failure := done.failure:
        judged = failure.verdict
        found = replace(
            found, oracle=judged.oracle, headline=judged.headline, token=str(failure.token)
        )
    return found

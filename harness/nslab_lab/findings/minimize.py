# SPDX-License-Identifier: GPL-2.0
"""A finding made as small as it gets: fewest preemptions, then fewest failed allocations.

What a finding did is written down as a schedule, and parts of it are left out as long as
the same failure comes (ddmin, Zeller and Hildebrandt 2002). A guest tries hundreds of
schedules in one boot and dies in the first that fails, so they are tried smallest first.
A finding whose strategy left the choice to the scheduler has no schedule: one is searched
for, with few preemptions, or else made from its trace.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, Sequence, TypeVar

from nslab_lab.findings import retrace
from nslab_lab.guest import boot_errors, boots
from nslab_lab.guest.boots import Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Step
from nslab_lab.host.errors import LabError
from nslab_lab.plans import plan, strategies
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.strategies import Schedule, Switch
from nslab_lab.search import batch
from nslab_lab.search.batch import Finding
from nslab_lab.search.failures import Failure, examine

T = TypeVar("T")

# All pairs of so many switches are tried before ddmin; and so many boots in all.
MAX_PAIRS_OF = 90
MAX_CANDIDATES = 4000
MAX_BOOTS = 60
# A schedule that is searched for: preemptions, executions.
SEARCH_FROM = 3
SEARCH_PREEMPTIONS = 2
SEARCH_EXECUTIONS = 4000


class Stopped(Exception):
    """The run ends meanwhile."""


def schedule_of(steps: Sequence[Step], actors: Sequence[str]) -> Schedule:
    """What was decided in an execution, as far as it is not what is decided by default."""
    letters = {name: chr(ord("a") + index) for index, name in enumerate(actors)}
    switches = []
    failures = []
    for step in steps:
        if step.kind == "fault":
            failures.append(f"{letters[step.actor]}{step.local}")
        if not step.next:
            continue
        able = [name for index, name in enumerate(actors) if step.enabled >> index & 1]
        default = step.actor if step.actor in able else able[0]
        if step.next != default:
            switches.append(Switch(letters.get(step.actor, "z"), step.local, letters[step.next]))
    return Schedule(tuple(switches), tuple(failures))


def preemptions(steps: Sequence[Step]) -> int:
    """How often an actor that could have gone on did not."""
    return sum(bool(step.next) and not step.free and step.next != step.actor for step in steps)


@dataclass
class _Trials:
    """Runs schedules of one execution and compares what comes with the failure."""

    machine: Machine
    failure: Failure
    like: BootPlan
    folder: Path
    stop: Stop
    all_points: bool  # how replays number scheduling points
    idle: int = 0  # executions after each, where the report came in one of them
    nr_boots: int = 0

    def first(self, schedules: Sequence[Schedule]) -> Schedule | None:
        """The first of @schedules that fails in the same way."""
        while schedules and self.nr_boots < MAX_BOOTS:
            texts = tuple(map(str, schedules[:MAX_CANDIDATES]))
            boot = self._boot(self.strategy(texts[0]), schedules=texts)
            executions, failures = examine(boot, self.machine)
            for failure in failures:
                if self._same(failure) and failure.execution.schedule:
                    return strategies.parse_schedule(failure.execution.schedule)
            schedules = schedules[max(len(executions), 1) :]
        return None

    def search(self, failed: Sequence[str]) -> Schedule | None:
        """A schedule that fails in the same way, with as few preemptions as possible."""
        strategy = strategies.Strategy("bounded", preemptions=SEARCH_PREEMPTIONS)
        boot = self._boot(strategy, count=SEARCH_EXECUTIONS, failures="".join(failed))
        _, failures = examine(boot, self.machine)
        if not failures or not (schedule := failures[-1].execution.schedule):
            return None
        found = failures[-1]
        if not self._same(found):
            # A use after free shows itself in more than one way, and to more than one reader.
            same_place = _place_of(found) and _place_of(found) == _place_of(self.failure)
            same_loop = _loops(found) and _loops(found) == _loops(self.failure)
            same_kind = same_loop or (_after_free(found) and _after_free(self.failure))
            if not same_place and not same_kind:
                return None
            self.failure = replace(self.failure, verdict=found.verdict)
        self.all_points = boot.plan.all_points
        return strategies.parse_schedule(schedule)

    def replay(self, schedule: Schedule) -> tuple[Sequence[Step], bool]:
        """The steps of that schedule, and whether it fails in the same way."""
        boot = self._boot(self.strategy(str(schedule)), trace=True, words=True)
        _, failures = examine(boot, self.machine)
        return boot.steps, any(map(self._same, failures))

    def strategy(self, schedule: str) -> strategies.Strategy:
        """That of a replay."""
        return strategies.Strategy("replay", schedule=schedule, all_points=self.all_points)

    def _same(self, failure: Failure) -> bool:
        return failure.verdict.signature == self.failure.verdict.signature

    def _boot(self, strategy: strategies.Strategy, **changes: Any) -> boots.Boot:
        self.nr_boots += 1
        token = replace(self.failure.token.solo, strategy=str(strategy))
        values: dict[str, Any] = {"count": 1, "trace": False, "idle": self.idle, **changes}
        boot = boots.boot(
            self.machine, replace(self.like, token=token, **values), self._place(), self.stop
        )
        if boot.stopped:
            raise Stopped
        boot_errors.check_boot(boot)
        return boot

    def _place(self) -> Path:
        place = self.folder / f"{self.nr_boots:02}"
        place.mkdir(parents=True)
        return place


def minimize(
    machine: Machine, finding: Finding, like: BootPlan, folder: Path, stop: Stop, actors: Sequence[str]
) -> Finding | None:
    """The finding again, with the smallest schedule found for it; None if there is none.

    @like: a boot of the same scenario, for its knobs. @folder: where consoles are left.
    """
    idle = plan.IDLE if finding.late else 0
    trials = _Trials(machine, finding.failure, like, folder, stop, like.all_points, idle)
    try:
        was = schedule_of(finding.steps, actors)
        small = None
        # Where every point counts there are hundreds of switches: a search is over sooner.
        many = len(was.switches) > MAX_PAIRS_OF
        if many and like.strategy.steers:
            small = _searched(trials, was.failures)
        if small is None and like.strategy.steers:
            small = _fewest_switches(trials, was)
        # More than a search would find at once, or nothing that could be tried.
        if not (many and like.strategy.steers) and (small is None or len(small.switches) > SEARCH_FROM):
            small = _searched(trials, was.failures) or small
        if small is None and not like.strategy.steers:
            turns = retrace.schedule(finding.steps, actors, was.failures, trials.replay)
            small = _fewest_switches(trials, turns) if turns else None
        if small is None:
            return None
        small = _fewest_failures(trials, small)
        return _confirmed(trials, small)
    except (Stopped, LabError):  # the finding is worth more than a smaller one
        return None


def _searched(trials: _Trials, failed: Sequence[str]) -> Schedule | None:
    """What a search finds; nothing where it cannot be made."""
    try:
        return trials.search(failed)
    except LabError:  # what was found otherwise is worth more than an error
        return None


def _place_of(failure: Failure) -> str:
    """The function in which it showed itself."""
    return (failure.verdict.function or "").partition("+")[0]


def _after_free(failure: Failure) -> bool:
    """Whether it is a use after free, by KASAN or by a reference count."""
    return "use-after-free" in failure.verdict.headline


def _loops(failure: Failure) -> str:
    """The actor that loops: where it is when it has gone round often enough is chance."""
    found = re.match(r"actor (\S+) (?:spins|does not go on)\b", failure.verdict.headline)
    return found[1] if found and failure.verdict.oracle == "hang" else ""


def _confirmed(trials: _Trials, schedule: Schedule) -> Finding | None:
    """The finding of that schedule, if two replays show the same."""
    token = replace(trials.failure.token.solo, strategy=str(trials.strategy(str(schedule))))
    seen = []
    for _ in range(2):
        trials.nr_boots += 1
        failure, boot = batch.replay(
            trials.machine, token, trials.like, trials._place(), trials.stop
        )
        if boot.stopped:
            raise Stopped
        if failure is None or not trials._same(failure):
            return None
        seen.append((failure, boot))
    (first, boot), (second, _) = seen
    if not first.same_as(second):
        return None
    steps = tuple(step for step in boot.steps if step.n == token.n)
    return Finding(first, batch.SOLO, steps, boot.console)


def _fewest_switches(trials: _Trials, was: Schedule) -> Schedule | None:
    whole = was.switches
    sizes = range(0, 3 if len(whole) <= MAX_PAIRS_OF else 2)
    few = [
        Schedule(part, was.failures) for size in sizes for part in itertools.combinations(whole, size)
    ]
    if found := trials.first(few):
        return found
    # Otherwise from above, in ever smaller chunks, until nothing can be left out.
    if trials.first([was]) is None:
        return None
    chunks = 2
    while len(whole) > 2:
        fewer = trials.first([Schedule(part, was.failures) for part in _without_one(whole, chunks)])
        if fewer:
            whole = fewer.switches
            chunks = max(chunks - 1, 2)
        elif chunks >= len(whole):
            break
        else:
            chunks = min(chunks * 2, len(whole))
    # Two that belong together, to an actor and back, can only go together.
    while len(whole) <= MAX_PAIRS_OF:
        fewer = trials.first([Schedule(part, was.failures) for part in _without_two(whole)])
        if fewer is None:
            break
        whole = fewer.switches
    return Schedule(whole, was.failures)


def _without_two(whole: Sequence[Switch]) -> Iterator[tuple[Switch, ...]]:
    """@whole without two of its parts, in each way there is."""
    return itertools.combinations(whole, len(whole) - 2) if len(whole) > 2 else iter(())


def _fewest_failures(trials: _Trials, schedule: Schedule) -> Schedule:
    """Without those failed allocations that do not matter."""
    while schedule.failures:
        parts = _without_one(schedule.failures, len(schedule.failures))
        fewer = trials.first(
            [Schedule(schedule.switches), *(Schedule(schedule.switches, part) for part in parts)]
        )
        if fewer is None:
            break
        schedule = fewer
    return schedule


def _without_one(whole: Sequence[T], chunks: int) -> Iterator[tuple[T, ...]]:
    """@whole without the first of @chunks equal parts, without the second, ..."""
    size = -(-len(whole) // chunks)
    for start in range(0, len(whole), size):
        yield (*whole[:start], *whole[start + size :])

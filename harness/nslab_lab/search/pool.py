# SPDX-License-Identifier: GPL-2.0
"""All batches of a plan on several CPUs, with results in the order of the plan.

Which batch finishes first depends on the machine, so results are taken strictly in the
plan's order, and what comes after a scenario's last wanted finding is dropped.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from typing import Callable, Protocol

from nslab_lab.guest.boots import Stop
from nslab_lab.guest.results import Execution, Points, Search
from nslab_lab.guest.words import Profiled, Word
from nslab_lab.plans import strategies
from nslab_lab.plans.plan import BootPlan, RunPlan
from nslab_lab.search import growth
from nslab_lab.search.batch import Batch, Finding
from nslab_lab.search.failsites import FailSites

# How often a wish to stop is looked for, host seconds.
_POLL_S = 0.2


@dataclass
class ScenarioResult:
    """The results of one scenario."""

    name: str
    wanted: int  # executions; 0: as many as it takes
    batches: int = 0  # that are still to come
    executions: int = 0
    points: int = 0  # scheduling points hit, all executions together
    faults: int = 0  # faults injected, likewise
    findings: list[Finding] = field(default_factory=list)
    met: Points = field(default_factory=Points)
    searches: list[Search] = field(default_factory=list)  # one for each input that was searched
    words: list[Word] = field(default_factory=list)  # that boots have told to be shared, each once
    profiled: list[Profiled] = field(default_factory=list)  # of each boot that came to its end
    piloted: bool = False  # its first boot has ended
    grown: tuple[str, ...] = ()  # what that has found to be watched besides what the plan says
    longest: int = 0  # scheduling points of the longest execution
    sites: FailSites | None = None  # with the profile fail-nth
    guest_seconds: float = 0.0  # host seconds its guests ran, summed up
    enough: bool = False  # stopped after as many findings as were wanted

    @property
    def complete(self) -> bool:
        """Whether every execution was run that was wanted."""
        return self.enough or not self.batches


class View(Protocol):
    """Who is told what happens, as it happens."""

    def execution(self, scenario: str, execution: Execution) -> None:
        """An execution is through; called from any thread, in any order."""

    def batch(self, scenario: str, executions: list[Execution]) -> None:
        """The next executions in the order of the plan."""

    def finding(self, finding: Finding) -> None:
        """A finding, in the order of the plan."""

    def scenario(self, result: ScenarioResult) -> None:
        """A scenario is through."""


RunBatch = Callable[[BootPlan, Stop, Callable[[Execution], None]], Batch]


class Either:
    """A wish to stop one part of the work, or everything."""

    def __init__(self, everything: Stop) -> None:
        self._everything = everything
        self._event = threading.Event()

    def is_set(self) -> bool:
        return self._everything.is_set() or self._event.is_set()

    def set(self) -> None:
        self._event.set()


@dataclass(frozen=True)
class _Job:
    scenario: str
    future: Future[Batch]


def execute(
    plan: RunPlan, executor: Executor, jobs: int, run_batch: RunBatch, stop: Stop, view: View
) -> list[ScenarioResult]:
    """Run @plan with @jobs batches at a time; one result per scenario.

    After a stop the results hold what there is. Raises what @run_batch raises, once every
    guest has ended and what they had found has been told.
    """
    everything = Either(stop)
    stops = {name: Either(everything) for name in plan.scenarios}
    taker = _Taker(plan, view)
    todo = _in_order(plan)
    running: deque[_Job] = deque()  # in the order of the plan, also those that are done

    def submit_next() -> bool:
        while todo:
            name, batch = todo[0]
            result = taker.results[name]
            if batch.first > 1 and plan.has_pilot(name) and not (result.piloted or result.enough):
                return False  # what it is to watch is not known yet
            todo.popleft()
            if not everything.is_set() and not result.enough:
                batch = growth.with_watches(batch, result.grown)
                callback = functools.partial(view.execution, name)
                future = executor.submit(run_batch, batch, stops[name], callback)
                running.append(_Job(name, future))
                return True
        return False

    try:
        while True:
            while sum(not job.future.done() for job in running) < jobs and submit_next():
                pass
            if not running:
                break
            # The first may have to wait for one that is done: then for those that are not.
            wait([job.future for job in running if not job.future.done()], _POLL_S, FIRST_COMPLETED)
            while running and running[0].future.done():
                job = running.popleft()
                taker.take(job.scenario, job.future.result())
                if taker.results[job.scenario].enough:
                    stops[job.scenario].set()
    finally:
        everything.set()
        for job in running:
            if job.future.exception() is None:
                taker.take(job.scenario, job.future.result())
    return list(taker.results.values())


def _in_order(plan: RunPlan) -> deque[tuple[str, BootPlan]]:
    """All boots with their scenarios; those that have to end before others begin go first."""
    parts = [
        (name, batch)
        for number in range(plan.parts)
        for name in plan.scenarios
        for batch in plan.part(name, number)
    ]
    first = [(name, batch) for name, batch in parts if plan.has_pilot(name) and batch.first == 1]
    rest = [(name, batch) for name, batch in parts if not (plan.has_pilot(name) and batch.first == 1)]
    return deque([*first, *rest])


class _Taker:
    """Takes batches in the order of the plan, and tells the view."""

    def __init__(self, plan: RunPlan, view: View) -> None:
        self._limit = plan.findings
        self._in_rounds = not plan.executions
        self._view = view
        self.results = {name: self._nothing_yet(plan, name) for name in plan.scenarios}

    @staticmethod
    def _nothing_yet(plan: RunPlan, name: str) -> ScenarioResult:
        searches = strategies.parse(plan.strategy).searches
        wanted = 0 if searches else plan.executions_of(name)
        sites = FailSites(plan.setups_of(name)) if plan.fail_nth else None
        return ScenarioResult(name, wanted, len(list(plan.batches(name))), sites=sites)

    def take(self, scenario: str, batch: Batch) -> None:
        """The scenario's next batch."""
        result = self.results[scenario]
        if result.enough:
            return
        result.batches -= not batch.stopped
        if batch.search:
            result.searches.append(batch.search)
        executions, findings = self._wanted(batch, len(result.findings))
        if result.sites:
            result.sites.round = batch.round or result.sites.round
            result.sites.add(batch.sites, batch.stacks, executions)
        result.executions += len(executions)
        result.points += sum(one.points or 0 for one in executions)
        result.faults += sum(one.faults or 0 for one in executions)
        if not result.piloted and not batch.plan.strategy.searches:
            result.grown = batch.grown
        result.piloted = True
        result.longest = max([result.longest, *(one.points or 0 for one in executions)])
        known = {word.key for word in result.words}
        result.words += [word for word in batch.words if word.key not in known]
        result.profiled += batch.profiled
        result.met.add(batch.met)
        result.guest_seconds += batch.seconds
        result.findings += findings
        result.enough = bool(self._limit) and len(result.findings) >= self._limit
        if self._in_rounds and result.sites and result.executions % result.wanted == 0:
            result.enough = result.enough or result.sites.finished
        self._view.batch(scenario, executions)
        for finding in findings:
            self._view.finding(finding)
        if result.complete:
            self._view.scenario(result)

    def _wanted(self, batch: Batch, before: int) -> tuple[list[Execution], list[Finding]]:
        """The batch's executions up to the last wanted finding, and its findings."""
        if not self._limit or before + len(batch.findings) < self._limit:
            return batch.executions, batch.findings
        findings = batch.findings[: self._limit - before]
        last = findings[-1].failure.execution.n
        return [one for one in batch.executions if one.n <= last], findings

# SPDX-License-Identifier: GPL-2.0
"""One batch of executions, over as many boots as it takes, and its findings confirmed.

run() is what an executor runs: it takes plain data, returns plain data, and what it
returns depends on the plan and the kernel alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable

from nslab_lab.guest import boots, verdict
from nslab_lab.guest.boots import Boot, Machine, Stop
from nslab_lab.guest.results import Execution, Points, Search, Site, Stack, Step
from nslab_lab.guest.verdict import Verdict
from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import shown
from nslab_lab.plans import strategies
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.token import Token

Callback = Callable[[Execution], None]


@dataclass(frozen=True)
class Failure:
    """A failing execution as one boot showed it."""

    token: Token
    execution: Execution
    verdict: Verdict

    def same_as(self, other: Failure | None) -> bool:
        """Whether both are the same failure, step by step."""
        return (
            other is not None
            and self.execution.hash == other.execution.hash
            and self.verdict.signature == other.verdict.signature
        )


# How a finding came again: run alone; run alone, with a trace that is another one but always
# the same (a kernel just booted has colder caches); after the executions before it in its boot;
# not at all; or there was no time to see.
SOLO, ALONE, PREFIX = "solo", "solo, another trace", "prefix"
NOT_REPRODUCED, UNCONFIRMED = "not reproduced", "unconfirmed"


@dataclass(frozen=True)
class Finding:
    """A failure, and whether it comes again."""

    failure: Failure  # with the token to replay it by
    reproduced: str  # SOLO, ALONE, PREFIX, NOT_REPRODUCED, UNCONFIRMED
    steps: tuple[Step, ...] = ()  # the trace, of the replay that showed it again
    console: Path | None = None  # of the boot that showed it
    minimal: bool = False  # its schedule is as small as the lab could make it
    first: Token | None = None  # of the execution it was made from, if it is another one


@dataclass
class Batch:
    """The results of a batch, in the order of the plan."""

    plan: BootPlan
    executions: list[Execution] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    met: Points = field(default_factory=Points)
    search: Search | None = None
    sites: list[Site] = field(default_factory=list)
    stacks: list[Stack] = field(default_factory=list)
    round: int = 0  # executions, with the profile fail-nth
    stopped: bool = False  # not all of it was run
    seconds: float = 0.0  # host time its guests ran


class EnoughOr:
    """Ends a boot that has shown as many failures as are wanted, or with the run."""

    def __init__(self, stop: Stop, limit: int) -> None:
        self._stop = stop
        self._limit = limit
        self.failures = 0

    def is_set(self) -> bool:
        return self._stop.is_set() or self.enough

    def count(self, execution: Execution) -> None:
        """One more execution is through."""
        self.failures += execution.failed

    @property
    def enough(self) -> bool:
        return bool(self._limit) and self.failures >= self._limit


def run(
    machine: Machine,
    plan: BootPlan,
    folder: Path,
    limit: int,
    stop: Stop,
    on_execution: Callback = lambda execution: None,
) -> Batch:
    """Run the executions of @plan, booting again after each one that killed its guest.

    @limit: stop after so many failures; 0: never. Files are left in @folder.
    Raises LabError where no guest comes to its first execution.
    """
    batch = Batch(plan)
    enough = EnoughOr(stop, limit)

    def count(execution: Execution) -> None:
        enough.count(execution)
        on_execution(execution)

    first = plan.first
    while first <= plan.last and not enough.is_set():
        part = plan
        if not plan.strategy.searches:
            part = replace(
                plan, token=replace(plan.token, first=first, n=first), count=plan.last - first + 1
            )
        start = time.monotonic()
        boot = boots.boot(machine, part, folder, enough, count)
        batch.seconds += time.monotonic() - start
        boots.check_boot(boot)
        executions, failures = examine(boot, machine)
        if len(executions) > len(boot.executions):
            count(executions[-1])
        check_search(boot)
        batch.executions += executions
        batch.met.add(boot.met)
        batch.search = boot.search
        batch.sites += boot.sites
        batch.stacks += boot.stacks
        batch.round = boot.round.executions if boot.round else batch.round
        batch.findings += [
            confirm(machine, failure, part, boot.console, folder, stop)
            for failure in failures[: limit - len(batch.findings) if limit else None]
        ]
        first = executions[-1].n + 1 if executions else first
    if enough.enough:
        last = batch.findings[-1].failure.execution.n
        batch.executions = [one for one in batch.executions if one.n <= last]
    else:
        batch.stopped = first <= plan.last
    return batch


def examine(boot: Boot, machine: Machine) -> tuple[list[Execution], list[Failure]]:
    """The executions of a boot, the one it died in among them, and the failures' verdicts."""
    executions = list(boot.executions)
    console = boot.console_text()
    report = verdict.of_console(console)
    died = _died(boot)
    failures = []
    for index, execution in enumerate(executions):
        # What showed only after the last execution, when the guest was about to go.
        late = (
            index + 1 == len(executions)
            and not died
            and not any(one.failed for one in executions)
            and (report or not (boot.ended or boot.stopped))
        )
        if execution.failed or late:
            judged = _judge(execution, report, boot.status)
            executions[index] = _failed(execution, judged)
            failures.append(Failure(_token(boot, executions[index]), executions[index], judged))
    if died:
        if boot.silent:
            judged = verdict.no_answer(machine.silence_s)
        else:
            judged = report or verdict.crash(boot.status)
        trace, points = verdict.trace_of(console)
        followed = _schedule_of_death(boot, console) if boot.plan.strategy.searches else None
        dead = Execution(boot.next, None, "fail", None, None, points, None, None, trace, followed)
        executions.append(_failed(dead, judged))
        failures.append(Failure(_token(boot, executions[-1]), executions[-1], judged))
    return executions, failures


def _token(boot: Boot, execution: Execution) -> Token:
    """The token of an execution: a search says which schedule it was."""
    token = boot.plan.token_of(execution.n)
    if execution.schedule is None:
        return token
    return replace(token, strategy=f"replay-{execution.schedule}")


def _schedule_of_death(boot: Boot, console: str) -> str | None:
    """The schedule of the execution that a guest died in."""
    said = verdict.schedule_of(console)
    one = boot.plan.strategy.schedule
    listed = boot.plan.schedules or ((one,) if one else ())
    # A long one is cut short by the kernel; one to warm up is in no list.
    if listed and said != strategies.QUIET and said not in listed:
        return listed[min(len(boot.executions), len(listed) - 1)]
    return said


def check_search(boot: Boot) -> None:
    """Raises LabError(3) where the same schedule did not do the same again."""
    if boot.search and boot.search.diverged:
        raise lab_failed(
            f"{boot.plan.token.scenario}: the search diverged, {boot.search.diverged}: the kernel "
            f"did not do the same again; see {shown(boot.console)}"
        )


# Oracles of the guest program, after which it goes on.
_IN_GUEST = ("assertion", "leak", "kmemleak", "diverged")


def _died(boot: Boot) -> bool:
    """Whether the guest died within an execution."""
    if boot.ended or boot.stopped or boot.next > boot.plan.last:
        return False
    last = boot.executions[-1] if boot.executions else None
    if boot.plan.schedules and len(boot.executions) == len(boot.plan.schedules):
        return False
    # After a failure that leaves the kernel in doubt the guest powers off by itself.
    return last is None or not last.failed or last.oracle in _IN_GUEST or boot.silent


def _judge(execution: Execution, report: Verdict | None, status: int | None) -> Verdict:
    if execution.oracle == "assertion":
        return verdict.assertion(execution.message or "an assertion failed")
    if execution.oracle == "leak":
        return verdict.leak(execution.message or "something")
    if execution.oracle == "kmemleak":
        return verdict.kmemleak(execution.message or "something")
    if execution.oracle == "diverged":
        return verdict.diverged(execution.message)
    if report:
        return report
    if not execution.failed:
        return verdict.crash(status)
    if execution.oracle == "hang":
        return verdict.hang(execution.message)
    message = execution.message or "the kernel reported something"
    return Verdict(execution.oracle or "bug", message, f"{execution.oracle}:{message}")


def _failed(execution: Execution, judged: Verdict) -> Execution:
    return replace(execution, verdict="fail", oracle=judged.oracle, message=judged.headline)


def confirm(
    machine: Machine, failure: Failure, part: BootPlan, console: Path, folder: Path, stop: Stop
) -> Finding:
    """See whether the failure comes again alone, or else in a boot like the one it came in.

    Alone is what a replay wants: it takes one execution, not hundreds.
    """
    token = failure.token
    into = finding_folder(folder, token)

    def again(token: Token, name: str) -> Finding | None:
        seen, boot = replay(machine, token, part, into / name, stop)
        if boot.stopped:
            raise _Stopped
        steps = tuple(step for step in boot.steps if step.n == token.n)
        return Finding(seen, name, steps, boot.console) if seen else None

    try:
        alone = again(token.solo, "solo")
        if alone and failure.same_as(alone.failure):
            return replace(alone, reproduced=SOLO)
        if alone and alone.failure.verdict.signature == failure.verdict.signature:
            twice = again(token.solo, "solo-again")
            if twice and alone.failure.same_as(twice.failure):
                return replace(alone, reproduced=ALONE)
        if token.first != token.n:
            whole = again(token, "prefix")
            if whole and failure.same_as(whole.failure):
                return replace(whole, reproduced=PREFIX)
    except _Stopped:
        return Finding(failure, UNCONFIRMED, (), console)
    return Finding(failure, NOT_REPRODUCED, (), console)


class _Stopped(Exception):
    """The run ends while a finding is being confirmed."""


def replay(
    machine: Machine, token: Token, like: BootPlan, folder: Path, stop: Stop
) -> tuple[Failure | None, Boot]:
    """Run one execution again, traced; its failure if it fails, and the boot."""
    folder.mkdir(parents=True, exist_ok=True)
    boot = boots.boot(machine, like.of_replay(token), folder, stop)
    boots.check_boot(boot)
    _, failures = examine(boot, machine)
    return next((one for one in failures if one.execution.n == token.n), None), boot


def finding_folder(folder: Path, token: Token) -> Path:
    """Where what belongs to the finding of that token lies."""
    return folder / "findings" / f"{token.scenario}-{token.n}"

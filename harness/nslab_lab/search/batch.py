# SPDX-License-Identifier: GPL-2.0
"""One batch of executions, over as many boots as it takes, and its findings confirmed.

run() is what an executor runs: it takes plain data, returns plain data, and what it
returns depends on the plan and the kernel alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Sequence

from nslab_lab.guest import boot_errors, boots
from nslab_lab.guest.boots import Boot, Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Execution, Points, Search, Site, Stack, Step
from nslab_lab.guest.words import Profiled, Word
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.token import Token
from nslab_lab.search import growth, late
from nslab_lab.search.failures import Failure, check_search, examine

Callback = Callable[[Execution], None]


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
    late: int = 0  # the report came so many executions after the one that is to blame


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
    words: list[Word] = field(default_factory=list)  # of its boots that tell them
    profiled: list[Profiled] = field(default_factory=list)  # of each boot that came to its end
    grown: tuple[str, ...] = ()  # what was watched at its end besides what the plan says
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
    Raises LabError where no guest reaches its first execution.
    """
    batch = Batch(plan, grown=plan.token.grown)
    enough = EnoughOr(stop, limit)

    def count(execution: Execution) -> None:
        enough.count(execution)
        on_execution(execution)

    first, last, rounds = plan.first, plan.last, 0
    while first <= plan.last and not enough.is_set():
        part = plan
        if not plan.strategy.searches:
            part = replace(
                plan, token=replace(plan.token, first=first, n=first), count=plan.last - first + 1
            )
        start = time.monotonic()
        boot = boots.boot(machine, part, folder, enough, count)
        batch.seconds += time.monotonic() - start
        boot_errors.check_boot(boot)
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
        words, profiled = growth.judged(boot)
        batch.words += words
        batch.profiled += [profiled] if profiled else []
        for failure in failures[: limit - len(batch.findings) if limit else None]:
            came = next(i for i, one in enumerate(executions) if one is failure.execution)
            before = executions[:came]
            batch.findings.append(confirm(machine, failure, part, before, boot.console, folder, stop))
            last = failure.execution.n
        more = growth.wider(part, words) if rounds < growth.MOST_ROUNDS and not batch.findings else None
        if more and not boot.stopped:
            # All of it again: what had been found out was so for fewer words.
            plan, rounds = replace(more, token=replace(more.token, first=plan.first, n=plan.first)), rounds + 1
            batch = replace(Batch(plan), seconds=batch.seconds, grown=plan.token.grown)
            continue
        first = executions[-1].n + 1 if executions else first
    if enough.enough:
        batch.executions = [one for one in batch.executions if one.n <= last]
    else:
        batch.stopped = first <= plan.last
    return batch


def confirm(
    machine: Machine,
    failure: Failure,
    part: BootPlan,
    before: Sequence[Execution],
    console: Path,
    folder: Path,
    stop: Stop,
) -> Finding:
    """See whether the failure comes again alone, or else in a boot like the one it came in.

    Alone is what a replay wants: it takes one execution, not hundreds. Where it does not come again
    alone, the report may have come late: @before, the executions before it in its boot, are searched
    for the one that is to blame.
    """
    token = failure.token
    into = finding_folder(folder, token)

    def again(token: Token, name: str) -> Finding | None:
        seen, boot = replay(machine, token, part, into / name, stop)
        if boot.stopped:
            raise late.Stopped
        steps = tuple(step for step in boot.steps if step.n == token.n)
        return Finding(seen, name, steps, boot.console) if seen else None

    def twice(token: Token, name: str) -> Finding | None:
        """What it shows alone, if that is this failure and always the same."""
        alone = again(token, name)
        if alone and alone.failure.verdict.signature == failure.verdict.signature:
            second = again(token, f"{name}-again")
            if second and alone.failure.same_as(second.failure):
                return alone
        return None

    try:
        alone = again(token.solo, "solo")
        if alone and failure.same_as(alone.failure):
            return replace(alone, reproduced=SOLO)
        if alone and alone.failure.verdict.signature == failure.verdict.signature:
            second = again(token.solo, "solo-again")
            if second and alone.failure.same_as(second.failure):
                return replace(alone, reproduced=ALONE)
        boot = late.Sequence(machine, failure, part, before, into / "before", stop)
        since = boot.shortest()
        if since is not None and (blamed := twice(boot.token_of(since).solo, "blamed")):
            return replace(blamed, reproduced=SOLO, late=len(before) - since)
        if since is not None and token.first != token.n:
            for first in dict.fromkeys((before[since].n, token.first)):
                whole = again(replace(token, first=first), f"from-{first}")
                if whole and failure.same_as(whole.failure):
                    return replace(whole, reproduced=PREFIX)
    except late.Stopped:
        return Finding(failure, UNCONFIRMED, (), console)
    return Finding(failure, NOT_REPRODUCED, (), console)


def replay(
    machine: Machine, token: Token, like: BootPlan, folder: Path, stop: Stop
) -> tuple[Failure | None, Boot]:
    """Run one execution again, traced; its failure if it fails, and the boot."""
    folder.mkdir(parents=True, exist_ok=True)
    boot = boots.boot(machine, like.of_replay(token), folder, stop)
    boot_errors.check_boot(boot)
    _, failures = examine(boot, machine)
    return next((one for one in failures if one.execution.n == token.n), None), boot


def finding_folder(folder: Path, token: Token) -> Path:
    """Where what belongs to the finding of that token lies."""
    return folder / "findings" / f"{token.scenario}-{token.n}"

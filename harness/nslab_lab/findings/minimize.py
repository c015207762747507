# SPDX-License-Identifier: GPL-2.0
"""A finding made as small as it gets: fewest preemptions, then fewest failed allocations.

What a finding did is written down as a schedule, and parts of it are left out as long as
the same failure comes (ddmin, Zeller and Hildebrandt 2002). A guest tries hundreds of
schedules in one boot and dies in the first that fails, so they are tried smallest first.
A finding whose strategy left the choice to the scheduler has no schedule: one is searched
for, with few preemptions, or drawn, or else made from its trace.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Iterator, Sequence, TypeVar

from nslab_lab.findings import retrace
from nslab_lab.findings.trials import Stopped, Trials
from nslab_lab.guest.boots import Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Step
from nslab_lab.host.errors import LabError
from nslab_lab.plans import plan, strategies
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.strategies import Schedule, Switch
from nslab_lab.search import batch
from nslab_lab.search.batch import Finding

T = TypeVar("T")

# All pairs of so many switches are tried before ddmin.
MAX_PAIRS_OF = 90
# With more preemptions than this a search is tried, too.
SEARCH_FROM = 3
# Schedules are drawn by the strategy with the fewest switches first.
DRAWN_BY = (strategies.Strategy("pct", depth=3), strategies.Strategy("random"))


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


def minimize(
    machine: Machine, finding: Finding, like: BootPlan, folder: Path, stop: Stop, actors: Sequence[str]
) -> Finding | None:
    """The finding again, with the smallest schedule found for it; None if there is none.

    @like: a boot of the same scenario, for its knobs. @folder: where consoles are left.
    """
    idle = plan.IDLE if finding.late else 0
    found = replace(like, token=finding.failure.token)
    reuse = found.reuses(found.token.n)
    trials = Trials(machine, finding.failure, like, folder, stop, like.all_points, idle, reuse)
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
            small = _drawn(trials, actors)
        if small is None and not like.strategy.steers:
            turns = retrace.schedule(finding.steps, actors, was.failures, trials.replay)
            small = _fewest_switches(trials, turns) if turns else None
        if small is None:
            return None
        small = _fewest_failures(trials, small)
        if trials.reuse:
            trials.drop_reuse(small)
        return _confirmed(trials, small)
    except (Stopped, LabError):  # the finding is worth more than a smaller one
        return None


def _searched(trials: Trials, failed: Sequence[str]) -> Schedule | None:
    """What a search finds; nothing where it cannot be made."""
    try:
        return trials.search(failed)
    except LabError:  # what was found otherwise is worth more than an error
        return None


def _drawn(trials: Trials, actors: Sequence[str]) -> Schedule | None:
    """Of schedules that are drawn, the first that fails in the same way, made smaller."""
    found = trials.failure.token
    for strategy in DRAWN_BY:
        if not (steps := trials.draw(strategy)):
            continue
        # It is shown as the execution that was found, if that fails by this schedule, too.
        for token in dict.fromkeys((found, trials.failure.token)):
            trials.failure = replace(trials.failure, token=token)
            was = schedule_of(steps, actors)
            if trials.first([was]) and (small := _fewest_switches(trials, was)):
                return small
    return None


def _confirmed(trials: Trials, schedule: Schedule) -> Finding | None:
    """The finding of that schedule, if two replays show the same."""
    token = replace(trials.failure.token.solo, strategy=str(trials.strategy(str(schedule))))
    seen = []
    for _ in range(2):
        trials.nr_boots += 1
        failure, boot = batch.replay(
            trials.machine, token, trials.like, trials.place(), trials.stop
        )
        if boot.stopped:
            raise Stopped
        if failure is None or not trials.same(failure):
            return None
        seen.append((failure, boot))
    (first, boot), (second, _) = seen
    if not first.same_as(second):
        return None
    steps = tuple(step for step in boot.steps if step.n == token.n)
    return Finding(first, batch.SOLO, steps, boot.console)


def _fewest_switches(trials: Trials, was: Schedule) -> Schedule | None:
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


def _fewest_failures(trials: Trials, schedule: Schedule) -> Schedule:
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

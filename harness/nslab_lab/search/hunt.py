# SPDX-License-Identifier: GPL-2.0
"""How many executions it takes until one fails: no confirming, no making smaller."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterable

from nslab_lab.guest import boot_errors, boots
from nslab_lab.guest.boots import Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.plans import strategies
from nslab_lab.plans.plan import SHARED_POINTS, BootPlan, RunPlan
from nslab_lab.search import growth
from nslab_lab.search.batch import EnoughOr
from nslab_lab.search.failures import Failure, check_search, examine

# How often results are looked at, host seconds: no guest is to go on long after a failure.
_POLL_S = 0.02
# So many executions tell how long those of a scenario are.
_TRIED = 64


@dataclass(frozen=True)
class Hunt:
    """What came of it."""

    executions: int  # run, up to the one that failed, if one did
    failure: Failure | None
    stopped: bool  # it was ended before there was a failure
    seconds: float  # host time its guests ran


def until_failure(
    machine: Machine, boot_plans: Iterable[BootPlan], folder: Path, stop: Stop
) -> Hunt:
    """Boot one guest after the other until an execution fails; files are left in @folder.

    Raises LabError where a guest does not reach its first execution, or a search diverges.
    """
    machine = replace(machine, poll_s=_POLL_S)
    executions, seconds = 0, 0.0
    plans, rounds = iter(boot_plans), 0
    grown: tuple[str, ...] = ()
    again: BootPlan | None = None
    while boot_plan := again or next(plans, None):
        if again is None:
            rounds = 0
            boot_plan = growth.with_watches(boot_plan, grown)
        if stop.is_set():
            return Hunt(executions, None, True, seconds)
        enough = EnoughOr(stop, 1)
        start = time.monotonic()
        boot = boots.boot(machine, boot_plan, folder, enough, enough.count)
        seconds += time.monotonic() - start
        boot_errors.check_boot(boot)
        ran, failures = examine(boot, machine)
        if failures:
            first = next(index for index, one in enumerate(ran) if one.failed)
            return Hunt(executions + first + 1, failures[0], False, seconds)
        check_search(boot)
        if boot.stopped:
            return Hunt(executions + len(ran), None, True, seconds)
        # As in a run, what is found to be shared later is watched from then on.
        words, _ = growth.judged(boot)
        again = growth.wider(boot_plan, words) if rounds < growth.MOST_ROUNDS else None
        rounds += 1
        if again is None:
            executions += len(ran)
        if not boot_plan.strategy.searches:
            grown = (again or boot_plan).token.grown
    return Hunt(executions, None, False, seconds)


@dataclass(frozen=True)
class Measured:
    """What is found out of a scenario before it is run."""

    length: int  # the most steps of an execution, of a few
    round: int  # executions until each allocation of each marked call has failed


def measure(
    machine: Machine, run_plan: RunPlan, folder: Path, stop: Stop, scenario: str
) -> Measured:
    """Run a few executions of the scenario; files are left in @folder/measured.

    Raises LabError where the guest does not reach them.
    """
    inputs = run_plan.inputs[run_plan.scenarios.index(scenario)]
    is_pct = strategies.parse(run_plan.strategy).name == "pct"
    measured = run_plan
    if is_pct:
        counted = run_plan.points or SHARED_POINTS  # those that pct counts
        measured = replace(run_plan, strategy="random", lengths=(), points=counted)
    boot_plan = measured.boot(scenario, 1, max(_TRIED, 2 * inputs) if is_pct else 1)
    place = folder / "measured"
    place.mkdir(exist_ok=True)
    boot = boots.boot(machine, boot_plan, place, stop)
    boot_errors.check_boot(boot)
    points = [one.points or 1 for one in boot.executions]
    if boot.round:
        # An allocation that fails makes an execution short.
        points.append(boot.round.points)
    # Where there is nothing to fail, one execution shows it.
    return Measured(max(points, default=1), boot.round.executions or 1 if boot.round else 1)

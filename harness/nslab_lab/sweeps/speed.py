# SPDX-License-Identifier: GPL-2.0
"""What several guests at a time are worth: the batches of a sweep, on one CPU and on all."""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Sequence

from nslab_lab import cpus, plan, profiles
from nslab_lab.build import Kernel
from nslab_lab.guest import Machine
from nslab_lab.progress import say
from nslab_lab.sweeps import work

_BATCH = 400  # executions
_BATCHES = 4  # for each CPU


def measure(
    machine: Machine, kernel: Kernel, scenario: str, folder: Path, rounds: int
) -> list[str]:
    """Lines that say how many executions a second there are, boots included.

    @rounds: of each, one after the other, since machines are noisy. @folder: for a while.
    """
    all_of_them = len(cpus.usable())
    profile = profiles.load(plan.DEFAULT_PROFILE)
    made = plan.make(
        kernel.name, kernel.id, profile, (scenario,), variant=plan.NO_VARIANT,
        strategy=plan.DEFAULT_STRATEGY, seed=1, executions=_BATCH, findings=1, batch=_BATCH,
        actors=((),), inputs=(1,),
    )  # fmt: skip
    tasks = [
        work.Task(machine, kernel, profile, made, number, 1, folder)
        for number in range(_BATCHES * all_of_them)
    ]
    counts = sorted({1, all_of_them})
    rates: dict[int, list[float]] = {jobs: [] for jobs in counts}
    for number in range(rounds):
        say(f"guests at a time, round {number + 1} of {rounds}")
        for jobs in counts:
            rates[jobs].append(_rate(tasks, jobs))
    lines = [f"{scenario}, batches of {_BATCH}, median of {rounds} rounds", ""]
    lines += [f"  {'guests at a time':<26}{'executions/s':>12}   {'from':>6} {'to':>6}"]
    middle = {jobs: statistics.median(found) for jobs, found in rates.items()}
    for jobs, found in rates.items():
        lines.append(
            f"  {jobs:<26}{middle[jobs]:>12,.0f}   {min(found):>6,.0f} {max(found):>6,.0f}"
        )
    if all_of_them > 1:
        lines += [
            "",
            f"  {all_of_them} guests run {middle[all_of_them] / middle[1]:.2f} times as many as 1",
        ]
    else:
        lines += ["", "  there is but one CPU here"]
    return [*lines, ""]


def _rate(tasks: Sequence[work.Task], jobs: int) -> float:
    """Executions per second of all of them together."""
    stop = threading.Event()
    start = time.monotonic()
    with ThreadPoolExecutor(jobs) as executor:
        outcomes = list(executor.map(lambda task: work.run_batch(task, stop), tasks))
    return sum(one.executions for one in outcomes if one) / (time.monotonic() - start)

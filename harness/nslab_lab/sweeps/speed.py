# SPDX-License-Identifier: GPL-2.0
"""What several guests at a time are worth: the batches of a sweep, on one CPU and on all."""

from __future__ import annotations

import os
import resource
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Sequence

from nslab_lab.build.kernel import Kernel
from nslab_lab.guest.machine import Machine
from nslab_lab.host import cpus
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.progress import say
from nslab_lab.plans import plan, profiles
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
    busy, own = _busy_s(), _own_s()
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
    others = max(0.0, _busy_s() - busy - (_own_s() - own))
    took = sum(
        _BATCH * len(tasks) / rate * all_of_them for found in rates.values() for rate in found
    )
    if others > 0.05 * took:
        part = others / took
        lines.append(f"  NOT ALONE: others took {part:.0%} of the CPUs meanwhile")
    return [*lines, ""]


def _busy_s() -> float:
    """CPU seconds that the machine has spent since boot, see proc(5)."""
    user, nice, system, _, _, *irqs = map(
        int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    )
    return (user + nice + system + sum(irqs)) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    """Those of this process and the guests that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _rate(tasks: Sequence[work.Task], jobs: int) -> float:
    """Executions per second of all of them together."""
    stop = Interrupts()
    start = time.monotonic()
    with ThreadPoolExecutor(jobs) as executor:
        outcomes = list(executor.map(lambda task: work.run_batch(task, stop), tasks))
    return sum(one.executions for one in outcomes if one) / (time.monotonic() - start)

# SPDX-License-Identifier: GPL-2.0
"""How soon each strategy finds each deliberate defect, beside the baseline."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Sequence

from nslab_lab.bench.session import Bench
from nslab_lab.guest import boot_errors, boots
from nslab_lab.guest.boots import Stop
from nslab_lab.host.progress import say
from nslab_lab.plans import strategies, subject
from nslab_lab.plans.plan import SHARED_POINTS, BootPlan
from nslab_lab.search import hunt

# Where each defect is looked for, and how: name, strategy, profile.
HUNTS = (
    ("delays", "none", "delay"),
    ("random", "random", "none"),
    ("pct", "pct-3-{length}", "none"),
    ("pos", "pos", "none"),
    ("bounded", "bounded-2", "none"),
)
SEEDS = 20
EXECUTIONS = 3000
BASELINE_S = 60


def variants(bench: Bench, hunted: Sequence[str], seeds: int, jobs: int, baseline_s: int) -> None:
    """Executions and seconds until each variant is caught."""
    names = [name for name, *_ in HUNTS]
    hunts_in = subject.benchmark().hunts
    bench.tell(
        f"executions (seconds) until caught, median of {seeds} seeds; not found in "
        f"{EXECUTIONS:,}: -",
        f"unsteered: given up after {baseline_s} s",
        "",
        _row("variant", *names, "unsteered"),
    )
    for variant in hunted:
        say(f"hunting {variant}")
        scenario = hunts_in.get(variant, bench.scenario)
        length = _length(bench, scenario)
        cells = []
        with ThreadPoolExecutor(jobs) as executor:
            for _, strategy, profile in HUNTS:
                named = strategy.format(length=length)
                hunts = [
                    (scenario, named, profile, EXECUTIONS, seed, variant)
                    for seed in range(1, seeds + 1)
                ]
                cells.append(_cell(list(executor.map(lambda hunt: _hunt(bench, *hunt), hunts))))
        cells.append(_baseline(bench, scenario, variant, baseline_s))
        bench.tell(_row(variant, *cells))


def _length(bench: Bench, scenario: str) -> int:
    # It is pct that counts them.
    measured = replace(bench.boot_plan(scenario, "random", "none", 16), points=SHARED_POINTS)
    boot = boots.boot(bench.machine, measured, bench.place(), bench.stop)
    boot_errors.check_boot(boot)
    return max(one.points or 1 for one in boot.executions)


def _hunt(
    bench: Bench, scenario: str, strategy: str, profile: str, count: int, seed: int, variant: str
) -> tuple[int, float] | None:
    """Executions and seconds until a failure; None if there was none."""
    boot_plan = bench.boot_plan(scenario, strategy, profile, count, seed, variant)
    return _until_failure(bench, boot_plan, bench.stop)


def _until_failure(bench: Bench, boot_plan: BootPlan, stop: Stop) -> tuple[int, float] | None:
    found = hunt.until_failure(bench.machine_for(boot_plan), [boot_plan], bench.place(), stop)
    return (found.executions, found.seconds) if found.failure else None


def _baseline(bench: Bench, scenario: str, variant: str, seconds: int) -> str:
    boot_plan = bench.boot_plan(scenario, strategies.UNSTEERED, "none", 10**7, 1, variant)
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    found = _until_failure(bench, boot_plan, stop)
    timer.cancel()
    return _cell([found]) if found else "not found"


def _row(name: str, *cells: str) -> str:
    """At most 80 columns."""
    return f"{name:<16}" + "".join(f" {cell:>9}" for cell in cells)


def _cell(hunts: Sequence[tuple[int, float] | None]) -> str:
    """ "312 (0.7)"; "-" if fewer than half of the seeds found something."""
    found = sorted(hunt for hunt in hunts if hunt)
    middle = (len(hunts) - 1) // 2
    if middle >= len(found):
        return f"- ({len(found)}/{len(hunts)})"
    executions, _ = found[middle]
    seconds = sorted(hunt[1] for hunt in found)[middle]
    return f"{executions} ({seconds:.1f})"

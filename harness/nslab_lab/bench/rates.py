# SPDX-License-Identifier: GPL-2.0
"""The lab's own speed: executions per second, what one costs, and what several guests are worth."""

from __future__ import annotations

import re
import resource
import shutil
import statistics
import time
from dataclasses import replace

from nslab_lab.bench.session import Bench
from nslab_lab.guest import boot_errors, boots
from nslab_lab.host.progress import say
from nslab_lab.sweeps import speed as side_by_side

# What is measured for speed: name, strategy, profile, whether only the subject's own is watched.
OWN, SHARED = "random, subject's own alone", "random, shared words"
SPEEDS = (
    ("random, named points", "random", "named", False),
    (OWN, "random", "none", True),
    (SHARED, "random", "none", False),
    ("random, without named", "random", "access", False),
    ("random, memory used again", "random", "reuse", False),
    ("pct, shared words", "pct-3-220", "none", False),
    ("bounded, shared words", "bounded-2", "none", False),
    ("no strategy, no faults", "none", "none", False),
    ("unsteered, random sleeps", "unsteered", "none", False),
)
EXECUTIONS = 1500
ROUNDS = 5


def speed(bench: Bench, rounds: int) -> None:
    """Executions per second on one CPU, and how long it is to the first one."""
    rates: dict[str, list[float]] = {name: [] for name, *_ in SPEEDS}
    starts = []
    for number in range(rounds):
        say(f"speed, round {number + 1} of {rounds}")
        for name, strategy, profile, own in SPEEDS:
            rate, start = _rate(bench, strategy, profile, own)
            rates[name].append(rate)
            starts.append(start)
    lines = [f"{bench.scenario}, one CPU, median of {rounds} rounds", ""]
    lines += [f"  {'':<28}{'executions/s':>12}   {'from':>6} {'to':>6}"]
    for name, of_name in rates.items():
        middle = statistics.median(of_name)
        lines.append(f"  {name:<28}{middle:>12,.0f}   {min(of_name):>6,.0f} {max(of_name):>6,.0f}")
    alone, shared = (statistics.median(rates[name]) for name in (OWN, SHARED))
    lines += [
        "",
        f"  an execution over all shared words: {alone / shared:.2f} times one over the subject's own",
        f"  exec to first execution: {1000 * statistics.median(starts):,.0f} ms",
        f"  host CPU time per execution: {_cpu_us(bench):,.0f} us, its processes' and its kernel's",
        f"  host instructions per execution: {_instructions(bench)}",
        "",
    ]
    bench.tell(*lines)


def _rate(bench: Bench, strategy: str, profile: str, own: bool) -> tuple[float, float]:
    """Executions per second once they come, and seconds until the first one."""
    boot_plan = bench.boot_plan(bench.scenario, strategy, profile, EXECUTIONS, own=own)
    times: list[float] = []
    start = time.monotonic()
    machine = replace(bench.machine_for(boot_plan), poll_s=0.005)
    boot = boots.boot(
        machine, boot_plan, bench.place(), bench.stop, lambda _: times.append(time.monotonic())
    )
    boot_errors.check_boot(boot)
    return (len(times) - 1) / (times[-1] - times[0]), times[0] - start


def _cpu_us(bench: Bench) -> float:
    """Of the host's CPUs, by getrusage(2)."""
    used = []
    for count in (200, 1200):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        plan_of = bench.boot_plan(bench.scenario, "random", "none", count)
        boots.boot(bench.machine, plan_of, bench.place(), bench.stop)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return (used[1] - used[0]) / 1000 * 1e6


def _instructions(bench: Bench) -> str:
    """Of the host's CPU, both in the guest's kernel and its processes, by perf(1)."""
    perf = shutil.which("perf")
    if not perf:
        return "no perf(1) here: apt-get install linux-perf"
    counts = []
    for count in (200, 1200):
        boot_plan = bench.boot_plan(bench.scenario, "random", "none", count)
        wrapped = replace(bench.machine, wrapper=(perf, "stat", "-x,", "-e", "instructions:u"))
        boot = boots.boot(wrapped, boot_plan, bench.place(), bench.stop)
        found = re.search(r"^(\d+),,instructions", boot.console_text(), re.MULTILINE)
        if not found:
            return "this machine does not count them"
        counts.append(int(found[1]))
    return f"{(counts[1] - counts[0]) / 1000:,.0f}"


def guests(bench: Bench, rounds: int) -> None:
    """What several of them at a time are worth."""
    bench.tell(*side_by_side.measure(bench.machine, bench.kernel, bench.scenario, bench.place(), rounds))

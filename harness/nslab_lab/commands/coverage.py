# SPDX-License-Identifier: GPL-2.0
"""`nslab coverage`: which code the executions reach, and which they never do.

Every scenario is run for a while, and it is counted by how many executions each named point and
each reader was reached (readers.py). Code that no execution reaches is not tested, so that is a failure
where all scenarios were run. So is a scenario that does not reach what its REACHES() names.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Sequence

from nslab_lab.build import scenarios
from nslab_lab.build.catalog import Scenario
from nslab_lab.build.guest_program import Guest
from nslab_lab.build.kernel import Kernel
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.debuginfo import readers
from nslab_lab.guest import demands
from nslab_lab.guest.boots import Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Execution, Points
from nslab_lab.host.errors import FINDINGS, FOUND_NOTHING, bad_input
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.paths import BUILD, shown
from nslab_lab.plans import plan, profiles, subject
from nslab_lab.plans.plan import BootPlan, RunPlan
from nslab_lab.plans.profiles import Profile
from nslab_lab.report import reach, runfolder
from nslab_lab.report.table import count
from nslab_lab.report.view import progress
from nslab_lab.search import batch, pool
from nslab_lab.search.batch import Finding
from nslab_lab.search.pool import ScenarioResult

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

COVERAGES = BUILD / "coverage"

# How they are run: strategy, profile. Delays are the default; with them alone, an actor that has
# the CPU mostly goes on until it is through.
WAYS = (("none", "delay"), ("random", "none"))
DEFAULT_EXECUTIONS = 200  # of each scenario in each way


def register(commands: Commands) -> None:
    """`nslab coverage`."""
    parser = commands.add_parser("coverage", help="which points and readers are reached, and by what")
    options.add_kernel_options(parser)
    options.add_scenario_option(parser)
    parser.add_argument(
        "--executions", metavar="N",
        help=f"of each scenario, with delays and with strategy random ({DEFAULT_EXECUTIONS})",
    )  # fmt: skip
    parser.add_argument("--seed", metavar="N", help=f"seed of all random numbers ({plan.DEFAULT_SEED})")
    options.add_guest_options(parser)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    whole = options.whole
    executions = whole("executions", args.executions, DEFAULT_EXECUTIONS, 1, 10**6)
    seed = whole("seed", args.seed, plan.DEFAULT_SEED, 0, 2**64 - 1)
    jobs = options.jobs_of(args)
    demands.check()
    guest, chosen = scenarios.choose(args.scenario)
    kernel = ensure_kernel(args.kernel or None, args.patch, series_name=args.series or None)
    machine = options.machine(args, kernel, guest.init)
    if not readers.names(kernel.linux):
        names = " or ".join(f"{one.function}()" for one in subject.accessors())
        raise bad_input(
            f"{shown(kernel.linux)}: no function calls {names}, so there are no readers to count"
        )
    reach.check(kernel, chosen)
    ways = []
    for strategy, name in WAYS:
        profile = profiles.load(name)
        run_plan = _plan(kernel, chosen, strategy, profile, executions, seed)
        ways.append(_Way(machine, profile, args.patch, run_plan, guest))
    return _run(ways, kernel, chosen, jobs, bool(args.scenario))


def _plan(
    kernel: Kernel, chosen: Sequence[Scenario], strategy: str, profile: Profile, executions: int,
    seed: int,
) -> RunPlan:  # fmt: skip
    return plan.make(
        kernel.name, kernel.id, profile, tuple(one.name for one in chosen),
        options.watching(profile, kernel, chosen), variant=plan.NO_VARIANT,
        strategy=strategy, seed=seed, executions=executions, findings=1,
        actors=tuple(one.actors for one in chosen), inputs=tuple(one.inputs for one in chosen),
        series=kernel.series,
    )  # fmt: skip


def _run(
    ways: Sequence[_Way], kernel: Kernel, chosen: Sequence[Scenario], jobs: int, asked: bool
) -> int:
    """Run all of it and say what came of it; the exit status.

    @asked: the scenarios were named, and need not reach everything together.
    """
    interrupts = Interrupts()
    with interrupts:
        return _run_all(ways, kernel, chosen, jobs, asked, interrupts)


def _run_all(
    ways: Sequence[_Way], kernel: Kernel, chosen: Sequence[Scenario], jobs: int, asked: bool,
    interrupts: Interrupts,
) -> int:  # fmt: skip
    folder = runfolder.numbered(COVERAGES)
    ran = {one.name: 0 for one in chosen}
    met = {one.name: Points() for one in chosen}
    for way in ways:
        for result in way.run(jobs, folder / way.plan.strategy, interrupts):
            ran[result.name] += result.executions
            met[result.name].add(result.met)
    if interrupts.is_set():
        print("INTERRUPTED: the coverage is not complete")
        return interrupts.status
    coverage = reach.evaluate(kernel, chosen, ran, met, asked)
    failures = coverage.failures()
    text = [
        f"kernel {kernel.name}-{kernel.id}, {count(sum(ran.values()), 'execution')} of "
        f"{count(len(chosen), 'scenario')}",
        "",
        coverage.text(),
        "",
        *failures,
        *reach.summary(kernel, chosen, met.values()),
        f"kept in {shown(folder)}",
    ]
    (folder / "coverage.txt").write_text("\n".join(text) + "\n")
    print("\n" + "\n".join(text))
    return FINDINGS if failures or any(way.findings for way in ways) else FOUND_NOTHING


@dataclass
class _Way:
    """One way to run all scenarios. A pool.View."""

    machine: Machine
    profile: Profile
    patches: Sequence[Path]
    plan: RunPlan
    guest: Guest
    findings: list[Finding] = field(default_factory=list)

    def run(self, jobs: int, folder: Path, interrupts: Interrupts) -> list[ScenarioResult]:
        """Run it, with its files in @folder."""
        if interrupts.is_set():
            return []
        folder.mkdir()
        (folder / "plan.json").write_text(self.plan.json() + "\n")

        def run_batch(boot_plan: BootPlan, stop: Stop, on_execution: batch.Callback) -> batch.Batch:
            return batch.run(self.machine, boot_plan, folder, self.plan.findings, stop, on_execution)

        with ThreadPoolExecutor(jobs) as executor, progress(self.plan) as self._bar:
            return pool.execute(self.plan, executor, jobs, run_batch, interrupts, self)

    def execution(self, scenario: str, execution: Execution) -> None:
        self._bar.execution(scenario, execution)

    def batch(self, scenario: str, executions: list[Execution]) -> None:
        pass

    def finding(self, finding: Finding) -> None:
        """Not what was looked for, but nothing to keep silent about."""
        self.findings.append(finding)
        failure = finding.failure
        command = options.replay_command(
            failure.token, self.profile, self.patches, self.plan.series, self.guest.files()
        )
        lines = [f"FINDING {failure.token.scenario}, execution {failure.execution.n:,}"]
        self._bar.say_result("\n".join(["", *lines, failure.verdict.headline, command, ""]))

    def scenario(self, result: ScenarioResult) -> None:
        self._bar.scenario(result)

# SPDX-License-Identifier: GPL-2.0
"""`nslab run`: executions of scenarios under faults, on guest after guest."""

from __future__ import annotations

import argparse
import contextlib
import functools
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Sequence

from nslab_lab.build import catalog, scenarios
from nslab_lab.build.catalog import Scenario
from nslab_lab.build.guest_program import Guest
from nslab_lab.build.kernel import Kernel
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.debuginfo import readers
from nslab_lab.findings import picture, smallest
from nslab_lab.guest import demands
from nslab_lab.guest.boots import Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Execution
from nslab_lab.host import front
from nslab_lab.host.errors import FINDINGS, FOUND_NOTHING, LabError, bad_input
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.paths import REPO, shown
from nslab_lab.plans import plan, profiles, strategies
from nslab_lab.plans.plan import RunPlan
from nslab_lab.plans.profiles import Profile
from nslab_lab.plans.strategies import Strategy
from nslab_lab.report import claims, ktap, reach, table
from nslab_lab.report.runfolder import RunFolder
from nslab_lab.report.view import progress
from nslab_lab.search import batch, failsites, hunt, pool
from nslab_lab.search.batch import Finding
from nslab_lab.search.pool import ScenarioResult

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

_HOW_IT_CAME_AGAIN = {
    batch.SOLO: "reproduced alone, with the same trace",
    batch.ALONE: "reproduced alone, with another trace, the same each time",
    batch.PREFIX: "reproduced with the same trace, but only after the executions before it",
    batch.NOT_REPRODUCED: "NOT REPRODUCED: the same executions did not fail the same way again",
    batch.UNCONFIRMED: "not confirmed: the run was interrupted",
}


def register(commands: Commands) -> None:
    """`nslab run`."""
    parser = commands.add_parser("run", help="run scenarios under faults")
    options.add_kernel_options(parser)
    options.add_scenario_option(parser)
    parser.add_argument(
        "--profile", metavar="NAME|FILE", help=f"faults to inject ({plan.DEFAULT_PROFILE})"
    )
    parser.add_argument("--strategy", metavar="NAME", help=f"how the next actor is chosen ({plan.DEFAULT_STRATEGY})")
    parser.add_argument(
        "--depth", metavar="D", help=f"pct: depth of the bug to find ({strategies.DEFAULT_DEPTH})"
    )
    parser.add_argument(
        "--preemptions", metavar="C",
        help=f"bounded: at most this many ({strategies.DEFAULT_PREEMPTIONS})",
    )  # fmt: skip
    parser.add_argument(
        "--unpruned", action="store_true",
        help="bounded: also run schedules that are equivalent to others",
    )  # fmt: skip
    parser.add_argument("--variant", metavar="NAME", help=f"deliberate defect ({plan.NO_VARIANT})")
    parser.add_argument(
        "--executions", metavar="N",
        help=f"of each scenario ({plan.DEFAULT_EXECUTIONS}); bounded: at most this many of each "
        f"input ({plan.DEFAULT_SEARCH})",
    )
    parser.add_argument("--seed", metavar="N", help=f"seed of all random numbers ({plan.DEFAULT_SEED})")
    parser.add_argument(
        "--findings", metavar="N", help="stop a scenario after this many (1); 0: never"
    )
    parser.add_argument("--batch", metavar="N", help=f"executions a boot ({plan.BATCH})")
    options.add_guest_options(parser)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    whole = options.whole
    # Whatever can be wrong is looked at before anything takes long.
    name = args.strategy or plan.DEFAULT_STRATEGY
    default = plan.DEFAULT_SEARCH if name == "bounded" else plan.DEFAULT_EXECUTIONS
    numbers = {
        "executions": whole("executions", args.executions, default, 1, 10**9),
        "seed": whole("seed", args.seed, plan.DEFAULT_SEED, 0, 2**64 - 1),
        "findings": whole("findings", args.findings, 1, 0, 10**6),
        "batch": whole("batch", args.batch, plan.BATCH, 1, 10**6),
    }
    jobs = options.jobs_of(args)
    strategy = _strategy(args, name)
    usual = plan.DEFAULT_STEERED_PROFILE if strategy.steers else plan.DEFAULT_PROFILE
    profile = profiles.load(args.profile or usual)
    if profile.fail_nth and not args.executions:
        numbers["executions"] = 0  # as many as that takes, which is not known yet
    variant = catalog.choose("variant", args.variant or plan.NO_VARIANT, catalog.variants())
    options.check_variants(args, [variant])
    demands.check()
    guest, chosen = scenarios.choose(args.scenario)
    catalog.choose("strategy", name, guest.program.strategies)
    if name == "replay":
        raise bad_input("strategy 'replay' is for tokens: make replay TOKEN=...")
    options.check_profile(profile, strategy)
    kernel = ensure_kernel(args.kernel or None, args.patch, series_name=args.series or None)
    machine = options.machine(args, kernel, guest.init)
    reach.check(kernel, chosen)
    run_plan = plan.make(
        kernel.name, kernel.id, profile, tuple(one.name for one in chosen),
        options.watches(profile, strategy, kernel), variant=variant, strategy=str(strategy),
        actors=tuple(one.actors for one in chosen),
        inputs=tuple(one.inputs for one in chosen), unpruned=args.unpruned,
        series=kernel.series, **numbers,
    )  # fmt: skip
    return Run(run_plan, machine, kernel, profile, args.patch, guest, chosen).run(jobs)


def _strategy(args: argparse.Namespace, name: str) -> Strategy:
    whole = options.whole
    depth = whole("depth", args.depth, strategies.DEFAULT_DEPTH, 1, strategies.MAX_DEPTH)
    preemptions = whole(
        "preemptions", args.preemptions, strategies.DEFAULT_PREEMPTIONS,
        0, strategies.MAX_PREEMPTIONS,
    )  # fmt: skip
    of = {"depth": "pct", "preemptions": "bounded", "unpruned": "bounded"}
    for option, strategy in of.items():
        if getattr(args, option) and name != strategy:
            raise bad_input(f"{front.option(option)} is for strategy {strategy}, not for {name}")
    match name:
        case "pct":
            return Strategy("pct", depth=depth)
        case "bounded":
            return Strategy("bounded", preemptions=preemptions)
    return Strategy(name)


@dataclass
class Run:
    """One run, told to the user and written to its folder as it goes."""

    plan: RunPlan
    machine: Machine
    kernel: Kernel
    profile: Profile
    patches: Sequence[Path]
    guest: Guest
    scenarios: Sequence[Scenario]  # those of the plan

    def run(self, jobs: int) -> int:
        """Run the plan; the exit status."""
        interrupts = Interrupts()
        with interrupts:  # from the folder to its summary
            return self._run(jobs, interrupts)

    def _run(self, jobs: int, interrupts: Interrupts) -> int:
        self._start = time.monotonic()
        self._folder = RunFolder()
        self._write_inputs()
        run_batch = functools.partial(_run_batch, self)
        try:
            is_pct = strategies.parse(self.plan.strategy).name == "pct"
            if is_pct or not self.plan.executions:
                self.plan = self._measured(jobs, interrupts)
            with ThreadPoolExecutor(jobs) as executor, progress(self.plan) as self._bar:
                results = pool.execute(self.plan, executor, jobs, run_batch, interrupts, self)
        except (LabError, OSError) as error:
            with contextlib.suppress(OSError):
                self._folder.write("summary.txt", f"The lab could not go on: {error}\n")
            raise
        finally:
            self._folder.close()
        return self._end(results, interrupts)

    def _measured(self, jobs: int, stop: Stop) -> RunPlan:
        """The plan with the length of each scenario's executions and rounds."""
        with ThreadPoolExecutor(jobs) as executor:
            measure = functools.partial(hunt.measure, self.machine, self.plan, self._folder.path, stop)
            measured = list(executor.map(measure, self.plan.scenarios))
        of_strategy = {}
        if strategies.parse(self.plan.strategy).name == "pct":
            of_strategy["lengths"] = tuple(one.length for one in measured)
        if not self.plan.executions:
            of_strategy["rounds"] = tuple(one.round for one in measured)
        return replace(self.plan, **of_strategy)

    # What pool.View wants to tell.

    def execution(self, scenario: str, execution: Execution) -> None:
        self._bar.execution(scenario, execution)

    def batch(self, scenario: str, executions: list[Execution]) -> None:
        self._folder.add_executions(scenario, executions)

    def finding(self, finding: Finding) -> None:
        steers = strategies.parse(finding.failure.token.strategy).steers
        watch = self.profile.watch if steers else ()
        draw = functools.partial(
            picture.draw, finding.steps, finding.failure.verdict, self.kernel, watch
        )
        drawn, full = draw(), draw(full=True)
        finding = smallest.with_line(finding, self.kernel)
        command = options.replay_command(
            finding.failure.token, self.profile, self.patches, self.kernel.series, self.guest.files()
        )
        folder = self._folder.add_finding(finding, command)
        picture.write(drawn, full, folder)
        failure = finding.failure
        lines = [
            "",
            f"FINDING {failure.token.scenario}, execution {failure.execution.n:,}",
            failure.verdict.headline,
            _HOW_IT_CAME_AGAIN[finding.reproduced],
        ]
        if finding.minimal:
            lines += [claims.minimal(drawn.preemptions, failure.token), "", picture.text(drawn)]
        lines += [f"see {shown(folder)}", command, ""]
        self._bar.say_result("\n".join(lines))

    def scenario(self, result: ScenarioResult) -> None:
        self._bar.scenario(result)

    def _write_inputs(self) -> None:
        plan_json, kernel, folder = self.plan.json(), self.kernel, self._folder
        folder.write("plan.json", plan_json + "\n")
        folder.write("config", kernel.config.read_text())
        versions = {**kernel.versions, "kernel": kernel.name, "kernel_id": kernel.id}
        folder.write_json("versions.json", {**versions, "engine": kernel.engine, "lab": _lab_version()})
        profile = folder.copy(self.profile.path)
        patches = [folder.copy(patch) for patch in self.patches]
        strategy = strategies.parse(self.plan.strategy)
        own = {
            name: f"./{one.copy_to(folder.new_input()).relative_to(folder.path)}"
            for name, one in self.guest.own.items()
        }
        words = ["--kernel", self.plan.kernel]
        for name in self.plan.scenarios:
            words += ["--scenario", own.get(name, name)]
        words += [
            *("--profile", f"./{profile}", "--strategy", strategy.name),
            *("--variant", self.plan.variant, "--seed", str(self.plan.seed)),
            *("--findings", str(self.plan.findings), "--batch", str(self.plan.batch)),
        ]
        if self.plan.executions:
            words += ["--executions", str(self.plan.executions)]
        if strategy.name == "pct":
            words += ["--depth", str(strategy.depth)]
        if strategy.name == "bounded":
            words += ["--preemptions", str(strategy.preemptions)]
            words += ["--unpruned"] * self.plan.unpruned
        if self.kernel.series:
            words += ["--series", self.kernel.series]
        for patch in patches:
            words += ["--patch", f"./{patch}"]
        folder.write_repeat(words)

    def _end(self, results: list[ScenarioResult], interrupts: Interrupts) -> int:
        seconds = time.monotonic() - self._start
        text = [
            table.about(self.plan),
            "",
            table.table(self.plan, results),
            f"{table.totals(results)} ({seconds:.0f} s)",
            *claims.of(self.plan, results),
            *claims.causes(results),
        ]
        # A guest that dies does not say which points it had reached.
        if not any(result.findings for result in results):
            text += self._reached(results)
        if interrupts.is_set():
            text.append("INTERRUPTED: these are the results so far")
        text.append(f"run folder: {shown(self._folder.path)}")
        self._folder.write("summary.txt", "\n".join(text) + "\n")
        if self.plan.fail_nth:
            self._folder.write("sites.txt", "\n".join(self._sites(results)))
        self._folder.write("result.ktap", ktap.document([_ktap(result) for result in results]))
        self._folder.write_json(
            "points.json", {result.name: dict(result.met.hits) for result in results}
        )
        print("\n" + "\n".join(text))
        if interrupts.is_set():
            return interrupts.status
        return FINDINGS if any(result.findings for result in results) else FOUND_NOTHING

    def _sites(self, results: list[ScenarioResult]) -> list[str]:
        """The failure sites of each scenario."""
        linux = self.kernel.linux
        return [failsites.document(linux, one.name, one.sites) for one in results if one.sites]

    def _reached(self, results: list[ScenarioResult]) -> list[str]:
        """What was reached, all scenarios together; by which of them is in the folder."""
        linux = self.kernel.linux
        by_scenario = {
            one.name: {"points": one.met.executions, "readers": readers.executions(linux, one.met)}
            for one in results
        }
        self._folder.write_json("coverage.json", by_scenario)
        return reach.summary(self.kernel, self.scenarios, [one.met for one in results])


def _run_batch(
    run: Run, boot_plan: plan.BootPlan, stop: Stop, on_execution: batch.Callback
) -> batch.Batch:
    folder = run._folder.path
    done = batch.run(run.machine, boot_plan, folder, run.plan.findings, stop, on_execution)
    actors = run.plan.actors_of(boot_plan.token.scenario)
    done.findings = [
        smallest.smallest(
            run.machine, run.kernel, run.profile, actors, finding, boot_plan, folder, stop
        )
        for finding in done.findings
    ]
    return done


def _ktap(result: ScenarioResult) -> ktap.Result:
    notes = [
        f"executions: {result.executions}, points: {result.points}, faults: {result.faults}",
        *(
            f"execution {one.failure.execution.n}: {one.failure.verdict.headline}; {one.failure.token}"
            for one in result.findings
        ),
    ]
    skipped = None if result.complete or result.findings else "interrupted"
    return ktap.Result(result.name, not result.findings, skipped, notes)


def _lab_version() -> str:
    done = subprocess.run(
        ["git", "-C", str(REPO), "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip() or "unknown"

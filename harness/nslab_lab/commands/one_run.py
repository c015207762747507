# SPDX-License-Identifier: GPL-2.0
"""One run: its batches, the reports while it runs, and its exit status."""

from __future__ import annotations

import contextlib
import functools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Sequence

from nslab_lab.build.catalog import Scenario
from nslab_lab.build.guest_program import Guest
from nslab_lab.build.kernel import Kernel
from nslab_lab.cli import options
from nslab_lab.commands import run_inputs, run_results
from nslab_lab.findings import picture, smallest
from nslab_lab.guest.boots import Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Execution
from nslab_lab.host.errors import FINDINGS, FOUND_NOTHING, LabError
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.paths import shown
from nslab_lab.plans import plan, strategies
from nslab_lab.plans.plan import RunPlan
from nslab_lab.plans.profiles import Profile
from nslab_lab.report import claims
from nslab_lab.report.runfolder import RunFolder
from nslab_lab.report.view import progress
from nslab_lab.search import batch, hunt, pool
from nslab_lab.search.batch import Finding
from nslab_lab.search.pool import ScenarioResult

_HOW_IT_CAME_AGAIN = {
    batch.SOLO: "reproduced alone, with the same trace",
    batch.ALONE: "reproduced alone, with another trace, the same each time",
    batch.PREFIX: "reproduced with the same trace, but only after the executions before it",
    batch.NOT_REPRODUCED: "NOT REPRODUCED: the same executions did not fail the same way again",
    batch.UNCONFIRMED: "not confirmed: the run was interrupted",
}


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
        run_inputs.write(
            self._folder, self.plan, self.kernel, self.profile.path, self.patches, self.guest
        )
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
        draw = functools.partial(picture.draw, finding.steps, finding.failure.verdict, self.kernel)
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
        if finding.late:
            lines.append(claims.late(finding.late))
        if finding.minimal:
            lines += [claims.minimal(drawn.preemptions, failure.token), "", picture.text(drawn)]
        lines += [f"see {shown(folder)}", command, ""]
        self._bar.say_result("\n".join(lines))

    def scenario(self, result: ScenarioResult) -> None:
        self._bar.scenario(result)

    def _end(self, results: list[ScenarioResult], interrupts: Interrupts) -> int:
        text = run_results.write(
            self._folder, self.plan, self.kernel, self.scenarios, results,
            time.monotonic() - self._start, interrupts.is_set(),
        )  # fmt: skip
        print("\n" + "\n".join(text))
        if interrupts.is_set():
            return interrupts.status
        return FINDINGS if any(result.findings for result in results) else FOUND_NOTHING


def _run_batch(
    run: Run, boot_plan: plan.BootPlan, stop: Stop, on_execution: batch.Callback
) -> batch.Batch:
    folder = run._folder.path
    done = batch.run(run.machine, boot_plan, folder, run.plan.findings, stop, on_execution)
    actors = run.plan.actors_of(boot_plan.token.scenario)
    done.findings = [
        smallest.smallest(
            run.machine, actors, finding, boot_plan, folder, stop
        )
        for finding in done.findings
    ]
    return done

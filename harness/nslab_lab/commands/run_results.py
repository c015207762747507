# SPDX-License-Identifier: GPL-2.0
"""The results of a run: files in its folder, and the lines of its summary."""

from __future__ import annotations

from dataclasses import asdict
from typing import Callable, Sequence

from nslab_lab.build.catalog import Scenario
from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import objects, readers
from nslab_lab.guest.words import Word
from nslab_lab.host.errors import LabError
from nslab_lab.host.paths import shown
from nslab_lab.plans.plan import RunPlan
from nslab_lab.report import claims, ktap, reach, table
from nslab_lab.report.runfolder import RunFolder
from nslab_lab.search import failsites
from nslab_lab.search.pool import ScenarioResult


def write(
    folder: RunFolder, run_plan: RunPlan, kernel: Kernel, scenarios: Sequence[Scenario],
    results: list[ScenarioResult], seconds: float, interrupted: bool,
) -> list[str]:
    """Write the results to the run's folder; returns the lines of its summary.

    @seconds: how long it took, of host time. @interrupted: it ended before all was run.
    """
    text = [
        table.about(run_plan),
        "",
        table.table(run_plan, results),
        f"{table.totals(results)} ({seconds:.0f} s)",
        *claims.of(run_plan, results, _word_namer(kernel, results)),
        *claims.causes(results),
    ]
    # A guest that dies does not say which points it had reached.
    if not any(result.findings for result in results):
        text += _reached(folder, kernel, scenarios, results)
    if interrupted:
        text.append("INTERRUPTED: these are the results so far")
    text.append(f"run folder: {shown(folder.path)}")
    folder.write("summary.txt", "\n".join(text) + "\n")
    if run_plan.fail_nth:
        folder.write("sites.txt", "\n".join(_sites(kernel, results)))
    folder.write("result.ktap", ktap.document([_ktap(result) for result in results]))
    if any(result.words for result in results):
        folder.write_json("words.json", {one.name: list(map(asdict, one.words)) for one in results})
    folder.write_json("points.json", {result.name: dict(result.met.hits) for result in results})
    return text


def _word_namer(kernel: Kernel, results: Sequence[ScenarioResult]) -> Callable[[Word], str]:
    """Names shared words, by debug information; without, by their offsets."""
    words = [word for result in results for word in result.words]
    try:
        known = objects.of(kernel.linux, kernel.src, {(word.object, word.site) for word in words})
    except LabError:
        return lambda word: f"{word.object}+{word.offset:#x}"
    return lambda word: known[word.object, word.site].member(word.offset, word.size)


def _sites(kernel: Kernel, results: Sequence[ScenarioResult]) -> list[str]:
    """The failure sites of each scenario."""
    linux = kernel.linux
    return [failsites.document(linux, one.name, one.sites) for one in results if one.sites]


def _reached(
    folder: RunFolder, kernel: Kernel, scenarios: Sequence[Scenario], results: Sequence[ScenarioResult]
) -> list[str]:
    """What was reached, all scenarios together; by which of them is in the folder."""
    linux = kernel.linux
    by_scenario = {
        one.name: {"points": one.met.executions, "readers": readers.executions(linux, one.met)}
        for one in results
    }
    folder.write_json("coverage.json", by_scenario)
    return reach.summary(kernel, scenarios, [one.met for one in results])


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

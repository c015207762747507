# SPDX-License-Identifier: GPL-2.0
"""The progress of a run: bars on a terminal, otherwise a line for each scenario."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Iterator, Protocol

from nslab_lab.guest.results import Execution
from nslab_lab.host.progress import say
from nslab_lab.plans import strategies
from nslab_lab.plans.plan import RunPlan
from nslab_lab.report import table
from nslab_lab.search.pool import ScenarioResult

if TYPE_CHECKING:
    from rich.progress import Progress as Bars


class Progress(Protocol):
    """Shows the progress of a run."""

    def execution(self, scenario: str, execution: Execution) -> None:
        """Another execution has ended; called from any thread."""

    def scenario(self, result: ScenarioResult) -> None:
        """A scenario has ended."""

    def say_result(self, text: str) -> None:
        """Print @text on stdout, unbroken."""


@contextlib.contextmanager
def progress(plan: RunPlan) -> Iterator[Progress]:
    """The progress of a run of @plan, on stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bars, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[findings]}"),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bars:
        yield _Bars(bars, plan)


class _Lines:
    def execution(self, scenario: str, execution: Execution) -> None:
        pass

    def scenario(self, result: ScenarioResult) -> None:
        say(table.one_line(result))

    def say_result(self, text: str) -> None:
        print(text, flush=True)


class _Bars:
    def __init__(self, bars: Bars, plan: RunPlan) -> None:
        self._bars = bars
        # A search does not know in advance how many schedules there are.
        searches = strategies.parse(plan.strategy).searches
        self._tasks = {
            name: bars.add_task(
                name, total=None if searches else plan.executions_of(name), start=False, rate="",
                findings="",
            )  # fmt: skip
            for name in plan.scenarios
        }
        self._started: set[str] = set()

    def execution(self, scenario: str, execution: Execution) -> None:
        task = self._tasks[scenario]
        if scenario not in self._started:
            self._started.add(scenario)
            self._bars.start_task(task)
        speed = self._bars.tasks[task].speed
        rate = f"{speed:,.0f}/s" if speed else ""
        self._bars.update(task, advance=1, rate=rate)

    def scenario(self, result: ScenarioResult) -> None:
        task = self._tasks[result.name]
        findings = table.count(len(result.findings), "finding") if result.findings else ""
        self._bars.update(task, completed=result.executions, findings=findings, rate="")

    def say_result(self, text: str) -> None:
        if sys.stdout.isatty():
            # Above the bars, and unbroken, so that a command can be copied.
            self._bars.console.print(text, soft_wrap=True, markup=False, highlight=False)
        else:
            print(text, flush=True)

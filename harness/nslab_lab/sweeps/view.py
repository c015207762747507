# SPDX-License-Identifier: GPL-2.0
"""What the user sees while a sweep goes on: a bar on a terminal, else a line a minute."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator, Protocol

from nslab_lab.host.progress import say
from nslab_lab.report.table import count
from nslab_lab.sweeps import durations

if TYPE_CHECKING:
    from rich.progress import Progress as Bars, TaskID

LINE_S = 60.0
_WINDOW_S = 60.0  # of the rate


@dataclass(frozen=True)
class State:
    """How far a sweep is."""

    executions: int
    findings: int
    untouched: int  # cells that had no batch yet
    part: float  # of the whole, 0 to 1
    seconds: float  # spent


class View(Protocol):
    """Shows it."""

    def update(self, state: State) -> None:
        """Something has changed, or some time has passed."""


class Rate:
    """Executions per second of late."""

    def __init__(self) -> None:
        self._past: list[tuple[float, int]] = []

    def of(self, state: State) -> float:
        """The rate over the last minute up to @state."""
        self._past.append((state.seconds, state.executions))
        while len(self._past) > 2 and self._past[1][0] < state.seconds - _WINDOW_S:
            self._past.pop(0)
        (start, before), (end, now) = self._past[0], self._past[-1]
        return (now - before) / (end - start) if end > start else 0.0


def line(state: State, rate: float) -> str:
    """All of it in words."""
    words = [
        f"{rate:,.0f} executions/s",
        count(state.executions, "execution"),
        count(state.findings, "finding"),
    ]
    if state.untouched:
        words.append(f"{count(state.untouched, 'cell')} left")
    if left := _left(state):
        words.append(f"{left} left")
    return ", ".join(words)


def _left(state: State) -> str:
    """How much time is left, as far as one can tell."""
    if state.part >= 1:
        return ""
    if state.part <= 0.001 or state.seconds < 2:
        return ""
    return durations.shown(state.seconds / state.part * (1 - state.part))


@contextlib.contextmanager
def view(name: str) -> Iterator[View]:
    """The view of the sweep @name, on stderr."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=14), TaskProgressColumn(),
        TextColumn("{task.fields[words]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bar(bars, bars.add_task(name, total=1.0, words=""))


class Lines:
    """A line a minute."""

    def __init__(self) -> None:
        self._rate = Rate()
        self._next = time.monotonic() + LINE_S

    def update(self, state: State) -> None:
        rate = self._rate.of(state)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_S
            say(line(state, rate))


class _Bar:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars = bars
        self._task = task
        self._rate = Rate()

    def update(self, state: State) -> None:
        rate = self._rate.of(state)
        words = [f"{rate:,.0f}/s", count(state.findings, "finding")]
        if state.untouched:
            words.append(f"{state.untouched:,} cells left")
        if left := _left(state):
            words.append(f"{left} left")
        self._bars.update(self._task, completed=min(state.part, 1.0), words=", ".join(words))

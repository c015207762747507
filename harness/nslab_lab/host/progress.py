# SPDX-License-Identifier: GPL-2.0
"""What the user sees while something takes long: a bar on a terminal, else two lines."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Callable, Iterator

Step = Callable[[int], None]  # takes how much is done by now


def say(line: str) -> None:
    """One line for the user, on stderr: stdout is for results."""
    print(f"nslab: {line}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def task(doing: str, done: str, total: int | None = None) -> Iterator[Step]:
    """Show @doing while the body runs and @done with the seconds it took after it.

    @total: how much there is to do, None when that is not known. Nothing is said
    after a failure: the error will be.
    """
    start = time.monotonic()
    if sys.stderr.isatty():
        with _bar(doing, total) as step:
            yield step
    else:
        say(doing)
        yield lambda _: None
    say(f"{done} ({time.monotonic() - start:.0f} s)")


@contextlib.contextmanager
def _bar(doing: str, total: int | None) -> Iterator[Step]:
    # Imported here because it takes 0.1 s, which a command with nothing to build need not pay.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = [TextColumn("nslab: {task.description}"), BarColumn(), TimeElapsedColumn()]
    if total:
        columns.insert(2, TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task(doing, total=total)
        yield lambda amount: bar.update(shown, completed=min(amount, total or amount))

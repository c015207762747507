# SPDX-License-Identifier: GPL-2.0
"""What an executor runs for a sweep: one batch, or one finding made smaller.

Plain data in, plain data out; what comes out depends on the task and the kernel alone, but for
the seconds.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, TypeVar

from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import readers
from nslab_lab.findings import picture, smallest
from nslab_lab.findings.minimize import preemptions
from nslab_lab.guest import cause
from nslab_lab.guest.boots import GuestKilled, Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.host import files
from nslab_lab.host.errors import LabError, lab_failed
from nslab_lab.host.paths import shown
from nslab_lab.plans import strategies, token
from nslab_lab.plans.plan import NO_VARIANT, BootPlan, RunPlan
from nslab_lab.plans.profiles import Profile
from nslab_lab.report import races
from nslab_lab.search import batch, hunt
from nslab_lab.search.batch import Batch, Finding
from nslab_lab.sweeps import sketch
from nslab_lab.sweeps.rows import Found, Outcome, Smaller

# A guest may not come up once.
ATTEMPTS = 3
# It may be killed by somebody else, such as a machine that is out of memory, over and over.
MOST_KILLED = 50
# Too little for a guest to tell what it did, bytes.
_ROOM = 1 << 20
# Of a console this much is kept, characters; the end of it, where the report is.
_CONSOLE = 200_000


@dataclass(frozen=True)
class Task:
    """A batch of a cell."""

    machine: Machine
    kernel: Kernel
    profile: Profile
    plan: RunPlan  # the cell's
    number: int  # of the batch in the cell, from 0
    search: int  # schedules at the most, where the strategy searches
    folder: Path  # for a while

    @property
    def scenario(self) -> str:
        """The only one of the plan."""
        return self.plan.scenarios[0]

    @property
    def signed(self) -> str:
        """What stands before a signature, and a cause."""
        return "" if self.plan.variant == NO_VARIANT else f"{self.plan.variant}: "


def run_batch(task: Task, stop: Stop) -> Outcome | None:
    """Run a batch; None where it was stopped. Raises LabError(3) where there is no room left."""
    outcome = None
    for _ in range(ATTEMPTS):
        try:
            return _again_if_killed(task, lambda place: _batch(task, place, stop))
        except LabError as error:
            _check_room(task.folder)
            # The folder it may point to is gone.
            outcome = Outcome(0, 0, 0, 0.0, error=error.message.partition("; see ")[0])
        if stop.is_set():
            return None
    return outcome


def make_smaller(task: Task, finding: str, reproduced: str, stop: Stop) -> Smaller | None:
    """The finding of that token as small as it gets; None where it does not come again.

    After a stop what is returned is of no use.
    """
    for _ in range(ATTEMPTS):
        try:
            return _again_if_killed(
                task, lambda place: _smaller(task, finding, reproduced, place, stop)
            )
        except LabError:
            # The finding is worth more than a smaller one, and the night more than both.
            _check_room(task.folder)
        if stop.is_set():
            return None
    return None


_T = TypeVar("_T")


def _again_if_killed(task: Task, work: Callable[[Path], _T]) -> _T:
    """What @work gives in a folder that is removed after it, with guests that have ended by themselves."""
    for _ in range(MOST_KILLED):
        place = Path(tempfile.mkdtemp(dir=task.folder))
        try:
            return work(place)
        except GuestKilled:
            continue
        finally:
            files.remove(place)
    raise lab_failed(
        f"guests of {task.scenario} are killed from outside, as the OOM killer does"
    )


def _batch(task: Task, place: Path, stop: Stop) -> Outcome | None:
    boot_plan = _boot_plan(task, place, stop)
    done = batch.run(task.machine, boot_plan, place, 1, stop)
    return None if stop.is_set() else _outcome(task, done)


def _smaller(task: Task, finding: str, reproduced: str, place: Path, stop: Stop) -> Smaller | None:
    boot_plan = _boot_plan(task, place, stop)
    wanted = token.parse(finding)
    failure, boot = batch.replay(task.machine, wanted, boot_plan, place / "again", stop)
    if failure is None:
        return None
    steps = tuple(step for step in boot.steps if step.n == wanted.n)
    was = Finding(failure, reproduced, steps, boot.console)
    actors = task.plan.actors_of(task.scenario)
    small = smallest.smallest(
        task.machine, actors, was, boot_plan, place, stop
    )
    drawn = picture.draw(small.steps, small.failure.verdict, task.kernel)
    small = smallest.with_line(small, task.kernel)
    return Smaller(
        small.minimal,
        str(small.failure.token),
        small.failure.verdict.headline,
        preemptions(small.steps),
        picture.render(drawn, "svg"),
        picture.text(drawn),
        small.failure.verdict.report,
    )


def _boot_plan(task: Task, place: Path, stop: Stop) -> BootPlan:
    plan, scenario = task.plan, task.scenario
    if strategies.parse(plan.strategy).name == "pct":
        plan = replace(plan, lengths=(_length(task, place, stop),))
    if strategies.parse(plan.strategy).searches:
        # Its executions are one input's.
        n = task.number + 1
        return replace(plan.boot(scenario, n, n), count=task.search, words=not task.number)
    first = task.number * plan.batch + 1
    return replace(plan.boot(scenario, first, first + plan.batch - 1), words=not task.number)


_lengths: dict[RunPlan, int] = {}  # measured so far; it is always the same


def _length(task: Task, place: Path, stop: Stop) -> int:
    """How long the executions of a cell are, in steps."""
    if task.plan not in _lengths:
        measured = hunt.measure(task.machine, task.plan, place, stop, task.scenario)
        if stop.is_set():
            return measured.length
        _lengths[task.plan] = measured.length
    return _lengths[task.plan]


def _outcome(task: Task, done: Batch) -> Outcome:
    # A guest that is ended after a failure may have said which points it had reached, or not.
    whole = not done.findings
    hashes = sketch.Sketch(sketch.hash_of(one.hash) for one in done.executions if one.hash)
    return Outcome(
        executions=len(done.executions),
        points=sum(one.points or 0 for one in done.executions),
        faults=sum(one.faults or 0 for one in done.executions),
        seconds=done.seconds,
        traces=tuple(sorted(hashes.lowest)),
        reached=dict(done.met.executions) if whole else {},
        readers=readers.executions(task.kernel.linux, done.met) if whole else {},
        found=tuple(_found(task, one) for one in done.findings),
        words=_words(task, done),
    )


def _words(task: Task, done: Batch) -> str | None:
    """What the actors share on the correct kernel, if the batch tells."""
    if not done.words or task.plan.variant != NO_VARIANT:
        return None
    actors = task.plan.actors_of(task.scenario)
    return races.packed(races.table(task.kernel, task.scenario, actors, done.words))


def _found(task: Task, finding: Finding) -> Found:
    failure = finding.failure
    judged = failure.verdict
    console = finding.console.read_text(errors="replace") if finding.console else ""
    return Found(
        execution=failure.execution.n,
        cause=task.signed + cause.of(judged.oracle, judged.signature, console),
        signature=task.signed + judged.signature,
        oracle=judged.oracle,
        headline=judged.headline,
        token=str(failure.token),
        hash=failure.execution.hash,
        reproduced=finding.reproduced,
        console=console[-_CONSOLE:],
    )


def _check_room(folder: Path) -> None:
    """Raises LabError(3) where no guest could tell what it did."""
    if shutil.disk_usage(folder).free < _ROOM:
        raise lab_failed(
            f"{shown(folder)}: no space left; what was committed is safe: free some and go on "
            "with RESUME=1"
        )

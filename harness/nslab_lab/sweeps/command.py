# SPDX-License-Identifier: GPL-2.0
"""`nslab sweep`: many runs for a given time, unattended."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Mapping, Sequence

from nslab_lab.build.catalog import Scenario
from nslab_lab.build.kernel import Kernel, ensure_kernel
from nslab_lab.build.scenarios import Guest
from nslab_lab.cli import options
from nslab_lab.debuginfo import readers
from nslab_lab.guest import demands
from nslab_lab.guest.boots import Machine
from nslab_lab.host import front, scratch
from nslab_lab.host.errors import FINDINGS, FOUND_NOTHING, LAB_FAILED, LabError, bad_input
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.paths import shown
from nslab_lab.host.progress import say
from nslab_lab.matrix import cells
from nslab_lab.plans import plan, profiles
from nslab_lab.plans.plan import NO_VARIANT
from nslab_lab.plans.profiles import Profile
from nslab_lab.plans.watch import Watch

from nslab_lab.sweeps import (
    description, durations, exports, gather, judge, known, notify, report, retention, rule, text,
    work,
)  # fmt: skip
from nslab_lab.sweeps.description import Description
from nslab_lab.sweeps.runner import Runner

from nslab_lab.report.table import count
from nslab_lab.sweeps.rows import LEFT, RUNNING, CellRow, Key, SweepRow
from nslab_lab.sweeps.store import DEFAULT, Store, alone
from nslab_lab.sweeps.view import view

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

DEFAULT_NAME = "smoke"


def register(commands: Commands) -> None:
    """`nslab sweep`."""
    parser = commands.add_parser("sweep", help="many runs for a given time, unattended")
    parser.add_argument("name", metavar="NAME|FILE", nargs="?", help=f"({DEFAULT_NAME})")
    parser.add_argument("--budget", metavar="TIME", help="such as 10m or 8h")
    parser.add_argument("--executions", metavar="N", help="or: so many, as planned")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the last one that was left"
    )
    parser.add_argument("--repeat", metavar="ID", help="a sweep again: its cells and its seeds")
    known.add_option(parser)
    parser.add_argument("--keep", metavar="TIME", help="drop sweeps that are older, such as 30d")
    notify.add_option(parser)
    parser.add_argument("--db", metavar="FILE", help=f"results ({shown(DEFAULT)})")
    parser.add_argument("--no-report", action="store_true", help="make no report at the end")
    parser.add_argument(
        "--patch", metavar="FILE", type=Path, action="append", default=[],
        help="a kernel patch on top of the series",
    )  # fmt: skip
    options.add_guest_options(parser)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    budget = durations.parse("budget", args.budget) if args.budget else None
    executions = options.whole("executions", args.executions, 0, 1, 10**12) or None
    keep = durations.parse("keep", args.keep) if args.keep else None
    jobs = options.jobs_of(args)
    reasons = known.read(Path(args.known)) if args.known else {}
    path = Path(args.db).absolute() if args.db else DEFAULT
    if args.resume and (budget or executions or args.repeat):
        words = ", ".join(map(front.option, ("budget", "executions", "repeat")))
        raise bad_input(
            f"{front.option('resume')} goes on with a sweep as it was begun: leave {words} out"
        )
    if args.repeat and args.name:
        raise bad_input(f"{front.option('repeat')} takes the cells of that sweep: leave its name out")
    file = description.path_of(args.name or DEFAULT_NAME)
    demands.check()
    guest = description.guest(file)
    described = description.read(file, guest)
    with alone(path), Store(path) as store:
        lab = _Lab(args, guest)
        row = _row(described)
        if not args.repeat:
            lab.describe(described.cells)
        if args.resume:
            row = _left(store, lab, described.name if args.name else None) or row
        if args.repeat:
            row = _repeated(store, lab, args.repeat)
        if not row.sweep:
            if budget or executions:
                row = replace(row, budget=budget, executions=executions)
            if executions and not args.repeat:
                # Batches are run whole: of a few executions there are to be no more than asked for.
                row = replace(
                    row, batch=min(row.batch, executions), search=min(row.search, executions)
                )
            row = store.begin(row, lab.cells)
            say(f"sweep {row.id}: {count(len(lab.cells), 'cell')}, {_until(row)}")
        return _Sweep(store, lab, row, path, reasons, args).run(jobs, keep)


def _until(row: SweepRow) -> str:
    """When it ends."""
    words = []
    if row.budget:
        words.append(durations.shown(row.budget))
    if row.executions:
        words.append(count(row.executions, "execution"))
    return " or ".join(words)


class _Lab:
    """The kernels and profiles of a sweep's cells."""

    def __init__(self, args: argparse.Namespace, guest: Guest) -> None:
        self._args = args
        self._init = guest.init
        self.scenarios: Mapping[str, Scenario] = {one.name: one for one in guest.program.scenarios}
        self.kernels: dict[str, Kernel] = {}
        self._machines: dict[str, Machine] = {}
        self._profiles: dict[str, Profile] = {}
        self._watches: dict[tuple[str, str, str], Sequence[Watch]] = {}
        self.cells: list[CellRow] = []

    def kernel(self, name: str) -> Kernel:
        """The kernel of that name, built. Raises LabError."""
        if name not in self.kernels:
            kernel = self.kernels[name] = ensure_kernel(name, self._args.patch)
            machine = options.machine(self._args, kernel, self._init)
            self._machines[name] = replace(machine, raises_killed=True)
            readers.names(kernel.linux)  # whatever is wrong with that shall not show at night
        return self.kernels[name]

    def profile(self, name: str) -> Profile:
        """The profile of that name, or of that path."""
        if name not in self._profiles:
            self._profiles[name] = profiles.load(name)
        return self._profiles[name]

    def describe(self, described: Sequence[description.CellOf]) -> None:
        """Take the cells of a description."""
        self.cells = [
            CellRow(
                number, one.scenario, one.strategy, one.profile, self.profile(one.profile).digest,
                one.variant, one.kernel, self.kernel(one.kernel).id, one.seed,
            )
            for number, one in enumerate(described)
        ]  # fmt: skip

    def changed(self, rows: Sequence[CellRow]) -> str | None:
        """Why cells of a sweep cannot be run as they were, None if they can."""
        for row in rows:
            if row.scenario not in self.scenarios:
                return f"there is no scenario {row.scenario} any more"
            try:
                if self.profile(row.profile).digest != row.digest:
                    return f"profile {row.profile} is another one now"
                kernel = self.kernel(row.kernel)
            except LabError as error:
                return error.message
            if kernel.id != row.kernel_id:
                return f"kernel {row.kernel}-{row.kernel_id} is now {kernel.name}-{kernel.id}"
        return None

    def limits(self, row: SweepRow) -> list[rule.Limits]:
        """What the rule has to know of the cells."""
        found = []
        for cell in self.cells:
            searches = cells.Way(cell.strategy).full.searches
            inputs = self.scenarios[cell.scenario].inputs
            found.append(rule.Limits(row.search, inputs) if searches else rule.Limits(row.batch))
        return found

    def task(self, row: SweepRow, folder: Path, cell: CellRow, number: int) -> work.Task:
        """The task of a cell's batch @number."""
        scenario, profile = self.scenarios[cell.scenario], self.profile(cell.profile)
        kernel, way = self.kernel(cell.kernel), cells.Way(cell.strategy, cell.profile)
        key = (cell.kernel, cell.strategy, cell.profile)
        if key not in self._watches:
            self._watches[key] = options.watches(profile, way.full, kernel)
        made = plan.make(
            kernel.name, kernel.id, profile, (scenario.name,), self._watches[key],
            variant=cell.variant, strategy=str(way.full), seed=seed_of(row.seeds, cell.cell),
            executions=row.batch, findings=1, batch=row.batch, actors=(scenario.actors,),
            inputs=(scenario.inputs,),
        )  # fmt: skip
        machine = self._machines[cell.kernel]
        return work.Task(machine, kernel, profile, made, number, row.search, folder)


def seed_of(seeds: str, cell: int) -> int:
    """The seed of a cell; @seeds: the id of the sweep that it derives from."""
    return int.from_bytes(hashlib.sha256(f"{seeds}/{cell}".encode()).digest()[:8], "big")


# === Which sweep ===


def _row(described: Description) -> SweepRow:
    """A sweep of a description, not begun yet."""
    return SweepRow(
        0, "", described.name, "", described.about, described.executions, described.budget_s,
        described.batch, described.search, described.ahead, RUNNING, _now(), 0.0,
    )  # fmt: skip


def _now() -> str:
    """For people, and for how long it is kept."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def _left(store: Store, lab: _Lab, name: str | None) -> SweepRow | None:
    """The last sweep that is not finished; None where there is none that can be continued."""
    # One that another of its name came after was given up.
    latest = {row.name: row for row in store.sweeps()}
    rows = [row for row in latest.values() if row.state == RUNNING and name in (None, row.name)]
    if not rows:
        say("there is no sweep to go on with: a new one begins")
        return None
    row = max(rows, key=lambda one: one.sweep)
    cells_of = store.cells(row.sweep)
    if why := lab.changed(cells_of):
        say(f"sweep {row.id} cannot go on: {why}: a new one begins")
        store.end(row.sweep, LEFT, row.seconds)
        return None
    lab.cells = cells_of
    through = sum(one.executions is not None for one in store.batches(row.sweep))
    say(f"sweep {row.id} goes on: {count(through, 'boot')} were through")
    return row


def _repeated(store: Store, lab: _Lab, id: str) -> SweepRow:
    """The sweep of that id again, not begun yet: as many executions, whatever it had in mind."""
    rows = {row.id: row for row in store.sweeps()}
    if id not in rows:
        there = ", ".join(list(rows)[-5:]) or "none"
        raise bad_input(
            f"{front.option('repeat')}={id}: there is no such sweep in {shown(store.path)}; the last are {there}"
        )
    old = rows[id]
    batches = store.batches(old.sweep)
    if not batches:
        raise bad_input(f"{front.option('repeat')}={id}: nothing is kept of its batches")
    was = store.cells(old.sweep)
    if why := lab.changed(was):
        say(f"not quite the same: {why}")
    lab.describe([
        description.CellOf(one.scenario, one.strategy, one.profile, one.variant, one.kernel, one.seed)
        for one in was
    ])  # fmt: skip
    planned = sum(one.planned for one in batches)
    return replace(
        old,
        sweep=0,
        id="",
        budget=None,
        executions=planned,
        state=RUNNING,
        started=_now(),
        seconds=0.0,
    )


# === Running it ===


@dataclass
class _Sweep:
    """One sweep, told to the user as it goes."""

    store: Store
    lab: _Lab
    row: SweepRow
    path: Path  # of the results file
    reasons: Mapping[str, str]
    args: argparse.Namespace

    def run(self, jobs: int, keep_s: float | None) -> int:
        """Run it and say what came of it; the exit status."""
        store = self.store
        for kernel in self.lab.kernels.values():
            store.keep_kernel(
                kernel.id, kernel.name, kernel.config.read_text(), json.dumps(kernel.versions),
                " ".join(str(patch.resolve()) for patch in self.args.patch),
            )  # fmt: skip
        place = self.path.with_name(f"{self.path.name}.work")
        # A sweep that was killed together with the keeper of its folders.
        scratch.end_processes(place)
        shutil.rmtree(place, ignore_errors=True)
        interrupts = Interrupts()
        with interrupts:  # to the summary
            return self._run(jobs, keep_s, place, interrupts)

    def _run(self, jobs: int, keep_s: float | None, place: Path, interrupts: Interrupts) -> int:
        store, row = self.store, self.row
        with scratch.folder(place), view(row.id) as shown_to:
            runner = Runner(
                store, row, self.lab.limits(row),
                lambda cell, number: self.lab.task(row, place, cell, number),
                interrupts, shown_to, self._new_finding,
            )  # fmt: skip
            self._tell_again()
            with ThreadPoolExecutor(jobs) as executor:
                done = runner.run(executor, jobs)
        if done and keep_s:
            now = datetime.datetime.now(datetime.timezone.utc)
            retention.apply(store, keep_s, now)
        return self._end(interrupts)

    # === Telling the user's command ===

    def _tell_again(self) -> None:
        """What was found before a crash, and not told any more."""
        for key in self.store.rows(
            "SELECT cause, signature FROM findings WHERE sweep = ? AND through AND NOT told "
            "ORDER BY n", self.row.sweep,
        ):  # fmt: skip
            self._new_finding(Key(*key))

    def _new_finding(self, key: Key) -> None:
        """Once for each cause: the first signature of it that is through."""
        if not self.args.notify:
            return
        told = self.store.rows(
            "SELECT 1 FROM findings WHERE sweep = ? AND cause = ? AND told", self.row.sweep, key.cause
        )
        if not told:
            found = judge.findings(self.store, [self.row], self.reasons)
            for one in found:
                if one.cause == key.cause and one.status == judge.NEW:
                    notify.tell(self.args.notify, {"sweep": self.row.id, **exports.finding(one)})
        self.store.told(self.row.sweep, key.cause)

    # === The end ===

    def _end(self, interrupts: Interrupts) -> int:
        store = self.store
        row = next(one for one in store.sweeps() if one.sweep == self.row.sweep)
        found = judge.findings(store, [row], self.reasons)
        ((executions, ran),) = store.rows(
            "SELECT sum(executions), sum(executions > 0) FROM cells WHERE sweep = ?", row.sweep
        )
        errors = errors_of(store, row)
        print(
            f"sweep {row.id}: {count(executions or 0, 'execution')} in {count(ran or 0, 'cell')} of "
            f"{len(self.lab.cells):,}, {durations.shown(row.seconds)}: {text.headline(found)}"
        )
        for line in text.document(found, errors):
            print(line)
        if interrupts.is_set():
            print("INTERRUPTED: these are the results so far; RESUME=1 goes on")
        if not self.args.no_report:
            made = gather.report(store, [row], self.reasons)
            print(f"report: {report.write(made, self.path.parent)}")
        if interrupts.is_set():
            return interrupts.status
        if any(one.status == judge.NEW for one in found):
            return FINDINGS
        return LAB_FAILED if errors else FOUND_NOTHING


def errors_of(store: Store, row: SweepRow) -> list[tuple[str, str]]:
    """The cells that could not be run, and why."""
    return [
        (f"{scenario} {strategy}+{profile}" + (f", {variant}" if variant != NO_VARIANT else ""), why)
        for scenario, strategy, profile, variant, why in store.rows(
            "SELECT scenario, strategy, profile, variant, error FROM cells "
            "WHERE sweep = ? AND error IS NOT NULL ORDER BY cell", row.sweep,
        )
    ]  # fmt: skip

# SPDX-License-Identifier: GPL-2.0
"""`nslab sweep`: many runs for a given time, unattended."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nslab_lab.cli import options
from nslab_lab.guest import demands
from nslab_lab.host import front
from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import shown
from nslab_lab.host.progress import say
from nslab_lab.report.table import count
from nslab_lab.sweeps import description, durations, known, notify, selection
from nslab_lab.sweeps.cell_tasks import Lab
from nslab_lab.sweeps.one_sweep import Sweep
from nslab_lab.sweeps.one_writer import alone
from nslab_lab.sweeps.rows import SweepRow
from nslab_lab.sweeps.store import DEFAULT, Store

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
        lab = Lab(args, guest)
        row = selection.new(described)
        if not args.repeat:
            lab.describe(described.cells)
        if args.resume:
            row = selection.left(store, lab, described.name if args.name else None) or row
        if args.repeat:
            row = selection.repeated(store, lab, args.repeat)
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
        return Sweep(store, lab, row, path, reasons, args).run(jobs, keep)


def _until(row: SweepRow) -> str:
    """When it ends."""
    words = []
    if row.budget:
        words.append(durations.shown(row.budget))
    if row.executions:
        words.append(count(row.executions, "execution"))
    return " or ".join(words)

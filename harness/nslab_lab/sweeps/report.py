# SPDX-License-Identifier: GPL-2.0
"""`nslab report`: one HTML page of the last sweep, or of some; and the same for machines."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Sequence

from nslab_lab.host import files
from nslab_lab.host import front
from nslab_lab.host.errors import FOUND_NOTHING, bad_input
from nslab_lab.host.paths import shown
from nslab_lab.sweeps import durations, exports, gather, known, text
from nslab_lab.sweeps.rows import SweepRow
from nslab_lab.sweeps.store import DEFAULT, Store

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

FORMATS = ("html", "json", "junit", "ktap")


def register(commands: Commands) -> None:
    """`nslab report`."""
    parser = commands.add_parser("report", help="what the last sweep found")
    parser.add_argument(
        "--since",
        metavar="ID|TIME",
        help="from that sweep on, or from so long ago, such as 7d (the last one)",
    )
    known.add_option(parser)
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        help="print it as json, junit or ktap; html: write all of them",
    )
    parser.add_argument("--db", metavar="FILE", help=f"results ({shown(DEFAULT)})")
    parser.add_argument("--out", metavar="FOLDER", help="where it is written (beside the results)")
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    form = args.format or "html"
    if form not in FORMATS:
        raise bad_input(f"{front.option('format')}={form}: there is {', '.join(FORMATS)}")
    reasons = known.read(Path(args.known)) if args.known else {}
    path = Path(args.db).absolute() if args.db else DEFAULT
    with Store(path, writable=False) as store:
        chosen = _chosen(store, args.since)
        made = gather.report(store, chosen, reasons)
    if form != "html":
        print(_EXPORTS[form](made), end="")
        return FOUND_NOTHING
    page = write(made, Path(args.out).absolute() if args.out else path.parent)
    print(f"{_names(chosen)}: {text.headline(made.findings)}")
    print(f"beside it {', '.join(_FILES.values())}")
    print(f"report: {page}")
    return FOUND_NOTHING


def _names(chosen: Sequence[SweepRow]) -> str:
    first, last = chosen[0].id, chosen[-1].id
    return first if first == last else f"{first} to {last}"


_EXPORTS = {"json": exports.as_json, "junit": exports.as_junit, "ktap": exports.as_ktap}
_FILES = {"json": "report.json", "junit": "junit.xml", "ktap": "report.ktap"}


def write(made: exports.Report, folder: Path) -> Path:
    """Write report.html, and the same for machines, into @folder; the page."""
    from nslab_lab.sweeps import html  # here, because matplotlib takes a second

    folder.mkdir(parents=True, exist_ok=True)
    for form, name in _FILES.items():
        files.write(folder / name, _EXPORTS[form](made).encode(errors="replace"))
    page = folder / "report.html"
    files.write(page, html.page(made).encode(errors="replace"))
    return page


def _chosen(store: Store, since: str | None) -> list[SweepRow]:
    """The sweeps since @since, the last one if that is None. Raises LabError(2)."""
    rows = store.sweeps()
    if not rows:
        raise bad_input(f"there is no sweep in {shown(store.path)}: make sweep makes one")
    if since is None:
        return rows[-1:]
    for index, row in enumerate(rows):
        if row.id == since:
            return rows[index:]
    if durations.problem_of(since):
        raise bad_input(
            f"since={since}: neither a sweep, such as {rows[-1].id}, nor a duration such as 7d"
        )
    now = datetime.datetime.now(datetime.timezone.utc)
    oldest = now - datetime.timedelta(seconds=durations.seconds(since))
    chosen = [row for row in rows if datetime.datetime.fromisoformat(row.started) >= oldest]
    if not chosen:
        raise bad_input(
            f"since={since}: no sweep is as young as that, the last one is {rows[-1].id}"
        )
    return chosen

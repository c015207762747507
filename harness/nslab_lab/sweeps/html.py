# SPDX-License-Identifier: GPL-2.0
"""The report as one HTML page that needs nothing else: no network, no file beside it."""

from __future__ import annotations

import base64
import functools
from collections import Counter
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from nslab_lab.report import races_html
from nslab_lab.report.table import count
from nslab_lab.search import batch
from nslab_lab.sweeps import charts, durations, text
from nslab_lab.sweeps.exports import Report
from nslab_lab.sweeps.judge import GONE, NEW, Finding, Signature

PAGE = Path(__file__).parent / "page"
# The end of a console, where the report is; characters.
_CONSOLE = 6000
_NIGHTS = 30  # in the picture; the table has all
_TABLE = 1200  # a larger heat map is no table, too
# What a picture of findings/diagram_svg.py has where an actor is within a read section.
SECTION = 'class="section"'

ORACLES = {
    "kasan": "an access to memory that is freed, or was never allocated",
    "rcu": "a violation of the rules of RCU",
    "lockdep": "a violation of the rules of locking",
    "refcount": "a reference count that over- or underflows",
    "hang": "an actor that makes no progress",
    "lifetime": "an object used after its end",
    "grace period": "an object freed, or its grace period over, before its readers are done",
    "order": "a reader that finds an object which was replaced before it began",
    "oops": "a fault in the kernel",
    "atomic": "a sleep in atomic context",
    "assertion": "a scenario's assertion that does not hold",
    "leak": "objects or references that an execution does not give back",
    "kmemleak": "memory that no pointer refers to any more",
    "no-answer": "a guest that does not answer",
    "crash": "a guest that ended without a report",
}
_AGAIN = {
    batch.SOLO: "reproduced alone, with the same trace",
    batch.ALONE: "reproduced alone, with another trace",
    batch.PREFIX: "reproduced, but only after the executions before it",
    batch.NOT_REPRODUCED: "not reproduced",
    batch.UNCONFIRMED: "not run again",
}


def page(report: Report) -> str:
    """The page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["duration"] = durations.shown
    environment.filters["count"] = count
    environment.filters["date"] = lambda iso: iso[:16].replace("T", " ")
    template = environment.get_template("report.html")
    return template.render(
        report=report,
        style=Markup((PAGE / "report.css").read_text()),
        script=Markup((PAGE / "report.js").read_text()),
        title=title(report),
        sentence=_sentence(report),
        counts=Counter(one.status for one in report.findings),
        findings=[_finding(one) for one in report.findings],
        oracles=sorted({name for one in report.findings for name in one.oracles}),
        nights=report.nights[::-1],
        words=Markup(races_html.section(report.words)) if report.words else "",
        charts=_charts(report),
        heat=_heat(report),
        missed=[
            name for name, number in (*report.points.items(), *report.readers.items()) if not number
        ],
    )


def title(report: Report) -> str:
    """The headline."""
    counts = Counter(one.status for one in report.findings)
    if counts[NEW]:
        return count(counts[NEW], "new finding")
    if counts["known"]:
        return f"No new findings, {counts['known']:,} known"
    return "No findings" if report.executions else "Nothing was run"


def _sentence(report: Report) -> str:
    """What was done, in words."""
    counts = Counter(one.status for one in report.findings)
    names = [row.id for row in report.sweeps]
    who = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    scenarios = len({cell.scenario for cell in report.cells if cell.executions})
    said = (
        f"{who} ran {count(report.executions, 'execution')} of {count(scenarios, 'scenario')} in "
        f"{durations.shown(report.seconds)}."
    )
    more = []
    if counts["known"]:
        more.append(f"{counts['known']:,} known")
    if counts[GONE]:
        more.append(f"{counts[GONE]:,} gone since the sweep before it")
    if counts[NEW] and more:
        said += f" Besides the new: {', '.join(more)}."
    elif counts[GONE]:
        said += f" {count(counts[GONE], 'finding')} of the sweep before it {'is' if counts[GONE] == 1 else 'are'} gone."
    states = {row.state for row in report.sweeps} - {"done"}
    if states:
        said += " It has not finished: these are the results so far."
    return said


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "of": one,
        "says": text.says(one),
        "cause": one.cause if text.tells_more(one) else "",
        "often": text.often(one),
        "where": text.where(one),
        "share": one.failures / one.executions if one.executions else 0,
        "scenarios": ", ".join(dict.fromkeys(cell[0] for cell in one.cells)),
        "signatures": [_signature(of) for of in one.signatures],
    }


def _signature(one: Signature) -> dict[str, Any]:
    picture = ""
    if one.picture:
        data = base64.b64encode(one.picture.encode()).decode()
        picture = f"data:image/svg+xml;base64,{data}"
    size = "the smallest schedule found" if one.minimal else "not made smaller"
    if one.minimal and one.preemptions is not None:
        size = f"the smallest schedule found has {count(one.preemptions, 'preemption')}"
    return {
        "of": one,
        "picture": picture,
        "legend": _legend(one),
        "often": text.often(one),
        "where": text.where(one),
        "replay": text.command_of(one, "replay"),
        "gdb": text.command_of(one, "gdb"),
        "oracle": ORACLES.get(one.oracle, ""),
        "again": _AGAIN.get(one.reproduced, one.reproduced),
        "size": size,
        "console": one.console[-_CONSOLE:],
    }


def _legend(one: Signature) -> str:
    """What the picture means; it names only what is in it."""
    parts = ["Time runs down", "each actor has its lane"]
    if SECTION in one.picture:
        parts.append("a green bar is a read section")
    return "; ".join(parts) + "."


def _charts(report: Report) -> dict[str, Markup]:
    """The pictures there are data for."""
    made: dict[str, Any] = {}
    past = report.nights[-_NIGHTS:]
    if any(one.new or one.known or one.gone for one in past):
        made["nights"] = functools.partial(charts.nights, past)
    if len(report.moments) > 1:
        for name in ("traces", "reached", "throughput"):
            made[name] = functools.partial(getattr(charts, name), report.moments)
    if report.cells:
        made["heat"] = functools.partial(charts.heat, report.cells)
    return {name: Markup(draw()) for name, draw in made.items()}


def _heat(report: Report) -> dict[str, Any] | None:
    """The heat map as a table."""
    scenarios = list(dict.fromkeys(cell.scenario for cell in report.cells))
    ways = list(dict.fromkeys(cell.way for cell in report.cells))
    if len(scenarios) * len(ways) > _TABLE:
        return None
    ran: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    for cell in report.cells:
        ran[cell.scenario, cell.way] += cell.executions
        failed[cell.scenario, cell.way] += cell.failures
    rows = [(name, [(ran[name, way], failed[name, way]) for way in ways]) for name in scenarios]
    return {"ways": ways, "rows": rows}

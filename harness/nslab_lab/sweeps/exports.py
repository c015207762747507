# SPDX-License-Identifier: GPL-2.0
"""A report's data, and the same for machines: JSON, JUnit XML, KTAP."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as xml
from dataclasses import dataclass
from typing import Any

from nslab_lab.plans.plan import NO_VARIANT
from nslab_lab.report import ktap
from nslab_lab.sweeps import text
from nslab_lab.sweeps.judge import GONE, NEW, Finding
from nslab_lab.sweeps.rows import SweepRow


@dataclass(frozen=True)
class Cell:
    """What came of a cell, or of several that differ by their seed only."""

    sweep: str  # id
    scenario: str
    way: str  # "none+delay"; with the variant, if there is one
    kernel: str
    executions: int
    failures: int
    faults: int
    points: int
    seconds: float
    error: str | None
    signatures: tuple[str, ...]


@dataclass(frozen=True)
class Moment:
    """How far a sweep was."""

    seconds: float
    executions: int
    findings: int
    traces: int
    points: int
    readers: int


@dataclass(frozen=True)
class Night:
    """A sweep in the history."""

    row: SweepRow
    executions: int
    cells: int  # that were run
    of_cells: int
    new: int
    known: int
    gone: int
    traces: int
    points: int
    readers: int

    @property
    def rate(self) -> float:
        """Executions per second."""
        return self.executions / self.row.seconds if self.row.seconds else 0.0


@dataclass(frozen=True)
class Report:
    """All that a report shows."""

    sweeps: tuple[SweepRow, ...]
    findings: tuple[Finding, ...]
    cells: tuple[Cell, ...]
    moments: tuple[Moment, ...]  # of the sweeps, one after the other
    nights: tuple[Night, ...]  # all there are, the oldest first
    points: dict[str, int]  # executions by named point
    readers: dict[str, int]
    kernels: tuple[tuple[str, str, str], ...]  # name-id, configuration, versions

    @property
    def executions(self) -> int:
        return sum(cell.executions for cell in self.cells)

    @property
    def seconds(self) -> float:
        return sum(row.seconds for row in self.sweeps)

    @property
    def errors(self) -> list[Cell]:
        """The cells that could not be run."""
        return [cell for cell in self.cells if cell.error]


def way_of(strategy: str, profile: str, variant: str) -> str:
    """How a cell is run: "none+delay", "random+none, some-variant"."""
    name = profile.rpartition("/")[2].removesuffix(".toml")
    return f"{strategy}+{name}" + (f", {variant}" if variant != NO_VARIANT else "")


# === JSON ===


def finding(one: Finding) -> dict[str, Any]:
    """A finding for programs."""
    return {
        "status": one.status, "oracle": one.oracle, "headline": one.headline,
        "signature": one.signature, "token": one.token, "minimal": one.minimal,
        "preemptions": one.preemptions, "reproduced": one.reproduced, "failures": one.failures,
        "executions": one.executions, "first": one.first, "last": one.last, "reason": one.reason,
        "replay": text.command_of(one, "replay"), "gdb": text.command_of(one, "gdb"),
        "cells": [
            dict(zip(("scenario", "strategy", "profile", "variant", "kernel"), cell))
            for cell in one.cells
        ],
        "interleaving": one.interleaving, "report": one.report,
    }  # fmt: skip


def as_json(report: Report) -> str:
    """The report as JSON."""
    data = {
        "sweeps": [row.id for row in report.sweeps],
        "headline": text.headline(report.findings),
        "executions": report.executions,
        "seconds": round(report.seconds, 1),
        "findings": [finding(one) for one in report.findings],
        "cells": [
            {
                "sweep": cell.sweep, "scenario": cell.scenario, "way": cell.way,
                "kernel": cell.kernel, "executions": cell.executions, "failures": cell.failures,
                "error": cell.error,
            }
            for cell in report.cells
        ],
        "points": report.points,
        "readers": report.readers,
        "nights": [
            {
                "id": one.row.id, "started": one.row.started, "state": one.row.state,
                "seconds": round(one.row.seconds, 1), "executions": one.executions,
                "traces": one.traces, "new": one.new, "known": one.known, "gone": one.gone,
            }
            for one in report.nights
        ],
    }  # fmt: skip
    return json.dumps(data, indent=2) + "\n"


# === For CI servers ===


def _by_signature(report: Report) -> dict[str, Finding]:
    return {one.signature: one for one in report.findings if one.status != GONE}


def _of(cell: Cell, known: dict[str, Finding]) -> tuple[list[Finding], list[Finding]]:
    """A cell's new findings, and its known ones."""
    mine = [known[name] for name in cell.signatures if name in known]
    new = [one for one in mine if one.status == NEW]
    return new, [one for one in mine if one.status != NEW]


def as_ktap(report: Report) -> str:
    """One test for each cell. A known finding is a note, and fails nothing."""
    by_signature = _by_signature(report)
    results = []
    for cell in report.cells:
        new, old = _of(cell, by_signature)
        notes = [f"executions: {cell.executions}, failed: {cell.failures}"]
        notes += [f"{one.status}: {one.headline}; {one.token}" for one in (*new, *old)]
        name = f"{cell.scenario}.{cell.way}.{cell.kernel}".replace(", ", ".")
        skipped = None if cell.executions or cell.error else "not come to"
        if cell.error:
            notes.append(f"could not be run: {cell.error}")
        results.append(ktap.Result(name, not new and not cell.error, skipped, notes))
    return ktap.document(results)


def as_junit(report: Report) -> str:
    """A test suite for each sweep, a test case for each cell, as Jenkins and GitLab read it."""
    by_signature = _by_signature(report)
    root = xml.Element("testsuites", name="nslab")
    for row in report.sweeps:
        cells = [cell for cell in report.cells if cell.sweep == row.id]
        suite = xml.SubElement(root, "testsuite", name=row.id, timestamp=row.started[:19])
        counts = {"tests": len(cells), "failures": 0, "errors": 0, "skipped": 0}
        for cell in cells:
            case = xml.SubElement(
                suite, "testcase", classname=_clean(f"{row.name}.{cell.scenario}"),
                name=_clean(f"{cell.way} {cell.kernel}"), time=f"{cell.seconds:.3f}",
            )  # fmt: skip
            new, old = _of(cell, by_signature)
            if new:
                counts["failures"] += 1
                said = "\n\n".join(_said(one) for one in new)
                _add(case, "failure", said, message=new[0].headline, type=new[0].oracle)
            elif cell.error:
                counts["errors"] += 1
                _add(case, "error", cell.error, message=cell.error, type="lab")
            elif not cell.executions:
                counts["skipped"] += 1
                _add(case, "skipped", "", message="not come to")
            if old:
                _add(case, "system-out", "\n\n".join(f"known: {_said(one)}" for one in old))
        for name, number in counts.items():
            suite.set(name, str(number))
        suite.set("time", f"{row.seconds:.3f}")
    xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml.tostring(root, encoding="unicode")}\n'


def _said(one: Finding) -> str:
    return (
        f"{one.headline}\n{text.often(one)}\n{text.command_of(one, 'replay')}\n\n{one.interleaving}"
    )


def _add(case: xml.Element, tag: str, said: str, **attributes: str) -> None:
    element = xml.SubElement(case, tag, {name: _clean(value) for name, value in attributes.items()})
    element.text = _clean(said)


def _clean(said: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", said)

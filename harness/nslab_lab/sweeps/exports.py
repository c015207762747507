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
from nslab_lab.report.races import Table
from nslab_lab.sweeps import text
from nslab_lab.sweeps.judge import GONE, NEW, Finding, Signature
from nslab_lab.sweeps.rows import Key, SweepRow


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
    keys: tuple[Key, ...]  # of what failed in it


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
    words: tuple[Table, ...] = ()  # what the actors of a scenario share, by scenario

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
    """A finding for programs: what its best signature says, then all of them."""
    return {
        "status": one.status, "cause": one.cause, **_signature(one.best), "failures": one.failures,
        "executions": one.executions, "oracles": one.oracles, "first": one.first, "last": one.last,
        "reason": one.reason, "cells": _cells(one), "signatures": [
            _signature(of) | {"fresh": of.fresh, "cells": _cells(of)} for of in one.signatures
        ],
    }  # fmt: skip


def _signature(one: Signature) -> dict[str, Any]:
    return {
        "oracle": one.oracle, "headline": one.headline, "signature": one.signature,
        "token": one.token, "minimal": one.minimal, "preemptions": one.preemptions,
        "reproduced": one.reproduced, "failures": one.failures, "executions": one.executions,
        "replay": text.command_of(one, "replay"), "gdb": text.command_of(one, "gdb"),
        "interleaving": one.interleaving, "report": one.report,
    }  # fmt: skip


def _cells(one: Finding | Signature) -> list[dict[str, str]]:
    names = ("scenario", "strategy", "profile", "variant", "kernel")
    return [dict(zip(names, cell)) for cell in one.cells]


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


@dataclass(frozen=True)
class _Failed:
    """A finding in a cell."""

    finding: Finding
    signatures: tuple[Signature, ...]  # that it showed there


def _by_cause(report: Report) -> dict[str, Finding]:
    return {one.cause: one for one in report.findings if one.status != GONE}


def _of(cell: Cell, findings: dict[str, Finding]) -> tuple[list[_Failed], list[_Failed]]:
    """A cell's new findings, and its known ones."""
    new: list[_Failed] = []
    known: list[_Failed] = []
    for cause in dict.fromkeys(key.cause for key in cell.keys):
        if one := findings.get(cause):
            here = {key.signature for key in cell.keys if key.cause == cause}
            mine = tuple(of for of in one.signatures if of.signature in here)
            (new if one.status == NEW else known).append(_Failed(one, mine))
    return new, known


def as_ktap(report: Report) -> str:
    """One test for each cell. A known finding is a note, and fails nothing."""
    by_cause = _by_cause(report)
    results = []
    for cell in report.cells:
        new, old = _of(cell, by_cause)
        notes = [f"executions: {cell.executions}, failed: {cell.failures}"]
        for one in (*new, *old):
            notes += _notes(one)
        name = f"{cell.scenario}.{cell.way}.{cell.kernel}".replace(", ", ".")
        skipped = None if cell.executions or cell.error else "not run"
        if cell.error:
            notes.append(f"could not be run: {cell.error}")
        results.append(ktap.Result(name, not new and not cell.error, skipped, notes))
    return ktap.document(results)


def _notes(one: _Failed) -> list[str]:
    said = [f"{of.headline}; {of.token}" for of in one.signatures]
    if len(said) == 1:
        return [f"{one.finding.status}: {said[0]}"]
    return [f"{one.finding.status}: {one.finding.cause}", *(f"  {line}" for line in said)]


def as_junit(report: Report) -> str:
    """A test suite for each sweep, a test case for each cell, as Jenkins and GitLab read it."""
    by_cause = _by_cause(report)
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
            new, old = _of(cell, by_cause)
            if new:
                counts["failures"] += 1
                said = "\n\n".join(_said(one) for one in new)
                first = new[0].signatures[0]
                _add(case, "failure", said, message=first.headline, type=first.oracle)
            elif cell.error:
                counts["errors"] += 1
                _add(case, "error", cell.error, message=cell.error, type="lab")
            elif not cell.executions:
                counts["skipped"] += 1
                _add(case, "skipped", "", message="not run")
            if old:
                _add(case, "system-out", "\n\n".join(f"known: {_said(one)}" for one in old))
        for name, number in counts.items():
            suite.set(name, str(number))
        suite.set("time", f"{row.seconds:.3f}")
    xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml.tostring(root, encoding="unicode")}\n'


def _said(one: _Failed) -> str:
    of_each = [
        f"{of.headline}\n{text.often(of)}\n{text.command_of(of, 'replay')}\n\n{of.interleaving}"
        for of in one.signatures
    ]
    cause = f"{one.finding.cause}, {text.often(one.finding)}"
    return of_each[0] if len(of_each) == 1 else "\n\n".join((cause, *of_each))


def _add(case: xml.Element, tag: str, said: str, **attributes: str) -> None:
    element = xml.SubElement(case, tag, {name: _clean(value) for name, value in attributes.items()})
    element.text = _clean(said)


def _clean(said: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", said)

# SPDX-License-Identifier: GPL-2.0
"""A report's data, out of the results file."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Mapping, Sequence

from nslab_lab.report import races
from nslab_lab.report.races import Table
from nslab_lab.sweeps import judge
from nslab_lab.sweeps.exports import Cell, Moment, Night, Report, way_of
from nslab_lab.sweeps.rows import DONE, Key, SweepRow
from nslab_lab.sweeps.store import Store


def report(store: Store, chosen: Sequence[SweepRow], reasons: Mapping[str, str]) -> Report:
    """The report of the @chosen sweeps; @reasons: the user's list of what is known."""
    cells: list[Cell] = []
    moments: list[Moment] = []
    covered: dict[str, Counter[str]] = {"point": Counter(), "reader": Counter()}
    for row in chosen:
        cells += _cells(store, row)
        before = moments[-1].seconds if moments else 0.0
        done = moments[-1].executions if moments else 0
        for seconds, executions, *rest in store.rows(
            "SELECT seconds, executions, findings, traces, points, readers FROM moments "
            "WHERE sweep = ? ORDER BY slot", row.sweep,
        ):  # fmt: skip
            moments.append(Moment(before + seconds, done + executions, *rest))
        for kind, name, executions in store.rows(
            "SELECT kind, name, executions FROM coverage WHERE sweep = ? ORDER BY kind, name",
            row.sweep,
        ):
            covered[kind][name] += executions
    kernels = store.rows(
        "SELECT DISTINCT kernels.name || '-' || kernels.id, config, versions FROM kernels "
        "JOIN cells ON cells.kernel_id = kernels.id WHERE sweep BETWEEN ? AND ? ORDER BY 1",
        chosen[0].sweep if chosen else 0, chosen[-1].sweep if chosen else 0,
    )  # fmt: skip
    return Report(
        sweeps=tuple(chosen),
        findings=tuple(judge.findings(store, chosen, reasons)),
        cells=tuple(cells),
        moments=tuple(moments),
        nights=tuple(_nights(store, reasons)),
        points=dict(covered["point"]),
        readers=dict(covered["reader"]),
        kernels=tuple(
            (name, zlib.decompress(config).decode(), text) for name, config, text in kernels
        ),
        words=tuple(_words(store, chosen)),
    )


def _words(store: Store, chosen: Sequence[SweepRow]) -> list[Table]:
    """What the actors of each scenario share, as the latest of the sweeps has it."""
    found: dict[tuple[str, str], Table] = {}
    for row in chosen:
        for scenario, kernel, data in store.rows(
            "SELECT scenario, kernel_id, words FROM words WHERE sweep = ? ORDER BY scenario, kernel_id",
            row.sweep,
        ):
            found[scenario, kernel] = races.unpacked(zlib.decompress(data).decode())
    return [found[key] for key in sorted(found)]


def _cells(store: Store, row: SweepRow) -> list[Cell]:
    """The cells of a sweep; those that differ by their seed only are one."""
    keys: dict[int, list[Key]] = {}
    for cell, cause, signature in store.rows(
        "SELECT DISTINCT cell, cause, signature FROM failures WHERE sweep = ? "
        "ORDER BY cell, cause, signature", row.sweep,
    ):  # fmt: skip
        keys.setdefault(cell, []).append(Key(cause, signature))
    found: dict[tuple[str, str, str], Cell] = {}
    for cell, scenario, strategy, profile, variant, kernel, executions, failures, *rest in store.rows(
        "SELECT cell, scenario, strategy, profile, variant, kernel, executions, failures, faults, points, "
        "seconds, error FROM cells WHERE sweep = ? ORDER BY cell", row.sweep,
    ):  # fmt: skip
        way = way_of(strategy, profile, variant)
        key = (scenario, way, kernel)
        faults, points, seconds, error = rest
        mine = Cell(
            row.id, *key, executions, failures, faults, points, seconds, error,
            tuple(keys.get(cell, ())),
        )  # fmt: skip
        was = found.get(key)
        found[key] = mine if was is None else _together(was, mine)
    return list(found.values())


def _together(one: Cell, other: Cell) -> Cell:
    return Cell(
        one.sweep, one.scenario, one.way, one.kernel,
        one.executions + other.executions, one.failures + other.failures,
        one.faults + other.faults, one.points + other.points, one.seconds + other.seconds,
        one.error or other.error, tuple(dict.fromkeys(one.keys + other.keys)),
    )  # fmt: skip


def _nights(store: Store, reasons: Mapping[str, str]) -> list[Night]:
    """All sweeps, with what each had found when it was the latest."""
    mine: dict[int, set[str]] = {}
    for sweep, cause in store.rows("SELECT DISTINCT sweep, cause FROM findings ORDER BY sweep"):
        mine.setdefault(sweep, set()).add(cause)
    cells = {sweep: numbers for sweep, *numbers in store.rows(
        "SELECT sweep, sum(executions), sum(executions > 0), count(*) FROM cells GROUP BY sweep"
    )}  # fmt: skip
    last = {sweep: numbers for sweep, *numbers in store.rows(
        "SELECT sweep, traces, points, readers, max(slot) FROM moments GROUP BY sweep"
    )}  # fmt: skip
    nights = []
    seen = set(judge.listed(store, reasons))
    before: dict[str, SweepRow] = {}  # the last that is finished, by name
    for row in store.sweeps():
        found = mine.get(row.sweep, set())
        executions, ran, of_cells = cells.get(row.sweep, (0, 0, 0))
        traces, points, readers, _ = last.get(row.sweep, (0, 0, 0, 0))
        gone: set[str] = set()
        if row.state == DONE and (was := before.get(row.name)):
            gone = mine.get(was.sweep, set()) - found
            gone -= judge.not_looked_for(store, row.sweep, was.sweep) if gone else set()
        nights.append(
            Night(
                row, executions, ran, of_cells, len(found - seen), len(found & seen), len(gone),
                traces, points, readers,
            )  # fmt: skip
        )
        seen |= found
        if row.state == DONE:
            before[row.name] = row
    return nights

# SPDX-License-Identifier: GPL-2.0
"""What `nslab matrix` says: tables of at most 80 columns, and what holds and what does not."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Sequence

from nslab_lab.guest import verdict
from nslab_lab.matrix.cells import NEVER, Matrix, Result
from nslab_lab.plans.plan import NO_VARIANT
from nslab_lab.report import table
from nslab_lab.report.table import WIDTH, count


def tables(matrix: Matrix) -> list[str]:
    """How soon each variant was caught; by which oracles; and which oracle caught what."""
    if not matrix.defects:
        return []
    return [*_soonest(matrix), "", *_by_variant(matrix), "", *_by_oracle(matrix), ""]


def _soonest(matrix: Matrix) -> list[str]:
    rows = [("variant", "scenario", "strategy", "oracle", "median")]
    for variant in matrix.defects:
        best = matrix.best(variant)
        if best is None:
            rows.append((variant, "-", "-", "-", "-"))
            continue
        cell = best.cell
        rows.append(
            (variant, cell.scenario, cell.way.name, best.oracle or "", until(matrix.median(variant)))
        )
    return table.lines(rows, left=4)


def until(executions: float | None) -> str:
    """Executions until caught, as a cell has it."""
    if executions is None:
        return "-"
    return "never" if executions == NEVER else f"{executions:,.0f}"


def _by_variant(matrix: Matrix) -> list[str]:
    rows = []
    for variant in matrix.defects:
        spoke = matrix.spoke(variant)
        cells = f"{spoke.total()}/{len(matrix.of(variant))}"
        rows.append((variant, cells, _counted(spoke)))
    return _wrapped(("variant", "caught in", "cells in which an oracle reported it first"), rows)


def _by_oracle(matrix: Matrix) -> list[str]:
    spoke = {oracle: Counter[str]() for oracle in verdict.ORACLES}
    for variant in matrix.defects:
        for oracle, cells in matrix.spoke(variant).items():
            spoke.setdefault(oracle, Counter())[variant] = cells
    rows = [(oracle, str(cells.total()), _counted(cells)) for oracle, cells in spoke.items()]
    return _wrapped(("oracle", "cells", "variants that it reported first"), rows)


def _counted(counter: Counter[str]) -> str:
    """ "kasan 60, oops 2"."""
    return ", ".join(f"{name} {number}" for name, number in counter.most_common()) or "-"


def _wrapped(head: tuple[str, str, str], rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """A table whose last column takes as many lines as it needs."""
    width = WIDTH - sum(max(len(row[column]) for row in [head, *rows]) + 2 for column in (0, 1))
    lines = [head]
    for name, number, text in rows:
        # A name and its number stay together.
        words = text.replace(" ", "\0").replace(",\0", ", ")
        for line in textwrap.wrap(words, width, break_on_hyphens=False):
            lines.append((name, number, line.replace("\0", " ")))
            name = number = ""
    return table.lines(lines, left=3)


# === What holds ===


def judged(matrix: Matrix) -> tuple[list[str], list[str]]:
    """One line for each thing that does not hold, and one for each that does."""
    failures: list[str] = []
    holds: list[str] = []
    for kind in (_variants, _oracles, _correct):
        for line, is_well in kind(matrix):
            (holds if is_well else failures).append(line)
    wrap = [textwrap.wrap(line, WIDTH, subsequent_indent="  ") for line in failures]
    return [line for lines in wrap for line in lines], holds


def _variants(matrix: Matrix) -> list[tuple[str, bool]]:
    lines = []
    for variant in matrix.defects:
        best, median = matrix.best(variant), matrix.median(variant)
        if best is None:
            cells = count(len(matrix.of(variant)), "cell")
            lines.append(
                f"variant {variant}: not caught in {cells}, of {matrix.executions:,} executions each; "
                "EXECUTIONS=1000 looks further, or it lacks a scenario or an oracle"
            )
        elif median is None or median > matrix.most:
            lines.append(
                f"variant {variant}: caught by {best.cell.scenario}, {best.cell.way.name}, but not "
                f"within {matrix.most:,} executions in the median of {count(matrix.seeds, 'seed')}"
            )
    if lines or not matrix.defects:
        return [(line, False) for line in lines]
    return [
        (
            f"every variant is caught: {len(matrix.defects)} of {len(matrix.defects)}, within "
            f"{matrix.most:,} executions in the median",
            True,
        )
    ]


def _oracles(matrix: Matrix) -> list[tuple[str, bool]]:
    # Of a part of the matrix, no more can be asked than that it catches what is in it.
    if not matrix.whole:
        return []
    spoke: Counter[str] = sum((matrix.spoke(variant) for variant in matrix.defects), Counter())
    silent = [oracle for oracle in verdict.ORACLES if not spoke[oracle]]
    if silent:
        return [(f"oracle {one}: never the first to report a variant; it needs one", False) for one in silent]
    return [(f"every oracle was the first to report some variant: {len(verdict.ORACLES)} of them", True)]


def _correct(matrix: Matrix) -> list[tuple[str, bool]]:
    results = matrix.of(NO_VARIANT) if NO_VARIANT in matrix.variants else []
    if not results:
        return []
    findings = [one for one in results if one.oracle]
    executions = count(sum(one.executions for one in results), "execution")
    cells = f"{executions} in {count(len(results), 'cell')}"
    return [(f"the correct kernel: {cells}, {count(len(findings), 'finding')}", not findings)]


def errors(matrix: Matrix) -> list[str]:
    """What could not be run, one line for each scenario of a variant."""
    by_place: dict[tuple[str, str], list[Result]] = {}
    for one in matrix.errors:
        by_place.setdefault((one.cell.variant, one.cell.scenario), []).append(one)
    return [
        f"NOT RUN {variant}, {scenario} ({', '.join(one.cell.way.name for one in of)}): {of[0].error}"
        for (variant, scenario), of in by_place.items()
    ]


def finding(result: Result, command: str) -> list[str]:
    """A finding of the correct kernel; @command replays it."""
    cell = result.cell
    where = f"{cell.scenario}, {cell.way.name}, execution {result.executions:,}"
    return ["", f"FINDING {where}", result.headline or "", command, ""]


def one_line(matrix: Matrix, variant: str) -> str:
    """A variant's result so far."""
    results = matrix.of(variant)
    caught = sum(bool(one.oracle) for one in results)
    text = f"{variant}: caught in {caught} of {count(len(results), 'cell')}"
    if variant == NO_VARIANT:
        return f"the correct kernel: {count(caught, 'finding')} in {count(len(results), 'cell')}"
    if best := matrix.best(variant):
        median = matrix.median(variant)
        text += f"; {best.cell.scenario}, {best.cell.way.name}: {best.oracle} after "
        text += count(best.executions, "execution") if median is None else f"{until(median)} in the median"
    return text

# SPDX-License-Identifier: GPL-2.0
"""The summary of a run: a table and a sentence."""

from __future__ import annotations

import textwrap
from typing import Mapping, Sequence

from nslab_lab.plans.plan import RunPlan
from nslab_lab.search.pool import ScenarioResult

WIDTH = 80
_HEADINGS = ("scenario", "profile", "executions", "points", "faults", "findings", "per s")


def table(plan: RunPlan, results: Sequence[ScenarioResult]) -> str:
    """The results, at most 80 columns wide."""
    rows = [_HEADINGS, *(_row(plan, result) for result in results)]
    return "\n".join(lines(rows, left=2)) + "\n"


def lines(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Rows, the headings first, in lines of at most 80 columns.

    @left: so many columns hold words and are aligned left; the others hold numbers. Where a line
    would be too long, the words of the first two columns are cut.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    while sum(widths) + 2 * (len(widths) - 1) > WIDTH:
        widest = 0 if widths[0] > widths[1] + 10 else 1
        widths[widest] -= 1
    made = [_line(row, widths, left) for row in rows]
    made.insert(1, "  ".join("-" * width for width in widths))
    return made


def about(plan: RunPlan) -> str:
    """The plan on one line."""
    series = f"series {plan.series}, " if plan.series else ""
    return (
        f"kernel {plan.kernel}-{plan.kernel_id}, {series}variant {plan.variant}, "
        f"strategy {plan.strategy}, seed {plan.seed}"
    )


def totals(results: Sequence[ScenarioResult]) -> str:
    """The sentence: "10,000 executions of 5 scenarios, 0 findings"."""
    executions = sum(result.executions for result in results)
    findings = sum(len(result.findings) for result in results)
    ran = sum(result.executions > 0 for result in results)
    return f"{count(executions, 'execution')} of {count(ran, 'scenario')}, {count(findings, 'finding')}"


def reached(subject: str, points: Mapping[str, int], readers: Mapping[str, int]) -> list[str]:
    """How many of a subject's named points and readers were reached, and which were not.

    Both with the number of executions that reached them; in lines that fit, none where it has none.
    """
    parts = [
        f"{sum(map(bool, counts.values()))} of {len(counts)} {kind}"
        for kind, counts in (("points", points), ("readers", readers))
        if counts
    ]
    if not parts:
        return []
    missed = [name for name, executions in (*points.items(), *readers.items()) if not executions]
    text = f"{subject}: {' and '.join(parts)} reached"
    if missed:
        text += f"; not {', '.join(missed)}"
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ")


def one_line(result: ScenarioResult) -> str:
    """A scenario's result on one line, where there are no progress bars."""
    text = f"{result.name}: {count(result.executions, 'execution')}"
    if result.enough and result.executions < result.wanted:
        text += f" of {result.wanted:,}"
    return f"{text}, {count(len(result.findings), 'finding')}"


def count(number: int, noun: str) -> str:
    """ "1 finding", "2,000 findings"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def short(number: int) -> str:
    """A number in at most 7 characters."""
    for unit, size in (("G", 10**9), ("M", 10**6)):
        if number >= size:
            return f"{number / size:,.1f}{unit}"
    return f"{number:,}"


def _row(plan: RunPlan, result: ScenarioResult) -> tuple[str, ...]:
    rate = result.executions / result.guest_seconds if result.guest_seconds else 0
    return (
        result.name,
        plan.profile,
        f"{result.executions:,}",
        short(result.points),
        short(result.faults),
        f"{len(result.findings):,}",
        f"{rate:,.0f}",
    )


def _line(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    cells = []
    for column, (text, width) in enumerate(zip(row, widths)):
        if len(text) > width:
            text = f"{text[: width - 2]}.."
        cells.append(text.ljust(width) if column < left else text.rjust(width))
    return "  ".join(cells).rstrip()

# SPDX-License-Identifier: GPL-2.0
"""What `nslab history` says, as text, as Markdown and as JSON."""

from __future__ import annotations

import textwrap
from typing import Any, Sequence

from nslab_lab.history.hunts import STRATEGIES, TIMES, Hunt, Result
from nslab_lab.history.index import Bug
from nslab_lab.report import table

SEVERAL = 3  # strategies


def text(results: Sequence[Result], controls: Sequence[tuple[str, Hunt]], executions: int, cap_s: int) -> list[str]:
    """All of it, in lines of 80 columns."""
    can = [one for one in results if one.bug.found]
    cannot = [one for one in results if not one.bug.found]
    lines = _wrapped(
        f"Executions (and host seconds) until found, of at most {executions:,}; unsteered: the same "
        f"scenario as a stress test for {TIMES} times as long as the soonest strategy took, at "
        f"most {cap_s:,} s."
    )
    for one in can:
        lines += ["", *_wrapped(f"{one.bug.title}: {one.bug.what}"), *_found(one)]
    if cannot:
        lines += ["", "Not to be found by this lab:"]
        for one in cannot:
            lines += ["", *_wrapped(f"{one.bug.title}: {one.bug.what}"), *_wrapped(one.bug.reason, "  ")]
            if one.by:
                lines += _found(one)
    return [*lines, "", *summary(results, controls)]


def _found(result: Result) -> list[str]:
    oracles = list(dict.fromkeys(one.oracle for one in result.by))
    parts = [f"{one.strategy} {_until(one)}" for one in result.hunts]
    lines = _wrapped(f"{', '.join(oracles) or 'NOT FOUND'}: {', '.join(parts)}", "  ")
    if result.unsteered:
        lines += _wrapped(f"unsteered: {_stressed(result.unsteered, result.given_s)}", "  ")
    return lines


def _stressed(one: Hunt, given_s: float) -> str:
    """ "kasan 312 (0.7 s)", "not in 21,000 (60 s)"."""
    if one.error:
        return "not run"
    if one.oracle:
        return f"{one.oracle} {one.executions:,} ({one.seconds:,.1f} s)"
    return f"not in {one.executions:,} ({given_s:,.0f} s)"


def _until(one: Hunt) -> str:
    """ "312 (0.7 s)"; "-" if it found nothing."""
    if one.error:
        return "not run"
    return f"{one.executions:,} ({one.seconds:,.1f} s)" if one.oracle else "-"


def failures(results: Sequence[Result], controls: Sequence[tuple[str, Hunt]]) -> list[str]:
    """What is not as it should be, a line each."""
    said = [f"{one.bug.id}: not found by any strategy" for one in results if one.bug.found and not one.by]
    said += [
        f"{one.bug.id}: found by {one.by[0].strategy}, but the index says that it cannot be"
        for one in results if not one.bug.found and one.by
    ]  # fmt: skip
    said += [
        f"{scenario}: {one.oracle} on the correct kernel: {one.headline}"
        for scenario, one in controls if one.oracle
    ]  # fmt: skip
    return said


def errors(results: Sequence[Result], controls: Sequence[tuple[str, Hunt]]) -> list[str]:
    """What could not be run, a line each."""
    named = [(one.bug.id, each) for one in results for each in (*one.hunts, one.unsteered) if each]
    return [
        f"{name}, {one.strategy}: not run: {one.error}" for name, one in (*named, *controls) if one.error
    ]


def summary(results: Sequence[Result], controls: Sequence[tuple[str, Hunt]]) -> list[str]:
    """The sentences at the end."""
    can = [one for one in results if one.bug.found]
    found = [one for one in can if one.by]
    several = sum(len(one.by) >= SEVERAL for one in found)
    stressed = sum(bool(one.unsteered and one.unsteered.oracle) for one in can)
    lines = _wrapped(
        f"{len(found)} of {table.count(len(can), 'bug')} found, {several} by at least {SEVERAL} of "
        f"{len(STRATEGIES)} strategies; the stress test found {stressed}; "
        f"{len(results) - len(can)} more are listed with the reason why not."
    )
    if controls:
        ran = sum(one.executions for _, one in controls)
        bad = sum(bool(one.oracle) for _, one in controls)
        lines += _wrapped(
            f"the correct kernel: {ran:,} executions of {table.count(len(controls), 'scenario')}, "
            f"{table.count(bad, 'finding')}"
        )
    for line in (*failures(results, controls), *errors(results, controls)):
        lines += _wrapped(line)
    return lines


def markdown(results: Sequence[Result]) -> str:
    """One table, a row for each bug."""
    heads = ("bug", "what", "where", "fix", "oracle", *STRATEGIES, "unsteered")
    rows = [_row(heads), _row(["---"] * len(heads))]
    for one in results:
        bug, stress = one.bug, one.unsteered
        oracle = ", ".join(dict.fromkeys(each.oracle for each in one.by)) or (
            "not found" if bug.found else f"cannot be found: {bug.reason}"
        )
        rows.append(
            _row([
                " ".join((bug.id, bug.cve)).strip(), bug.what, f"`{bug.where}`", _fix(bug), oracle,
                *map(_until, one.hunts), _stressed(stress, one.given_s) if stress else "",
            ])
        )  # fmt: skip
    return "\n".join(("<!-- SPDX-License-Identifier: GPL-2.0 -->", *rows))


def _fix(bug: Bug) -> str:
    return f"{' '.join(bug.fixes)}, {bug.version}, {bug.year}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def data(results: Sequence[Result], controls: Sequence[tuple[str, Hunt]]) -> dict[str, Any]:
    """For JSON."""
    return {
        "bugs": [
            {
                **one.data(), "what": one.bug.what, "where": one.bug.where, "fix": list(one.bug.fixes),
                "cve": one.bug.cve, "year": one.bug.year, "version": one.bug.version,
                "can_be_found": one.bug.found, "reason": one.bug.reason,
            }
            for one in results
        ],
        "controls": [{"scenario": scenario, **one.data()} for scenario, one in controls],
    }  # fmt: skip


def _wrapped(said: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        said, table.WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
    )  # fmt: skip

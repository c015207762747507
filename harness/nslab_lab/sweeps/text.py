# SPDX-License-Identifier: GPL-2.0
"""What a sweep says at its end."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections import Counter
from typing import Sequence

from nslab_lab.build import own_scenarios
from nslab_lab.host.paths import shown
from nslab_lab.report.table import WIDTH, count
from nslab_lab.sweeps.judge import GONE, KNOWN, NEW, Finding, Signature

_MOST_KNOWN = 10  # more of them are only counted
_MOST_ERRORS = 5
_MOST_SIGNATURES = 10


def headline(findings: Sequence[Finding]) -> str:
    """ "2 new findings, 1 known, 1 gone"; "no new findings"."""
    counts = Counter(one.status for one in findings)
    words = [count(counts[NEW], "new finding") if counts[NEW] else "no new findings"]
    words += [f"{counts[name]:,} {name}" for name in (KNOWN, GONE) if counts[name]]
    return ", ".join(words)


def command_of(finding: Signature, verb: str) -> str:
    """The command that shows it again: @verb "replay" or "gdb"."""
    words = ["make", verb, f"TOKEN={finding.token}"]
    # The file may have changed since then; its copy has not.
    name = finding.token.split(".")[-7] if finding.token.count(".") >= 8 else ""
    if copy := own_scenarios.text_of(name):
        words.append(f"SCENARIO={shown(copy)}")
    if finding.own_profile:
        words.append(f"PROFILE={finding.own_profile}")
    if finding.patches:
        words.append(f"PATCH={finding.patches}")
    return shlex.join(words)


def where(finding: Finding | Signature) -> str:
    """In which cells, shortly."""
    ways = dict.fromkeys(f"{cell[0]} {cell[1]}+{cell[2]}" for cell in finding.cells)
    first = next(iter(ways), "")
    more = len(ways) - 1
    return f"{first} and {count(more, 'other cell')}" if more > 0 else first


def often(finding: Finding | Signature) -> str:
    """ "in 3 of 1,200 executions"."""
    if not finding.executions:
        return count(finding.failures, "execution")
    return f"in {finding.failures:,} of {count(finding.executions, 'execution')}"


def document(findings: Sequence[Finding], errors: Sequence[tuple[str, str]]) -> list[str]:
    """Lines; those without a command fit 80 columns. @errors: cells that could not be run, and why."""
    lines = []
    for one in findings:
        if one.status == NEW:
            lines += ["", *_new(one)]
    for status in (KNOWN, GONE):
        of = [one for one in findings if one.status == status]
        if of:
            lines.append("")
        for one in of[:_MOST_KNOWN]:
            why = f" ({one.reason})" if one.reason else ""
            lines += textwrap.wrap(f"{status}: {says(one)}{why}", WIDTH, subsequent_indent="  ")
            lines += _signatures(one.also, "also seen as: ")
        if len(of) > _MOST_KNOWN:
            lines.append(f"{status}: and {len(of) - _MOST_KNOWN:,} more")
    if errors:
        lines.append("")
    for cell, why in errors[:_MOST_ERRORS]:
        lines += textwrap.wrap(f"NOT RUN {cell}: {why}", WIDTH, subsequent_indent="  ")
    if len(errors) > _MOST_ERRORS:
        lines.append(f"NOT RUN: and {len(errors) - _MOST_ERRORS:,} more")
    return lines


def says(one: Finding) -> str:
    """What it is, in a line: the headline of the only signature, or the cause of several."""
    return one.best.headline if len(one.signatures) == 1 else one.cause


def tells_more(one: Finding) -> bool:
    """Whether the cause says more than the headline."""
    variants = {cell[3] for cell in one.cells}
    bare = next((one.cause.removeprefix(f"{name}: ") for name in variants), one.cause)
    return not re.sub(r"[0-9]+", "#", one.best.headline).startswith(bare)


def _new(one: Finding) -> list[str]:
    lines = [f"NEW {', '.join(one.oracles)}"]
    if len(one.signatures) == 1:
        lines += textwrap.wrap(one.best.headline, WIDTH)
        if tells_more(one):
            lines += textwrap.wrap(f"cause: {one.cause}", WIDTH)
        lines += textwrap.wrap(f"{often(one)}: {where(one)}", WIDTH)
        return [*lines, command_of(one.best, "replay")]
    lines += textwrap.wrap(one.cause, WIDTH)
    how = count(len(one.signatures), "signature")
    lines += textwrap.wrap(f"{often(one)}: {where(one)}; {how}:", WIDTH)
    return [*lines, *_signatures(one.signatures)]


def _signatures(signatures: Sequence[Signature], title: str = "") -> list[str]:
    """How often each came, and the command for it."""
    lines = []
    for one in signatures[:_MOST_SIGNATURES]:
        said = f"{title}{count(one.failures, 'time')}: {one.headline}"
        lines += textwrap.wrap(said, WIDTH, initial_indent="  ", subsequent_indent="    ")
        lines.append(command_of(one, "replay"))
    if len(signatures) > _MOST_SIGNATURES:
        lines.append(f"  and {len(signatures) - _MOST_SIGNATURES:,} more: see the report")
    return lines

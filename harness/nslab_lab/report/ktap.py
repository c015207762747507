# SPDX-License-Identifier: GPL-2.0
"""KTAP, the kernel's test results format (Documentation/dev-tools/ktap.rst)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence


@dataclass(frozen=True)
class Result:
    """One test: a scenario."""

    name: str
    passed: bool
    skipped: str | None = None  # why it was not run to its end
    notes: Sequence[str] = ()  # diagnostic lines


def document(results: Sequence[Result]) -> str:
    """The results as a KTAP document."""
    lines = ["KTAP version 1", f"1..{len(results)}"]
    for number, result in enumerate(results, 1):
        lines += [f"# {_one_line(note)}" for note in result.notes]
        outcome = "ok" if result.passed else "not ok"
        skip = f" # SKIP {_one_line(result.skipped)}" if result.skipped else ""
        lines.append(f"{outcome} {number} {result.name}{skip}")
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())

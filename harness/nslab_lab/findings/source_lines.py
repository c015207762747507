# SPDX-License-Identifier: GPL-2.0
"""Where the rows of a diagram are in the kernel's source, and what stands there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from nslab_lab.findings.rows import Row
from nslab_lab.findings.wording import printable

if TYPE_CHECKING:
    from nslab_lab.guest.verdict import Verdict

LineOf = Callable[[str, bool], "str | None"]  # as symbols.line_of, of one kernel


class Sources:
    """Finds lines, each once."""

    def __init__(self, line_of: LineOf | None, tree: Path | None) -> None:
        self._line_of = line_of
        self._tree = tree
        self._lines: dict[tuple[str, bool], str] = {}
        self._texts: dict[str, list[str]] = {}

    def located(self, row: Row, verdict: Verdict | None) -> Row:
        """The row with its line."""
        if not row.where or self._line_of is None:
            return row
        # At a fault of the processor the instruction itself is meant, else the one before.
        returns = not (row.kind == "verdict" and verdict and verdict.oracle == "oops")
        line, source = self.of(row.where, returns)
        return replace(row, line=line, source=source)

    def of(self, frame: str, returns: bool = True) -> tuple[str, str]:
        """The line of a frame and its text; "" for what is not known. @returns: see symbols.line_of()."""
        key = frame, returns
        if key not in self._lines:
            self._lines[key] = printable(self._line_of(*key) or "") if self._line_of else ""
        line = self._lines[key]
        return line, self._text(line)

    def _text(self, line: str) -> str:
        name, _, number = line.rpartition(":")
        if self._tree is None or not name or not number.isdecimal():
            return ""
        if name not in self._texts:
            try:
                self._texts[name] = (self._tree / name).read_text(errors="replace").split("\n")
            except (OSError, ValueError):
                self._texts[name] = []
        lines = self._texts[name]
        index = int(number) - 1
        return printable(" ".join(lines[index].split())) if 0 <= index < len(lines) else ""


def sentence(verdict: Verdict, line_of: LineOf | None) -> str:
    """The verdict's headline, with the source line of its function."""
    text = verdict.headline
    line = None
    if verdict.function and line_of:
        line = line_of(verdict.function, verdict.oracle != "oops")
    if verdict.function and line:
        text = text.replace(verdict.function, verdict.function.partition("+")[0])
        text += f" ({line})"
    return printable(" ".join(text.split()))

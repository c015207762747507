# SPDX-License-Identifier: GPL-2.0
"""A diagram as text, in at most 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Iterator, Sequence

from nslab_lab.findings.rows import Row
from nslab_lab.findings.wording import MORE, printable

if TYPE_CHECKING:
    from nslab_lab.findings.diagram import Diagram

WIDTH = 80
FAIL, BAR, HERE = "✗", "│", "▶"
_GAP = "  "
_MAX_COLUMNS = 3  # actors that have columns side by side; of more, all share one


def text(diagram: Diagram, here: int | None = None) -> str:
    """The diagram in at most 80 columns; "" if there is nothing to show.

    @here: the row, from 0, at which a debugger has stopped.
    """
    if not diagram.rows:
        return ""
    narrow = len(diagram.actors) > _MAX_COLUMNS
    lines = list(_one_column(diagram, here) if narrow else _columns(diagram, here))
    lines += verdict_lines(diagram.verdict, WIDTH)
    legend = list(_legend(diagram.rows))
    if legend:
        lines += ["", *legend]
    return "\n".join(lines) + "\n"


def shorten(words: str, width: int) -> str:
    """At most @width characters: the head and the tail, with "…" for what is between."""
    if len(words) <= width:
        return words
    if width <= 1:
        return MORE[:width]
    tail = (width - 1) // 3
    return words[: width - 1 - tail] + MORE + (words[-tail:] if tail else "")


def fit(texts: Sequence[str], width: int) -> str:
    """The longest wording that fits, or the shortest one shortened."""
    return next((words for words in texts if len(words) <= width), shorten(texts[-1], width))


def wording(row: Row, width: int) -> str:
    """What a row says in at most @width characters, with its mark."""
    mark = f"{FAIL} " if row.failing else ""
    many = f" ×{row.count}" if row.count > 1 and row.kind != "fold" else ""
    room = max(width - len(mark) - len(many), 1)
    return shorten(mark + fit(row.texts, room) + many, width)


def verdict_lines(verdict: str, width: int) -> list[str]:
    """The verdict, wrapped and marked."""
    if not verdict:
        return []
    return textwrap.wrap(f"{FAIL} {verdict}", width, subsequent_indent="  ", break_on_hyphens=False)


def _columns(diagram: Diagram, here: int | None) -> Iterator[str]:
    number = _number_width(diagram.rows) + (here is not None)
    width = (WIDTH - number) // len(diagram.actors) - len(_GAP)
    yield _line("", number, [shorten(actor, width) for actor in diagram.actors], width)
    for index, row in enumerate(diagram.rows):
        cells = [BAR * min(depth, width) for depth in row.depth]
        bars = f"{BAR} " * min(row.depth[row.actor], width // 4)
        cells[row.actor] = bars + wording(row, width - len(bars))
        yield _line(_number(row, number, index == here), number, cells, width)


def _one_column(diagram: Diagram, here: int | None) -> Iterator[str]:
    number = _number_width(diagram.rows) + (here is not None)
    letters = [chr(ord("A") + index % 26) for index in range(len(diagram.actors))]
    names = [f"{letter} {actor}" for letter, actor in zip(letters, diagram.actors)]
    yield from textwrap.wrap(", ".join(names), WIDTH)
    width = WIDTH - number - 2 * len(_GAP) - 1
    for index, row in enumerate(diagram.rows):
        bars = f"{BAR} " * min(row.depth[row.actor], width // 4)
        cell = f"{letters[row.actor]}{_GAP}{bars}{wording(row, width - len(bars))}"
        yield _line(_number(row, number, index == here), number, [cell], 0)


def _number(row: Row, width: int, here: bool) -> str:
    number = str(row.number or "")
    return HERE + number.rjust(width - 1) if here else number


def _number_width(rows: Sequence[Row]) -> int:
    return max(2, len(str(max(row.number for row in rows))))


def _line(number: str, number_width: int, cells: Sequence[str], width: int) -> str:
    return _GAP.join([number.rjust(number_width), *(cell.ljust(width) for cell in cells)]).rstrip()


def _legend(rows: Sequence[Row]) -> Iterator[str]:
    """Where the rows are in the source; those of one place share a line."""
    places: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.number and (row.line or row.function):
            places.setdefault((row.line, row.function), []).append(row)
    if not places:
        return
    numbers = [",".join(str(row.number) for row in found) for found in places.values()]
    left = min(max(2, *map(len, numbers)), 11)
    middle = min(max(len(line) for line, _ in places), 32)
    for number, ((line, function), found) in zip(numbers, places.items()):
        cells = [_list(number, left).rjust(left)]
        if middle:
            cells.append(shorten(line, middle).ljust(middle))
        source = f": {found[0].source}" if found[0].source else ""
        used = len(_GAP.join(cells)) + len(_GAP)
        words = f"{printable(function)}(){source}" if function else found[0].source
        cells.append(words if len(words) <= WIDTH - used else f"{words[: WIDTH - used - 1]}{MORE}")
        yield _GAP.join(cells).rstrip()


def _list(numbers: str, width: int) -> str:
    """ "1,2,3,…": no number is cut."""
    if len(numbers) <= width:
        return numbers
    return numbers[: numbers[:width].rindex(",") + 1] + MORE if "," in numbers[:width] else MORE

# SPDX-License-Identifier: GPL-2.0
"""A diagram as one SVG file that needs nothing else: a lane for each actor, time runs down."""

from __future__ import annotations

from typing import Any, Iterator

from nslab_lab.findings.diagram import Diagram
from nslab_lab.findings.diagram_text import FAIL, shorten, verdict_lines, wording
from nslab_lab.findings.rows import Row

# All in pixels.
_WIDTH = 900
_MARGIN = 16
_NUMBERS = 32  # the column of the row numbers
_LINES = 216  # the column of the source lines
_LANE = 190  # at least
_GAP = 14  # between lanes
_HEAD = 26
_ROW = 32
_BOX = 24
_BAR = 5  # a read section's
_CHAR = 7.9  # of 13 pixels
_SMALL_CHAR = 6.7  # of 11 pixels

_STYLE = """
text { font: 13px monospace; fill: #1f2328; white-space: pre; }
.ground { fill: #ffffff; }
.life { stroke: #c4cad2; stroke-width: 1.5; }
.head rect { fill: #e7ecf2; stroke: #8b949e; }
.head text { font-weight: bold; text-anchor: middle; }
.number { fill: #656d76; text-anchor: end; }
.line { font-size: 11px; fill: #656d76; }
.box { fill: #f4f7fa; stroke: #8b949e; }
.section { fill: #1a7f64; }
.fold text { font-style: italic; fill: #656d76; }
.switch { stroke: #656d76; stroke-width: 1.3; fill: none; }
.tip { fill: #656d76; }
.preempted .box { fill: #fff1d6; stroke: #b35900; stroke-dasharray: 5 3; }
.preempted text { fill: #7a3d00; }
.switch.preemption { stroke: #b35900; stroke-width: 2.2; stroke-dasharray: 6 4; }
.tip.preemption { fill: #b35900; }
.failing .box { fill: #ffe3e0; stroke: #c1121f; stroke-width: 2.5; }
.failing text, .verdict { fill: #a40e1a; font-weight: bold; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.ground { fill: #0d1117; }
.life { stroke: #3d444d; }
.head rect { fill: #21262d; stroke: #6e7681; }
.number, .line, .fold text { fill: #9198a1; }
.box { fill: #161b22; stroke: #6e7681; }
.section { fill: #3fb68f; }
.switch { stroke: #9198a1; }
.tip { fill: #9198a1; }
.preempted .box { fill: #33230a; stroke: #e8912d; }
.preempted text { fill: #f2b866; }
.switch.preemption { stroke: #e8912d; }
.tip.preemption { fill: #e8912d; }
.failing .box { fill: #3d1214; stroke: #ff6b63; }
.failing text, .verdict { fill: #ff8a83; }
}
"""


def svg(diagram: Diagram) -> str:
    """The diagram as SVG text; "" if there is nothing to show."""
    if not diagram.rows:
        return ""
    return _Drawing(diagram).text()


class _Drawing:
    def __init__(self, diagram: Diagram) -> None:
        import svgwrite  # here, because it takes a while and most commands draw nothing

        self.diagram = diagram
        actors = len(diagram.actors)
        located = any(row.line or row.function for row in diagram.rows)
        self.left = _MARGIN + _NUMBERS
        self.right = _LINES if located else _MARGIN
        self.lane = max(_LANE, (_WIDTH - self.left - self.right) / actors)
        self.width = round(self.left + self.lane * actors + self.right)
        self.top = _MARGIN + _HEAD + 14
        self.bottom = self.top + _ROW * len(diagram.rows)
        columns = int((self.width - 2 * _MARGIN) / _CHAR)
        self.verdict = verdict_lines(diagram.verdict, columns)
        self.height = round(self.bottom + 22 * len(self.verdict) + _MARGIN)
        self.image = svgwrite.Drawing(
            size=(self.width, self.height),
            viewBox=f"0 0 {self.width} {self.height}",
            debug=False,
        )

    def text(self) -> str:
        image = self.image
        image.update({"role": "img", "style": "max-width: 100%; height: auto"})
        image.set_desc(title=self._title(), desc=self._description())
        image.defs.add(image.style(_STYLE))
        parts = [
            image.rect((0, 0), (self.width, self.height), class_="ground"),
            *self._lanes(), *self._sections(), *self._switches(),
            *(self._row(index, row) for index, row in enumerate(self.diagram.rows)),
            *self._verdict(),
        ]  # fmt: skip
        for part in parts:
            image.add(part)
        return f"{image.tostring()}\n"

    # === For those who do not see it ===

    def _title(self) -> str:
        actors = ", ".join(self.diagram.actors)
        return f"Interleaving of {actors}: {self.diagram.verdict or 'passed'}"

    def _description(self) -> str:
        lines = []
        for row in self.diagram.rows:
            number = f"{row.number}. " if row.number else ""
            line = f" ({row.line})" if row.line else ""
            failing = f"{FAIL} " if row.failing else ""
            lines.append(f"{number}{self.diagram.actors[row.actor]}: {failing}{row.texts[0]}{line}")
        return "\n".join(lines)

    # === Where things are ===

    def _x(self, actor: int) -> float:
        """Of a lane's left edge."""
        return self.left + actor * self.lane + _GAP / 2

    def _middle(self, actor: int) -> float:
        return self._x(actor) + (self.lane - _GAP) / 2

    def _y(self, index: int) -> float:
        """Of a row's middle."""
        return self.top + _ROW * index + _ROW / 2

    # === What there is ===

    def _lanes(self) -> Iterator[Any]:
        size = (self.lane - _GAP, _HEAD)
        for actor, name in enumerate(self.diagram.actors):
            middle = self._middle(actor)
            yield self.image.line(
                (middle, _MARGIN + _HEAD), (middle, self.bottom), class_="life"
            )
            head = self.image.g(class_="head")
            head.add(self.image.rect((self._x(actor), _MARGIN), size, rx=4))
            words = shorten(name, int((size[0] - 8) / _CHAR))
            head.add(self._words(words, middle, _MARGIN + _HEAD / 2))
            yield head

    def _sections(self) -> Iterator[Any]:
        """A bar from rcu_read_lock() to rcu_read_unlock()."""
        rows = self.diagram.rows
        for actor in range(len(self.diagram.actors)):
            start = None
            for index in range(len(rows) + 1):
                inside = index < len(rows) and rows[index].depth[actor] > 0
                if inside and start is None:
                    start = index
                elif not inside and start is not None:
                    # The rows of the lock and the unlock themselves are outside.
                    top = self._y(start - 1) if start else self._y(0) - _BOX / 2
                    end = self._y(index) if index < len(rows) else self.bottom
                    bar = self.image.rect(
                        (self._x(actor), top), (_BAR, end - top), rx=2, class_="section"
                    )
                    bar.set_desc(title=f"{self.diagram.actors[actor]}: RCU read section")
                    yield bar
                    start = None

    def _switches(self) -> Iterator[Any]:
        rows = self.diagram.rows
        for index, (row, after) in enumerate(zip(rows, rows[1:])):
            if row.actor == after.actor:
                continue
            kind = " preemption" if row.kind == "preempted" else ""
            right = after.actor > row.actor
            start = self._x(row.actor) + (self.lane - _GAP if right else _BAR + 3)
            end = self._middle(after.actor)
            tip = self._y(index + 1) - _BOX / 2
            points = [(start, self._y(index)), (end, self._y(index)), (end, tip - 5)]
            yield self.image.polyline(points, class_=f"switch{kind}")
            # A marker would not take its colour from the style.
            yield self.image.polygon(
                [(end - 5, tip - 7), (end + 5, tip - 7), (end, tip)], class_=f"tip{kind}"
            )

    def _row(self, index: int, row: Row) -> Any:
        image = self.image
        y = self._y(index)
        x = self._x(row.actor) + _BAR + 3
        width = self.lane - _GAP - _BAR - 3
        kinds = [row.kind if row.kind in ("preempted", "fold") else "step"]
        group = image.g(class_=" ".join(kinds + ["failing"] * row.failing))
        about = " ".join(filter(None, (row.where, row.line and f"({row.line})")))
        title = row.texts[0] + (f" in {about}" if about else "")
        group.set_desc(title=title, desc=row.source or None)
        if row.kind == "preempted":
            # Another shape, for who does not see the colour.
            edge, half = _BOX / 2, _BOX / 2
            corners = [
                (x, y), (x + edge, y - half), (x + width - edge, y - half),
                (x + width, y), (x + width - edge, y + half), (x + edge, y + half),
            ]  # fmt: skip
            group.add(image.polygon(corners, class_="box"))
        elif row.kind == "fold":
            group.add(image.rect((x, y - _BOX / 2), (width, _BOX), class_="ground"))
        else:
            group.add(image.rect((x, y - _BOX / 2), (width, _BOX), rx=3, class_="box"))
        inset = 14 if row.kind == "preempted" else 8
        words = wording(row, int((width - 2 * inset) / _CHAR))
        group.add(self._words(words, x + inset, y))
        if row.number:
            group.add(self._words(str(row.number), self.left - 6, y, class_="number"))
        line = row.line or (f"{row.function}()" if row.number and row.function else "")
        if line and row.kind != "preempted":
            room = int((self.right - _MARGIN) / _SMALL_CHAR)
            where = self.left + self.lane * len(self.diagram.actors) + 4
            group.add(self._words(shorten(line, room), where, y, class_="line"))
        return group

    def _verdict(self) -> Iterator[Any]:
        for index, line in enumerate(self.verdict):
            y = self.bottom + 22 * index + 16
            yield self._words(line, _MARGIN, y, class_="verdict")

    def _words(self, words: str, x: float, y: float, **more: Any) -> Any:
        return self.image.text(words, (x, y + 4.5), **more)

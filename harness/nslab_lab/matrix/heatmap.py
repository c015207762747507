# SPDX-License-Identifier: GPL-2.0
"""The matrix as a picture: variants by scenarios, how soon each was caught, and by which oracle.

The large panel has the soonest of all ways, the small ones have one way each. Drawn by matplotlib;
the same results give the same bytes.
"""

from __future__ import annotations

import io
import math
from typing import Any, Sequence

from nslab_lab.host.plotting import matplotlib  # isort: skip (first)
import numpy
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from nslab_lab.matrix.cells import Matrix, Result, Way, soonest
from nslab_lab.plans.plan import NO_VARIANT

# Sizes in inches.
_CELL = 0.46
_SMALL_CELL = 0.155
_NAMES = 1.9  # room for the names beside and below a panel
_SMALL_NAMES = 1.3  # below the small ones
_TOP = 0.75
_GAP = 0.35
_COLUMNS = 3  # of small panels

_COLOURS = "viridis_r"  # the sooner, the lighter; also told apart by who sees few colours
_NEVER = "#e4e4e4"
_BEYOND = 1e18  # executions
_STYLE = {
    "svg.fonttype": "none",  # words stay words
    "svg.hashsalt": "nslab",
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 8,
    "axes.linewidth": 0.5,
}

# What has no room in a cell is cut.
_SHORT = {
    "grace period": "grace", "assertion": "assert", "refcount": "refcnt", "lifetime": "life",
}  # fmt: skip


def svg(matrix: Matrix) -> str:
    """The picture as SVG."""
    with matplotlib.rc_context(_STYLE):
        buffer = io.StringIO()
        metadata = {"Date": None, "Creator": None, "Title": "nslab matrix"}
        draw(matrix).savefig(buffer, format="svg", metadata=metadata)
    return buffer.getvalue()


def draw(matrix: Matrix) -> Figure:
    """The picture; to be called and saved with _STYLE."""
    return _Picture(matrix).figure


class _Picture:
    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        most = max([matrix.executions, *(one.executions for one in matrix.of() if one.oracle)])
        self.norm = LogNorm(1, max(most, 10))
        self.colours = matplotlib.colormaps[_COLOURS].with_extremes(over=_NEVER)
        rows, columns = len(matrix.variants), len(matrix.scenarios)
        small_width, small_height = columns * _SMALL_CELL, rows * _SMALL_CELL
        # The names of the scenarios are written once for each column of small panels.
        across = min(_COLUMNS, len(matrix.ways))
        down = math.ceil(len(matrix.ways) / across)
        self.width = _NAMES + _GAP + max(
            columns * _CELL, across * small_width + (across - 1) * _GAP, 5.0
        )
        self.height = (
            _TOP + rows * _CELL + _NAMES + down * (small_height + _GAP) + _SMALL_NAMES
        )
        self.figure = Figure(figsize=(self.width, self.height))
        y = self.height - _TOP - rows * _CELL
        self._large(self._axes(_NAMES, y, columns * _CELL, rows * _CELL))
        self._legend()
        top = y - _NAMES
        for index, way in enumerate(matrix.ways):
            row, column = divmod(index, across)
            axes = self._axes(
                _NAMES + column * (small_width + _GAP), top - (row + 1) * (small_height + _GAP),
                small_width, small_height,
            )  # fmt: skip
            last = index + across >= len(matrix.ways)
            self._small(axes, way, with_variants=column == 0, with_scenarios=last)

    def _axes(self, x: float, y: float, width: float, height: float) -> Any:
        """Axes at a place in inches, from the lower left."""
        w, h = self.width, self.height
        return self.figure.add_axes((x / w, y / h, width / w, height / h))

    def _cells(self, axes: Any, results: Sequence[Result | None]) -> None:
        """A square for each cell, row by row; nothing where nothing was run."""
        columns = len(self.matrix.scenarios)
        # What was never caught is beyond the scale; infinity would not be drawn.
        values = numpy.array([min(one.until, _BEYOND) if one else math.nan for one in results])
        axes.pcolormesh(
            values.reshape(-1, columns), norm=self.norm, cmap=self.colours, edgecolor="white", lw=0.6
        )
        axes.set(xlim=(0, columns), ylim=(len(self.matrix.variants), 0))
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)

    def _names(self, axes: Any, variants: bool, scenarios: bool, size: float) -> None:
        matrix = self.matrix
        axes.set_xticks([x + 0.5 for x in range(len(matrix.scenarios))] if scenarios else [])
        axes.set_yticks([y + 0.5 for y in range(len(matrix.variants))] if variants else [])
        if scenarios:
            turned = dict(rotation=60, ha="right", rotation_mode="anchor")
            axes.set_xticklabels(matrix.scenarios, size=size, **turned)
        if variants:
            named = [_named(name) for name in matrix.variants]
            axes.set_yticklabels(named, size=size)

    def _large(self, axes: Any) -> None:
        """The soonest of all ways."""
        matrix = self.matrix
        results = list(map(soonest, self._all(matrix.ways)))
        self._cells(axes, results)
        self._names(axes, True, True, 8)
        for index, result in enumerate(results):
            if not result or not result.oracle:
                continue
            y, x = divmod(index, len(matrix.scenarios))
            red, green, blue, _ = self.colours(self.norm(result.until))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            colour = "white" if dark else "black"
            middle = dict(ha="center", va="center", color=colour)
            axes.text(x + 0.5, y + 0.34, f"{result.executions:,}", size=7.5, **middle)
            axes.text(x + 0.5, y + 0.7, _SHORT.get(result.oracle, result.oracle), size=6, **middle)

    def _all(self, ways: Sequence[Way]) -> list[list[Result]]:
        """The results of each cell of a panel, row by row."""
        by_place: dict[tuple[str, str], list[Result]] = {
            (variant, scenario): []
            for variant in self.matrix.variants
            for scenario in self.matrix.scenarios
        }
        for one in self.matrix.of():
            if one.cell.way in ways:
                by_place[one.cell.variant, one.cell.scenario].append(one)
        return list(by_place.values())

    def _small(self, axes: Any, way: Way, with_variants: bool, with_scenarios: bool) -> None:
        """One way."""
        self._cells(axes, list(map(soonest, self._all([way]))))
        self._names(axes, with_variants, with_scenarios, 6)
        axes.set_title(way.name, loc="left", size=8, pad=3)

    def _legend(self) -> None:
        """What the colours mean, above all."""
        bar = self._axes(_NAMES, self.height - 0.36, 2.2, 0.12)
        self.figure.colorbar(ScalarMappable(self.norm, self.colours), bar, orientation="horizontal")
        bar.tick_params(length=2, width=0.5, labelsize=7)
        bar.minorticks_off()
        bar.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        bar.set_title("executions until caught, the soonest of all ways", loc="left", size=8, pad=3)
        note = self._axes(_NAMES + 2.9, self.height - 0.36, 0.2, 0.12)
        note.set(xticks=[], yticks=[], facecolor=_NEVER)
        for spine in note.spines.values():
            spine.set_visible(False)
        words = f"not in {self.matrix.executions:,}; white: not run"
        note.text(1.4, 0.5, words, size=7, va="center", transform=note.transAxes)


def _named(variant: str) -> str:
    return "none: the correct kernel" if variant == NO_VARIANT else variant

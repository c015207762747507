# SPDX-License-Identifier: GPL-2.0
"""The pictures of a report, by matplotlib, as SVG that takes its colours from the page around it."""

from __future__ import annotations

import io
import re
from typing import Any, Callable, Sequence

from nslab_lab.host.plotting import matplotlib  # isort: skip (first)
import numpy
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nslab_lab.sweeps.exports import Cell, Moment, Night

# Stand-ins, which are replaced by the page's own colours, dark or light.
_INK, _SOFT, _LINE = "#010203", "#040506", "#070809"
_A, _B, _BAD, _GONE = "#0a0b0c", "#0d0e0f", "#101112", "#131415"
_VARIABLES = {
    _INK: "--ink", _SOFT: "--soft", _LINE: "--line", _A: "--a", _B: "--b", _BAD: "--new",
    _GONE: "--gone",
}  # fmt: skip
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # words stay words
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _SOFT,
    "axes.titlecolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.5,
    "text.color": _INK,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
# The more, the darker; neither end is lost on a page that is light, or dark.
_COLOURS = ListedColormap(matplotlib.colormaps["viridis_r"](numpy.linspace(0.05, 0.78, 256)))
_MOST_LABELS = 60  # more rows or columns have no names in the picture


def _svg(name: str, about: str, draw: Callable[[], Figure]) -> str:
    """What @draw draws; @name tells it from the page's other pictures, @about says what it shows."""
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        buffer = io.StringIO()
        draw().savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Numbered by matplotlib, so they would be there once for each picture.
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    size = re.search(r'<svg[^>]* width="([\d.]+)pt"', text)
    wide = f"{float(size[1]) * 4 / 3:.0f}px" if size else "100%"
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    label = about.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    head = f'<svg role="img" aria-label="{label}" style="width: {wide}"'
    return text.replace("<svg", head, 1)


def _plain(axes: Any) -> None:
    axes.tick_params(length=0)


def _whole_steps(axes: Any, low: float, high: float) -> None:
    """A scale from one labelled step to another, with @low and @high between them."""
    steps = MaxNLocator(5, integer=True).tick_values(low, max(high, low + 1))
    axes.set_yticks(steps)
    axes.set_ylim(steps[0], steps[-1])


def _number(value: float, _: object = None) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def heat(cells: Sequence[Cell]) -> str:
    """Scenario by fault: how many executions, and how many of them failed."""
    return _svg(
        "heat",
        "Executions and failures, scenario by fault; the same as a table is below",
        lambda: _heat(cells),
    )


def _heat(cells: Sequence[Cell]) -> Figure:
    rows = list(dict.fromkeys(cell.scenario for cell in cells))
    columns = list(dict.fromkeys(cell.way for cell in cells))
    ran = numpy.zeros((len(rows), len(columns)))
    failed = numpy.zeros_like(ran)
    row_of, column_of = ({name: at for at, name in enumerate(names)} for names in (rows, columns))
    for cell in cells:
        place = row_of[cell.scenario], column_of[cell.way]
        ran[place] += cell.executions
        failed[place] += cell.failures
    # In inches; large ones have small squares.
    square_x = min(0.55, max(9.0 / max(len(columns), 1), 0.05))
    square_y = min(0.24, max(9.0 / max(len(rows), 1), 0.05))
    names = 1.9 if len(rows) <= _MOST_LABELS else 0.3
    below = 1.5 if len(columns) <= _MOST_LABELS else 0.3
    width = names + max(square_x * len(columns), 1.5) + 1.0
    height = below + square_y * len(rows) + 0.2
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((
        names / width, below / height, square_x * len(columns) / width,
        square_y * len(rows) / height,
    ))  # fmt: skip
    most = max(ran.max(initial=1), 10)
    shown = numpy.ma.array(ran, mask=ran == 0)
    picture = axes.pcolormesh(
        shown, norm=LogNorm(1, most), cmap=_COLOURS, rasterized=ran.size > 3000,
        edgecolor="none", linewidth=0,
    )  # fmt: skip
    axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    axes.grid(False)
    _plain(axes)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if len(rows) <= _MOST_LABELS:
        axes.set_yticks([at + 0.5 for at in range(len(rows))], rows)
    else:
        axes.set_yticks([])
    if len(columns) <= _MOST_LABELS:
        turned = dict(rotation=45, ha="right", rotation_mode="anchor")
        axes.set_xticks([at + 0.5 for at in range(len(columns))], columns, **turned)
    else:
        axes.set_xticks([])
    small = ran.size > 600
    for y, x in zip(*failed.nonzero()):
        axes.plot(
            x + 0.5,
            y + 0.5,
            "s",
            markersize=3 if small else 12,
            color="#b3001b",
            mec="white",
            mew=0.8,
        )
        if not small:
            axes.text(
                x + 0.5,
                y + 0.52,
                _number(failed[y, x]),
                ha="center",
                va="center",
                size=6,
                color="white",
            )
    bar = figure.add_axes((
        (names + square_x * len(columns) + 0.15) / width, below / height, 0.1 / width,
        min(square_y * len(rows), 1.6) / height,
    ))  # fmt: skip
    figure.colorbar(picture, bar)
    bar.minorticks_off()
    bar.yaxis.set_major_formatter(FuncFormatter(_number))
    bar.grid(False)
    _plain(bar)
    bar.set_ylabel("executions")
    return figure


def _time(moments: Sequence[Moment]) -> tuple[list[float], str]:
    """When they were, and in which unit."""
    longest = moments[-1].seconds if moments else 0
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if longest >= 2 * size:
            return [one.seconds / size for one in moments], unit
    return [one.seconds for one in moments], "seconds"


def _lines(
    moments: Sequence[Moment], title: str, lines: Sequence[tuple[str, str, str, Sequence[float]]]
) -> Figure:
    """@lines: name, colour, dashes, values."""
    figure = Figure(figsize=(4.6, 2.5))
    axes = figure.add_axes((0.13, 0.17, 0.82, 0.68))
    times, unit = _time(moments)
    for name, colour, dashes, values in lines:
        axes.plot(times, values, dashes, color=colour, linewidth=1.6, label=name)
    axes.set_title(title, loc="left", size=9)
    axes.set_xlabel(unit)
    axes.set_xlim(left=0)
    axes.yaxis.set_major_formatter(FuncFormatter(_number))
    _whole_steps(axes, 0, max(max(values, default=0) for _, _, _, values in lines))
    _plain(axes)
    if len(lines) > 1:
        axes.legend(loc="lower right")
    return figure


def traces(moments: Sequence[Moment]) -> str:
    """Different traces over time."""
    values = [one.traces for one in moments]
    about = f"Different traces over time, {_number(values[-1])} at the end"
    lines = [("different traces", _A, "-", values)]
    return _svg("traces", about, lambda: _lines(moments, "different traces", lines))


def reached(moments: Sequence[Moment]) -> str:
    """Points and readers over time."""
    last = moments[-1]
    about = f"Over time: {last.points} points and {last.readers} readers reached at the end"
    lines = [
        ("named points", _A, "-", [one.points for one in moments]),
        ("readers", _B, "--", [one.readers for one in moments]),
    ]
    return _svg("reached", about, lambda: _lines(moments, "reached", lines))


def throughput(moments: Sequence[Moment]) -> str:
    """Executions per second over time."""
    steps = max(1, len(moments) // 120)
    some = [Moment(0, 0, 0, 0, 0, 0), *moments[:-1:steps], moments[-1]]
    rates = [
        (after.executions - before.executions) / max(after.seconds - before.seconds, 0.001)
        for before, after in zip(some, some[1:])
    ]
    mean = moments[-1].executions / max(moments[-1].seconds, 0.001)
    about = f"Executions per second over time, {mean:,.0f} in the mean"
    lines = [("executions/s", _A, "-", rates)]
    return _svg("throughput", about, lambda: _lines(some[1:], "executions per second", lines))


def nights(past: Sequence[Night]) -> str:
    """New, known and gone findings of each sweep."""
    about = "; ".join(
        f"{one.row.id}: {one.new} new, {one.known} known, {one.gone} gone" for one in past
    )
    return _svg("nights", about, lambda: _nights(past))


def _nights(past: Sequence[Night]) -> Figure:
    figure = Figure(figsize=(4.6, 2.5))
    axes = figure.add_axes((0.13, 0.3, 0.82, 0.55))
    places = range(len(past))
    new, known, gone = (
        [getattr(one, name) for one in past] for name in ("new", "known", "gone")
    )
    wide = min(0.7, 0.12 * len(past) + 0.1)
    axes.bar(places, new, wide, color=_BAD, label="new")
    axes.bar(places, known, wide, bottom=new, color=_B, label="known")
    axes.bar(places, [-one for one in gone], wide, color=_GONE, label="gone")
    axes.axhline(0, color=_SOFT, linewidth=0.6)
    axes.set_title("findings of the last sweeps", loc="left", size=9)
    every = -(-len(past) // 10)
    names = [one.row.id if at % every == 0 else "" for at, one in enumerate(past)]
    axes.set_xticks(places, names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.8, max(len(past) - 0.2, 2.2))
    most = max(one.new + one.known for one in past)
    _whole_steps(axes, -max(one.gone for one in past), most)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    axes.grid(axis="x", visible=False)
    _plain(axes)
    # Above the bars, beside the title: within the axes it would cover one.
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.01, 0.98), ncol=3, handlelength=1.0,
        columnspacing=1.0, borderaxespad=0.0,
    )  # fmt: skip
    return figure

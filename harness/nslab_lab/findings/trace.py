# SPDX-License-Identifier: GPL-2.0
"""A trace as a table: time runs down, each actor has its column."""

from __future__ import annotations

from typing import Sequence

from nslab_lab.guest.results import Step

WIDTH = 80
_GAP = "  "


def table(steps: Sequence[Step]) -> str:
    """The steps of one execution, at most 80 columns wide; "" if there are none."""
    steps = [step for step in steps if step.actor]  # at the start, nobody's
    if not steps:
        return ""
    actors = list(dict.fromkeys(step.actor for step in steps))
    number = max(len("step"), len(str(steps[-1].step)))
    width = (WIDTH - number) // len(actors) - len(_GAP)
    lines = [
        _line("step".rjust(number), [_fit(actor, width) for actor in actors]),
        _line("-" * number, ["-" * width for _ in actors]),
    ]
    for step in steps:
        cells = [" " * width for _ in actors]
        cells[actors.index(step.actor)] = _fit(cell(step), width)
        lines.append(_line(f"{step.step:>{number}}", cells))
    return "\n".join(lines) + "\n"


def cell(step: Step) -> str:
    """What an actor did: indented by the depth of its read sections, with the delay."""
    parts = [_what(step)]
    if step.delay_ns:
        parts.append(f"+{duration(step.delay_ns)}")
    function = step.where.partition("+")[0]
    if function:
        parts.append(function)
    return "| " * step.nesting + " ".join(parts)


def _what(step: Step) -> str:
    """With its number where the name alone says little."""
    match step.kind:
        case "lock" | "unlock":
            return f"{step.kind} #{step.object}"
        case "wake":
            return f"wake {step.of}".rstrip()
        case "syscall" | "return":
            return f"{step.kind} {step.what}"
    return step.point


def duration(ns: int) -> str:
    """A time in ns, in the unit that suits it."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 999.5 * size else f"{ns // size} {unit}"
    return f"{ns} ns"


def _line(number: str, cells: Sequence[str]) -> str:
    return _GAP.join([number, *cells]).rstrip()


def _fit(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else f"{text[: width - 2]}.."

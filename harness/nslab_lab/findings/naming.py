# SPDX-License-Identifier: GPL-2.0
"""The names of what steps access, by the debug information of their kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Sequence

from nslab_lab.debuginfo import objects

if TYPE_CHECKING:
    from nslab_lab.guest.results import Step

FieldOf = Callable[[str, int, int], str]  # (title of the object, offset, size): its member


def named(steps: Sequence[Step], linux: Path, src: Path) -> tuple[list[Step], FieldOf]:
    """The steps with titles for kinds of objects, and what names members of these.

    Raises LabError(3) where debug information cannot be read.
    """
    kinds = {(step.watch, step.site) for step in steps if isinstance(step.watch, str) and step.watch}
    known = objects.of(linux, src, kinds)
    titles = {of.title: of for of in known.values()}

    def field_of(title: str, offset: int, size: int) -> str:
        return titles[title].field(offset, size) if title in titles else f"+{offset:#x}"

    def title(step: Step) -> int | str:
        of = known.get((step.watch, step.site)) if isinstance(step.watch, str) else None
        return step.watch if of is None else f"static:{of.title}" if of.static else of.title

    titles |= {f"static:{of.title}": of for of in known.values() if of.static}
    return [replace(step, watch=title(step)) for step in steps], field_of

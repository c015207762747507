# SPDX-License-Identifier: GPL-2.0
"""What the kinds of objects of a trace are called, and the members of their structs.

A kind has the name of plans/watch.py: "cred", "task_struct.cred", "kmalloc:newary", "static:init_task".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping

from nslab_lab.debuginfo import allocations, caches, layout, symbols
from nslab_lab.debuginfo.layout import Layout
from nslab_lab.plans.watch import CACHE, KMALLOC, STATIC, kind_of

Kind = tuple[str, int]  # its name, and where kmalloc memory was asked for, see guest/words.py; 0: unknown


@dataclass(frozen=True)
class Object:
    """A kind of object."""

    title: str  # "cred", "task_struct.cred", "sem_array"; "kmalloc(newary)" where no struct is known
    layout: Layout | None
    static: bool = False  # there is only one of it

    def field(self, offset: int, size: int) -> str:
        """The member around an access, "+0x18" if there is none; "" for a whole that has none. In bytes."""
        return self.layout.field(offset, size) if self.layout else f"+{offset:#x}"

    def member(self, offset: int, size: int) -> str:
        """The object and its member: "cred.uid", "hits", "kmalloc(newary)+0x18"."""
        field = self.field(offset, size)
        dot = "." if field and field[0] not in "+[" else ""
        return f"{self.title.partition('.')[0]}{dot}{field}"


def of(linux: Path, src: Path, kinds: Iterable[Kind]) -> Mapping[Kind, Object]:
    """Each of @kinds. Raises LabError(3) where gdb does not work."""
    wanted = {kind: _asked(linux, src, kind) for kind in kinds}
    known = layout.layouts(linux, sorted({name for name in wanted.values() if name}))
    return {kind: _object(kind, name, known.get(name)) for kind, name in wanted.items()}


def _asked(linux: Path, src: Path, of_kind: Kind) -> str:
    """The name by which layout.layouts() knows it."""
    name, site = of_kind
    kind, what = kind_of(name)
    if kind == CACHE:
        struct, dot, _ = what.partition(".")
        known = caches.of(linux, src)
        # Some have one for each size, such as pid_2.
        return struct if dot else known.get(what) or known.get(re.sub(r"_\d+$", "", what)) or what
    if kind == STATIC:
        return name
    place = symbols.frame_at(linux, site) if site else ""
    return allocations.struct_of(linux, src, place or what.partition("+")[0])


def _object(of_kind: Kind, asked: str, known: Layout | None) -> Object:
    kind, what = kind_of(of_kind[0])
    if kind == STATIC:
        return Object(what, known, static=True)
    if kind == KMALLOC:
        return Object(asked, known) if known else Object(f"kmalloc({what.partition('+')[0]})", None)
    return Object(what, known)

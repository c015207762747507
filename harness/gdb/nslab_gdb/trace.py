# SPDX-License-Identifier: GPL-2.0
"""The steps so far, with names and source lines."""

from __future__ import annotations

import functools
from typing import Sequence

import gdb

from nslab_gdb import kernel
from nslab_gdb.session import Session
from nslab_lab.debuginfo import symbols
from nslab_lab.findings import diagram, naming, stepping
from nslab_lab.findings.naming import FieldOf
from nslab_lab.findings.stepping import Event
from nslab_lab.guest.results import Step
from nslab_lab.host.errors import LabError


class Trace:
    """Of the session's execution."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names = stepping.Names(
            session.actors, kernel.point_names(), session.kinds, where_of, kernel.owner_of
        )

    def steps(self, events: Sequence[Event]) -> list[Step]:
        """What @events, of the guest's memory now, stand for."""
        return stepping.steps(self._session.token.n, events, self._names)

    def line_of(self, where: str, is_return_address: bool = True) -> str | None:
        """The source line of "vfs_read+0x5e/0xb0", None if it cannot be told."""
        lines = self._session.lines or {}
        place = where.partition("/")[0]
        if is_return_address and place in lines:
            return lines[place]
        return symbols.line_of(self._session.linux, where, is_return_address)

    def look_up(self, steps: Sequence[Step]) -> None:
        """Find the lines of many steps at once, which costs as much as one."""
        known = self._session.lines or {}
        places = {step.where for step in steps if step.where}
        symbols.look_up(
            self._session.linux, [one for one in places if one.partition("/")[0] not in known]
        )

    def place(self, where: str) -> str:
        """ "vfs_read (fs/read_write.c:133)", "" for nowhere."""
        name = where.partition("+")[0]
        line = self.line_of(where) if where else None
        return f"{name} ({line})" if line else name

    def announced(self, step: Step) -> str:
        """What it is about to do."""
        steps, field_of = self._named([step])
        return stepping.announced(steps[0], field_of)

    def drawn(self, steps: Sequence[Step], judged: bool) -> diagram.Diagram:
        """The diagram; @judged: they end as the token's execution ends."""
        self.look_up(steps)
        named, field_of = self._named(steps)
        return diagram.build(
            named, self._session.verdict if judged else None, line_of=self.line_of,
            field_of=field_of, tree=self._session.src,
        )  # fmt: skip

    def _named(self, steps: Sequence[Step]) -> tuple[Sequence[Step], FieldOf | None]:
        """The steps with the names of what they access, and what names members."""
        try:
            return naming.named(steps, self._session.linux, self._session.src)
        except LabError:
            return steps, None  # then there are offsets


@functools.cache
def where_of(offset: int) -> str:
    """An offset in the kernel's text as the lab writes places: "vfs_read+0x1a/0x80"."""
    return symbol_of(int(gdb.parse_and_eval("(unsigned long)&_text")) + offset)


@functools.cache
def symbol_of(address: int) -> str:
    """The same of an address; "" if nothing is there."""
    # "vfs_read + 449 in section .text"
    said = gdb.execute(f"info symbol {address - 1:#x}", to_string=True)
    name, plus, rest = said.partition(" in section ")[0].partition(" + ")
    if " " in name:
        return ""
    offset = (int(rest) if plus else 0) + 1
    block = gdb.block_for_pc(address - 1)
    while block and (block.function is None or block.superblock and block.superblock.function):
        block = block.superblock
    size = block.end - block.start if block else offset
    return f"{name}+{offset:#x}/{size:#x}"


def place_of(trace: Trace, address: int) -> str:
    """The function and line of an instruction's address."""
    return trace.place(symbol_of(address)) if address else "?"

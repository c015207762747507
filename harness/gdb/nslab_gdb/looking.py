# SPDX-License-Identifier: GPL-2.0
"""nslab actors, trace, points, diagram, frame: what there is, where the guest stands."""

from __future__ import annotations

from typing import Sequence

import gdb

from nslab_gdb import kernel, show, stacks
from nslab_gdb.command import Command, actor_of, whole
from nslab_gdb.guest import GUEST
from nslab_lab.findings import trace

DEFAULT_STEPS = 10


class Actors(Command):
    """Show each actor: its state, point, priority, and what it has of the subject."""

    name = "actors"

    def run(self, words: list[str]) -> None:
        show.actors()


class Trace(Command):
    """Show the last steps of the trace.

    nslab trace [N]: the last N, 10 by default.
    """

    name, usage, most = "trace", "[N]", 1

    def run(self, words: list[str]) -> None:
        count = whole(words[0], 1, "nslab trace [N]") if words else DEFAULT_STEPS
        steps = GUEST.trace.steps(GUEST.so_far())
        print(trace.table(steps[-count:]) or "nothing has happened yet\n", end="")


class Points(Command):
    """Show the named points, and how often each actor has reached them."""

    name = "points"

    def run(self, words: list[str]) -> None:
        show.points()


class Diagram(Command):
    """Show the interleaving, with a mark at the current step."""

    name = "diagram"

    def run(self, words: list[str]) -> None:
        show.interleaving()


class Frame(Command):
    """Select the stack of another actor.

    nslab frame ACTOR; without an argument, select that of the running task again. Until the guest
    continues, `bt`, `up` and `info locals` show that stack. No register is changed.
    """

    name, usage, most = "frame", "[ACTOR]", 1

    def choices(self, index: int) -> Sequence[str]:
        return GUEST.session.actors if index == 0 else ()

    def run(self, words: list[str]) -> None:
        stacks.own()
        if not words:
            show.select()
            gdb.execute("frame")
            return
        one = kernel.actors(GUEST.session.actors)[actor_of(words[0])]
        if one.task is None:
            raise gdb.GdbError(f"{one.name} has no stack: it has not come yet, or has left")
        if one.runs:
            show.select()
        else:
            stacks.other(one.task)
        gdb.execute("frame")

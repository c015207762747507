# SPDX-License-Identifier: GPL-2.0
"""nslab next, switch, break, goto, back: through the execution, also back."""

from __future__ import annotations

from typing import Sequence

import gdb

from nslab_gdb import kernel, show, stacks
from nslab_gdb.command import Command, actor_of, one_of, whole
from nslab_gdb.guest import GUEST
from nslab_lab.findings import stepping


def is_point(moment: int) -> bool:
    return moment == (kernel.DECIDES if GUEST.session.steers else kernel.RECORDED)


class Next(Command):
    """Continue to the next scheduling point, of any actor."""

    name = "next"

    def run(self, words: list[str]) -> None:
        stacks.own()
        GUEST.run(lambda moment, step, actor: is_point(moment), next=1)
        _arrived()


class Switch(Command):
    """Continue until another actor runs."""

    name = "switch"

    def run(self, words: list[str]) -> None:
        stacks.own()
        last = int(kernel.control()["last"])
        steers = GUEST.session.steers

        def wanted(moment: int, step: int, actor: int) -> bool:
            return moment == kernel.GOES_ON or not steers and actor != last

        GUEST.run(wanted, turn=1)
        _arrived()


def _arrived() -> None:
    if not kernel.alive():
        show.ended(GUEST.status)
        return
    if not GUEST.remember():
        print("NOT the same steps as before: the kernel did not do the same again")
    show.here()


class _PointBreakpoint(gdb.Breakpoint):
    """At a named point, of one actor or of all."""

    def __init__(self, point: int, mask: int) -> None:
        super().__init__(kernel.STOP)
        self.silent = True
        self.point, self.mask = point, mask

    def stop(self) -> bool:
        what = kernel.control()
        if int(what["moment"]) not in (kernel.RECORDED, kernel.DECIDES):
            return False
        event = kernel.events()[int(what["at"]) - 1]
        return event.name == "point" and event.what == self.point and bool(self.mask >> event.actor & 1)


_breakpoints: list[_PointBreakpoint] = []


def points() -> dict[int, int]:
    masks: dict[int, int] = {}
    for one in _breakpoints:
        if one.is_valid() and one.enabled:
            masks[one.point] = masks.get(one.point, 0) | one.mask
    return masks


class Break(Command):
    """Stop whenever an actor reaches a named point.

    nslab break POINT [ACTOR]. An ordinary breakpoint: `delete`, `disable` and `ignore`
    take its number.
    """

    name, usage, most = "break", "POINT [ACTOR]", 2
    needs_guest = True

    def choices(self, index: int) -> Sequence[str]:
        return (tuple(kernel.point_names().values()), GUEST.session.actors, ())[min(index, 2)]

    def run(self, words: list[str]) -> None:
        if not words:
            raise gdb.GdbError("at which point? nslab break POINT [ACTOR]; `nslab points` lists them")
        names = kernel.point_names()
        point = list(names)[one_of("point", words[0], tuple(names.values()))]
        mask = 1 << actor_of(words[1]) if words[1:] else 0xFF
        _breakpoints.append(_PointBreakpoint(point, mask))
        GUEST.tell_points()
        print(f"that is, at {' of '.join(words)}")


def _goto(step: int) -> None:
    """Go to @step, forwards or by booting again, and compare the trace."""
    stacks.own()
    now = len(GUEST.so_far()) if kernel.alive() else None
    known = GUEST.known(step)

    def wanted(moment: int, at: int, actor: int) -> bool:
        return at == step and moment in (kernel.RECORDED, kernel.DECIDES)

    forward = now is not None and step > now
    if forward:
        GUEST.run(wanted, step=step)
    else:
        GUEST.boot(wanted, step=step)
    if not kernel.alive():
        show.ended(GUEST.status)
        return
    same = GUEST.remember()
    show.here()
    moment = kernel.at_stop()
    there = moment in (kernel.RECORDED, kernel.DECIDES) and int(kernel.control()["at"]) == step
    if not there:
        print(f"that is not step {step}: this came first")
    elif not forward:
        said = show.trace_hash()
        same = same and (len(known) < step or said == stepping.hash_so_far(known))
        print(f"trace hash {said} up to here, {_compared(same, len(known) >= step)}")


def _compared(same: bool, seen: bool) -> str:
    if not same:
        return "NOT the same as before"
    return "the same as before" if seen else "seen for the first time"


class Goto(Command):
    """Go to a step of the trace, forwards or backwards.

    nslab goto N, from 1. To go back, the guest is booted again and runs up to that step, with the
    same choices; the trace is compared and has to be the same.
    """

    name, usage, most, needs_guest = "goto", "N", 1, False

    def run(self, words: list[str]) -> None:
        if not words:
            raise gdb.GdbError("to which step? nslab goto N; `nslab trace` has their numbers")
        _goto(whole(words[0], 1, "steps begin with 1"))


class Back(Command):
    """Go back to an earlier scheduling point.

    nslab back [N]: N points, 1 by default.
    """

    name, usage, most = "back", "[N]", 1

    def run(self, words: list[str]) -> None:
        count = whole(words[0], 1, "nslab back [N]") if words else 1
        events = GUEST.so_far()
        at_last = kernel.at_stop() in (kernel.RECORDED, kernel.DECIDES)
        if at_last:
            events = events[: int(kernel.control()["at"])]
        step = stepping.points_back(events, GUEST.session.steers, count, at_last)
        if not step:
            raise gdb.GdbError("there is no scheduling point that far back")
        _goto(step)

# SPDX-License-Identifier: GPL-2.0
"""Which moments of a trace matter: those by which the actors meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence

from nslab_lab.findings.moments import LOCK, UNLOCK, Moment

if TYPE_CHECKING:
    from nslab_lab.guest.results import Step


def wanted_of(moments: Sequence[Moment]) -> list[bool]:
    """Which moments are shown when not all are."""
    conflicts = _conflicts([moment.step for moment in moments])
    shared = _shared([moment.step for moment in moments])
    wanted = []
    for moment in moments:
        step = moment.step
        wanted.append(
            moment.preempted
            or moment.leaves
            or step.delay_ns > 0
            or step.kind in ("fault", "block", "resume", "end")
            or step.kind in ("access", "free")
            and (step.object == 0 or id(step) in conflicts)
            or step.kind == "alloc"
            and step.object in shared
        )
    for index, moment in enumerate(moments[:-1]):
        after = moments[index + 1]
        # Without a strategy the actor changes where nothing was decided.
        if after.step.actor != moment.step.actor:
            wanted[index] = True
        # It waited for none of the others.
        elif moment.step.kind == "block" and after.step.kind == "resume":
            wanted[index] = wanted[index + 1] = False
    _want_sections(moments, wanted)
    return wanted


def _shared(steps: Sequence[Step]) -> set[int]:
    """The objects that more than one actor touches."""
    by: dict[int, set[str]] = {}
    for step in steps:
        if step.object and step.kind in ("access", "free"):
            by.setdefault(step.object, set()).add(step.actor)
    return {number for number, actors in by.items() if len(actors) > 1}


@dataclass(frozen=True)
class _Touch:
    """Bytes of an object, and what is done to them."""

    actor: str
    start: int
    end: int
    write: bool

    def depends_on(self, other: _Touch) -> bool:
        return (
            self.actor != other.actor
            and (self.write or other.write)
            and self.start < other.end
            and other.start < self.end
        )


def _conflicts(steps: Sequence[Step]) -> set[int]:
    """The accesses, by id(), that touch what another actor writes or frees, or the reverse."""
    touches: dict[int, dict[_Touch, list[int]]] = {}
    for step in steps:
        if not step.object or step.kind not in ("access", "free"):
            continue
        if step.kind == "free":
            touch = _Touch(step.actor, 0, 2**32, True)
        else:
            touch = _Touch(step.actor, step.offset, step.offset + max(step.size, 1), step.write)
        touches.setdefault(step.object, {}).setdefault(touch, []).append(id(step))
    return {
        one
        for by_touch in touches.values()
        for touch, ones in by_touch.items()
        if any(touch.depends_on(other) for other in by_touch)
        for one in ones
    }


def _want_sections(moments: Sequence[Moment], wanted: list[bool]) -> None:
    """An outermost read section is shown if something is while it lasts."""
    opened: dict[str, int] = {}
    used: set[str] = set()
    for index, moment in enumerate(moments):
        actor = moment.step.actor
        if moment.key == ("point", UNLOCK) and moment.step.nesting <= 1 and not moment.preempted:
            start = opened.pop(actor, None)
            if start is not None and actor in used:
                wanted[start] = wanted[index] = True
            used.discard(actor)
        elif wanted[index]:
            used.update(opened)  # also by what others do meanwhile
        if moment.key == ("point", LOCK) and moment.step.nesting <= 1 and not moment.preempted:
            opened[actor] = index
            if wanted[index]:
                used.add(actor)
    for actor in used:
        if actor in opened:
            wanted[opened[actor]] = True

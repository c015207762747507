# SPDX-License-Identifier: GPL-2.0
"""Which moments of a trace matter: those by which the actors meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence

from nslab_lab.findings.moments import LOCK, UNLOCK, Moment

if TYPE_CHECKING:
    from nslab_lab.guest.results import Step


def wanted_of(moments: Sequence[Moment], failed: int = 0) -> list[bool]:
    """Which moments are shown when not all are.

    @failed: the number of the object that went wrong; 0: it is not known.
    """
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
            or step.kind == "wake"
            and bool(step.of)
            and not step.value  # it was asleep
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
    if failed and sum(wanted) > _FEW:
        _want_what_failed(moments, wanted, failed)
    _want_fewer(moments, wanted)
    _want_sections(moments, wanted)
    _want_calls(moments, wanted)
    return wanted


# With so few rows nothing has to be left out.
_FEW = 8


def _want_what_failed(moments: Sequence[Moment], wanted: list[bool], failed: int) -> None:
    """Of many accesses those to the object that went wrong, and to pointers while they point to it.

    What happened to other objects made it possible at most by the order of the steps, and that
    is shown by where the actors change.
    """
    pointers = {
        (moment.step.object, moment.step.offset)
        for moment in moments
        if moment.step.kind == "access" and moment.step.value == failed
    }
    points_to: dict[tuple[int, int], int] = {}
    for index, moment in enumerate(moments):
        step = moment.step
        if step.kind not in ("access", "alloc", "free") or moment.preempted or step.delay_ns:
            continue
        word = step.object, step.offset
        before = points_to.get(word)
        if word in pointers and step.kind == "access":
            points_to[word] = step.value
        if step.object != failed and failed not in (before, points_to.get(word)):
            wanted[index] = False


# So many rows can be read at once.
_MANY = 25


def _want_fewer(moments: Sequence[Moment], wanted: list[bool]) -> None:
    """Of many accesses one of each word while an actor runs.

    If these are many still, those to words that an actor comes back to; then those next to where
    the actor changes.
    """
    for close in (_once_a_turn(moments), _taking_turns(moments), _near_switches(moments)):
        if sum(wanted) <= _MANY:
            return
        for index, moment in enumerate(moments):
            plain = moment.step.kind in ("access", "alloc") and not (moment.preempted or moment.leaves)
            if plain and index not in close and not _changes(moments, index):
                wanted[index] = False


def _changes(moments: Sequence[Moment], index: int) -> bool:
    """Whether another actor runs behind it."""
    return index + 1 < len(moments) and moments[index + 1].step.actor != moments[index].step.actor


def _once_a_turn(moments: Sequence[Moment]) -> set[int]:
    """Of the accesses of an actor to a word, while no other runs, the first that writes, or the first."""
    found: set[int] = set()
    turn: dict[tuple[int, int], int] = {}
    for index, moment in enumerate(moments):
        step = moment.step
        if step.kind == "access" and not moment.preempted:
            word = step.object, step.offset // 8
            first = turn.setdefault(word, index)
            if step.write and not moments[first].step.write:
                turn[word] = index
        if _changes(moments, index) or index + 1 == len(moments):
            found.update(turn.values())
            turn.clear()
    return found


def _taking_turns(moments: Sequence[Moment]) -> set[int]:
    """The accesses to words that an actor comes back to after another one wrote there, or the reverse."""
    turns: dict[tuple[int, int], list[int]] = {}
    for index, moment in enumerate(moments):
        if moment.step.kind == "access" and not moment.preempted:
            turns.setdefault((moment.step.object, moment.step.offset // 8), []).append(index)
    found: set[int] = set()
    for indices in turns.values():
        actors = [moments[index].step.actor for index in indices]
        if sum(one != other for one, other in zip(actors, actors[1:])) > 1:
            found.update(indices)
    return found


_NEAR = 6  # steps


def _near_switches(moments: Sequence[Moment]) -> set[int]:
    """What is near where another actor begins to run, or near the end."""
    changes = [index for index in range(len(moments)) if _changes(moments, index)]
    return {
        near
        for index in [*changes, len(moments) - 1]
        for near in range(index - _NEAR, index + _NEAR + 1)
    }


def _want_calls(moments: Sequence[Moment], wanted: list[bool]) -> None:
    """A system call is shown if something of its actor is shown while it lasts; what it returns if that is an error."""
    entered: dict[str, int] = {}
    used: set[str] = set()
    for index, moment in enumerate(moments):
        actor, kind = moment.step.actor, moment.step.kind
        if moment.preempted:
            continue
        if kind == "syscall":
            entered[actor] = index
            used.discard(actor)
        elif kind == "return":
            if actor in used and moment.step.value:
                wanted[index] = True
            entered.pop(actor, None)
        elif wanted[index] and kind not in ("end", "start") and actor in entered:
            used.add(actor)
            wanted[entered[actor]] = True


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

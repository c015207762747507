# SPDX-License-Identifier: GPL-2.0
"""A trace as it lies in a guest's memory, read by a debugger in the middle of an execution.

What a step was is known when it is recorded, but for who runs next and what a pointer then
points to. So the hash of the steps so far leaves these out, or it would be another one as
soon as the execution goes on; the actors that the next steps are of show it anyway.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields, replace
from typing import Callable, Mapping, Sequence

from nslab_lab.guest import abi
from nslab_lab.guest.results import Step
from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import shown

_MEMBERS, _EVENT = abi.layout("nslab_event")
SIZE = _EVENT.size
NOBODY = abi.constant("NSLAB_NOBODY")
KINDS = abi.event_kinds()
_IS_POINT, _IS_FREE, _IS_WRITE = (
    abi.constant(f"NSLAB_EVENT_IS_{name}") for name in ("POINT", "FREE", "WRITE")
)
_MAX_ACTORS = abi.constant("NSLAB_MAX_ACTORS")
_ACCESSES = ("access", "alloc", "free")


@dataclass(frozen=True)
class Event:
    """A struct nslab_event."""

    kind: int
    actor: int
    nesting: int
    flags: int
    next: int
    enabled: int
    what: int
    local: int
    object: int
    size: int
    value: int
    offset: int
    ip: int
    delay_ns: int

    @property
    def name(self) -> str:
        """Of the kind."""
        return KINDS[self.kind]

    @property
    def is_decision(self) -> bool:
        """Whether it is decided here who runs next."""
        return bool(self.flags & _IS_POINT)

    def is_point(self, steers: bool) -> bool:
        """Whether it is a scheduling point; @steers: a strategy decides."""
        return self.is_decision if steers else self.name == "point"

    def able(self) -> list[int]:
        """The actors that can run."""
        return [index for index in range(_MAX_ACTORS) if self.enabled >> index & 1]


if tuple(one.name for one in fields(Event)) != _MEMBERS:
    raise lab_failed(f"{shown(abi.UAPI)}: struct nslab_event has other members than Event")


def events_of(memory: bytes) -> list[Event]:
    """The events that lie in @memory one behind the other."""
    return [Event(*fields) for fields in _EVENT.iter_unpack(memory)]


def _fnv(words: Sequence[int], start: int) -> int:
    # FNV-1a (Fowler, Noll, Vo), a word at a time, as trace.c has it.
    value = 0xCBF29CE484222325
    for word in (start, *words):
        value = (value ^ word) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value ^ value >> 32


def trace_hash(memory: bytes) -> str:
    """The hash of a whole trace, as the kernel and every replay tell it: 16 hex digits."""
    words = struct.unpack(f"<{len(memory) // 8}Q", memory)
    return f"{_fnv(words, len(memory) // SIZE):016x}"


def hash_so_far(events: Sequence[Event]) -> str:
    """The hash of the steps so far, the same whenever it is looked at: 16 hex digits."""
    return trace_hash(b"".join(_EVENT.pack(*_fixed(event)) for event in events))


def _fixed(event: Event) -> tuple[int, ...]:
    fixed = replace(event, next=0, enabled=0, value=0)
    return tuple(vars(fixed).values())


def same(one: Sequence[Event], other: Sequence[Event]) -> bool:
    """Whether the one is how the other begins, or the reverse."""
    return all(_fixed(left) == _fixed(right) for left, right in zip(one, other))


def points_back(events: Sequence[Event], steers: bool, count: int, at_last: bool) -> int:
    """The step, from 1, of the scheduling point @count before; 0: there are not so many.

    @at_last: the last event is the point where it stands, or else one that is passed counts.
    """
    points = [
        number
        for number, event in enumerate(events, 1)
        # When the last actor has ended, there is none left to be chosen.
        if event.is_point(steers) and (not steers or event.next != NOBODY)
    ]
    if at_last and points and points[-1] == len(events):
        points.pop()
    return points[-count] if count <= len(points) else 0


@dataclass(frozen=True)
class Names:
    """What numbers of a trace stand for."""

    actors: Sequence[str]
    points: Sequence[str] | Mapping[int, str]  # by number
    kinds: Sequence[tuple[str, int]]  # of objects, by number; see boots.Boot.kind()
    where: Callable[[int], str]  # of an offset in the text: "vfs_read+0x1a/0x80"
    owner: Callable[[int], int]  # of an object: the index of the actor whose task it is

    def actor(self, index: int) -> str:
        """ "" if no actor was chosen."""
        return self.actors[index] if index < len(self.actors) else ""


def steps(n: int, events: Sequence[Event], names: Names) -> list[Step]:
    """The events as a guest would report them; @n: the execution."""
    return [_step(n, number, event, names) for number, event in enumerate(events, 1)]


def _step(n: int, number: int, event: Event, names: Names) -> Step:
    accesses = event.name in _ACCESSES
    nobody = "" if event.name == "begin" else "others"
    watch, site = names.kinds[event.what] if accesses and event.what < len(names.kinds) else ("", 0)
    return Step(
        n, number,
        actor=names.actor(event.actor) or nobody,
        point=names.points[event.what] if event.name == "point" else event.name,
        where=names.where(event.ip) if event.ip else "",
        nesting=event.nesting,
        delay_ns=event.delay_ns,
        kind=event.name,
        local=event.local,
        next=names.actor(event.next),
        enabled=event.enabled,
        free=bool(event.flags & _IS_FREE),
        object=event.object,
        watch=watch,
        site=site,
        of=names.actor(event.what if event.name == "wake" else names.owner(event.object))
        if accesses or event.name == "wake"
        else "",
        offset=event.offset,
        size=event.size,
        write=bool(event.flags & _IS_WRITE),
        value=event.value,
        what=event.what,
    )  # fmt: skip


def same_steps(one: Sequence[Step], other: Sequence[Step]) -> bool:
    """Whether the one is how the other begins, or the reverse, as far as steps so far are known."""
    return all(
        (left.actor, left.kind, left.point, left.local, left.object, left.offset)
        == (right.actor, right.kind, right.point, right.local, right.object, right.offset)
        for left, right in zip(one, other)
    )


def announced(step: Step, field_of: Callable[[str, int, int], str] | None = None) -> str:
    """What is about to be done: "about to read cred #2->uid".

    @field_of: names the member, as naming.named returns it.
    """
    watch = str(step.watch)
    kind = watch.partition(".")[0].removesuffix("_struct") or "object"
    match step.kind:
        case "access":
            member = field_of(watch, step.offset, step.size) if field_of else ""
            member = member or watch.partition(".")[2] or f"+{step.offset:#x}"
            whose = f"{step.of}'s {kind}" if step.of else f"{kind} #{step.object}"
            if step.of and step.of == step.actor:
                whose = f"its own {kind}"
            return f"about to {'write' if step.write else 'read'} {whose}->{member}"
        case "free":
            return f"about to free {kind} #{step.object}"
        case "alloc":
            return f"{kind} #{step.object} is allocated"
    return _SAID.get(step.kind, step.point)


_SAID = {
    "begin": "who starts?",
    "start": "starts",
    "end": "is through",
    "block": "has to wait",
    "resume": "has waited, and goes on",
    "fault": "an allocation fails",
    "lock": "about to lock",
    "unlock": "about to unlock",
}

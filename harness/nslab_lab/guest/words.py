# SPDX-License-Identifier: GPL-2.0
"""What a boot has found to be shared: words, and who accesses them; see `nslab races`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable

from nslab_lab.plans.watch import CACHE, Watch, name_of


@dataclass(frozen=True)
class Side:
    """How one actor accesses a word from one place."""

    actor: int  # index
    write: bool
    ip: int  # where, an offset from the kernel's first instruction
    locks: tuple[str, ...] = ()  # held, as lockdep calls their classes
    rcu: int = 0  # depth of read sections
    irq_off: bool = False
    preempt_off: bool = False


@dataclass(frozen=True)
class Word:
    """Eight bytes of an object that two actors access, one of them writing."""

    what: int  # number of the kind of object in this boot, as in traces
    kind: str  # "cache", "kmalloc", "static"
    name: str  # of the cache, of the function that asked for it, of the symbol
    offset: int  # in the object, bytes
    size: int  # bytes
    object_size: int = 0  # bytes; 0: not known
    site: int = 0  # kmalloc: where it was asked for, as Side.ip; 0: not known
    locked: str = ""  # the lock that all accesses have in common; "": none
    sides: tuple[Side, ...] = ()
    new: bool = False  # it was found after the set had been made

    @property
    def watch(self) -> Watch:
        """What watches it."""
        return Watch(self.object, self.name, self.offset, self.size, "", self.kind)

    @property
    def object(self) -> str:
        """The name of the kind of object, as in traces."""
        return name_of(self.kind, self.name)

    def watched_by(self, watches: Iterable[Watch]) -> bool:
        """Whether one of @watches, by hand, has all of it."""
        end = self.offset + self.size
        return any(
            (one.kind, one.cache) == (self.kind, self.name)
            and (not one.size or one.offset <= self.offset and end <= one.offset + one.size)
            for one in watches
        )

    @property
    def key(self) -> tuple[str, int]:
        """The same for the same word in every boot."""
        return self.object, self.offset


@dataclass(frozen=True)
class Profiled:
    """What a boot says of its set at its end."""

    words: int  # shared words that are not under a common lock
    locked: int  # those that are
    profiled: int  # executions that were profiled again
    outside: int  # shared words that are not watched
    outside_unprotected: int  # of these, those not under a common lock
    held: bool  # no execution that was profiled again shared a further one


def parse_word(data: dict[str, Any]) -> Word:
    """The word of a line. Raises KeyError, TypeError, ValueError."""
    site = data.get("site") or {}
    return Word(
        int(data["what"]), str(data.get("kind", CACHE)), str(data["name"]), int(data["offset"]),
        int(data["size"]), int(data.get("object_size", 0)), _place(site.get("ip", 0)),
        str(data.get("locked", "")), tuple(map(_side, data["sides"])), bool(data.get("new", False)),
    )  # fmt: skip


def _side(data: dict[str, Any]) -> Side:
    return Side(
        int(data["actor"]), bool(data["write"]), _place(data["ip"]), tuple(map(str, data.get("locks", ()))),
        int(data.get("rcu", 0)), bool(data.get("irq_off", False)), bool(data.get("preempt_off", False)),
    )  # fmt: skip


def _place(text: str | int) -> int:
    return int(text, 0) if isinstance(text, str) else text


def parse_profiled(data: dict[str, Any]) -> Profiled:
    """The summary of a line. Raises KeyError, TypeError, ValueError."""
    return Profiled(
        int(data["words"]), int(data["locked"]), int(data["profiled"]), int(data["outside"]),
        int(data.get("outside_unprotected", 0)), bool(data["held"]),
    )  # fmt: skip

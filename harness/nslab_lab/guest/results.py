# SPDX-License-Identifier: GPL-2.0
"""What a guest writes while it runs: one JSON object a line."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from nslab_lab.guest import abi, words
from nslab_lab.guest.words import Profiled, Word
from nslab_lab.host.errors import lab_failed
from nslab_lab.host.jsonline import canonical
from nslab_lab.host.paths import shown


@dataclass(frozen=True)
class Refused:
    """The allocation that failed in a marked call."""

    actor: str
    call: int  # 1-based index among the marked calls of the actor
    name: str  # of the call
    nth: int  # 1-based index among the allocations of the call
    again: int  # 1-based index among those from these places in the kernel
    stack: str  # these places: id of a Stack
    errno: str | None  # "ENOMEM"; None: the call did not fail; "none": it did not come back


@dataclass(frozen=True)
class Execution:
    """The result of one execution."""

    n: int
    seed: str | None  # 16 hex digits; None if the guest died
    verdict: str  # "pass" or "fail"
    oracle: str | None
    message: str | None  # one line
    points: int | None  # scheduling points hit
    faults: int | None  # faults injected
    virtual_ns: int | None  # guest time
    hash: str | None  # of the trace, 16 hex digits
    schedule: str | None = None  # that it followed
    refused: Refused | None = None

    @property
    def failed(self) -> bool:
        return self.verdict != "pass"

    def line(self, scenario: str) -> str:
        """The execution's line in executions.jsonl, without the newline."""
        data = {"scenario": scenario, **asdict(self)}
        for key in ("schedule", "refused"):
            if data[key] is None:
                del data[key]
        return canonical(data)


# In place of the number of an object: one that is not watched, or no pointer at all.
OTHER = abi.constant("NSLAB_OTHER_OBJECT")


@dataclass(frozen=True)
class Step:
    """One line of a trace: what an actor did."""

    n: int  # the execution
    step: int
    actor: str
    point: str
    where: str  # "vfs_read+0x1a/0x80", or empty
    nesting: int  # of rcu_read_lock()
    delay_ns: int  # guest time
    kind: str = "point"  # "access", "block", ...: see faults/kernel/events.def
    local: int = 0  # number among the actor's scheduling points, 0: it is none
    next: str = ""  # the actor chosen to run on
    enabled: int = 0  # the actors that could run, a bit each
    free: bool = False  # no choice here is a preemption
    object: int = 0  # a small number for the object accessed; 0: none
    watch: int | str = -1  # number of the kind of object in the boot, replaced by its name
    site: int = 0  # kmalloc memory: where it was asked for, as Side.ip; 0: not known
    of: str = ""  # the actor whose task the object is, or that is woken
    offset: int = 0  # bytes
    size: int = 0  # bytes
    write: bool = False
    value: int = 0  # number of the object that the pointer points to; 0: NULL; OTHER
    what: int = 0  # as struct nslab_event has it


@dataclass(frozen=True)
class Note:
    """Something else a guest says: "ready", "end", "error"; "profiling" with a number."""

    event: str
    message: str | None = None


@dataclass
class Points:
    """What was met since boot, or in several boots."""

    hits: Counter[str] = field(default_factory=Counter)  # how often, by named point
    executions: Counter[str] = field(default_factory=Counter)  # by how many, by named point
    # By how many executions, by place that calls the subject's accessor: "vfs_read+0x1a/0x80".
    places: Counter[str] = field(default_factory=Counter)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)  # by place and caller

    def add(self, more: Points) -> None:
        """The same of further boots."""
        self.hits.update(more.hits)
        self.executions.update(more.executions)
        self.places.update(more.places)
        self.calls.update(more.calls)


@dataclass(frozen=True)
class Search:
    """The result of a search for every schedule."""

    n: int  # the input
    complete: int  # for up to so many preemptions; -1: not even without any
    schedules: list[int]  # that were run, by number of preemptions
    redundant: int  # of them, those that turned out to be equivalent to others
    pruned: int  # alternatives that needed no execution, being equivalent
    points: int  # of the longest execution
    unexplained: int  # steps that let others run for a reason the trace does not show
    cut: str | None  # "schedules", "memory": what ended it early
    diverged: str | None  # the kernel did not do the same again

    @property
    def total(self) -> int:
        """Schedules that were run."""
        return sum(self.schedules)


@dataclass(frozen=True)
class Site:
    """An allocation in a marked call, when a boot first saw it."""

    n: int  # in this execution
    actor: str
    call: int
    name: str
    nth: int
    again: int
    stack: str
    counted: bool  # it was there when nothing failed yet, and so has its execution

    def key(self, setups: int) -> tuple[int, str, int, str, int]:
        """Says which allocation it is; @setups: how many the scenario has."""
        return ((self.n - 1) % setups, self.actor, self.call, self.stack, self.again)


@dataclass(frozen=True)
class Stack:
    """From where an allocation was asked for."""

    id: str  # 16 hex digits
    fault: str  # "failslab", "fail_page_alloc", "fail_percpu"
    frames: list[str]  # "copy_creds+0x17d/0x410", the innermost first


@dataclass(frozen=True)
class Round:
    """How many executions it takes until each counted allocation has failed."""

    executions: int
    points: int  # of the longest execution in which none does


@dataclass(frozen=True)
class Measured:
    """How long some system call took."""

    what: str
    calls: int
    ns: int  # nanoseconds, of the guest's clock, of all of them


Event = Execution | Step | Points | Search | Site | Stack | Round | Measured | Word | Profiled | Note


class Reader:
    """Reads a results file as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._line = 0

    def read(self) -> list[Event]:
        """What was written since the last call. Raises LabError(3) if it makes no sense."""
        with self.path.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        # A line may be there in part, while it is written or for good if the guest died.
        lines = data[: data.rfind(b"\n") + 1].splitlines(keepends=True)
        self._position += sum(map(len, lines))
        return [self._event(line) for line in lines]

    def _event(self, line: bytes) -> Event:
        self._line += 1
        try:
            return parse(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise lab_failed(
                f"{shown(self.path)}:{self._line}: the guest wrote what the lab cannot read: {error}"
            ) from None


_Kind = TypeVar("_Kind", Execution, Refused, Step, Search, Site, Stack, Round, Measured)
_KINDS = {
    "search": Search, "step": Step, "site": Site, "stack": Stack, "round": Round,
    "measured": Measured,
}  # fmt: skip


def parse(data: dict[str, Any]) -> Event:
    """The event of one line's JSON. Raises KeyError, TypeError, AttributeError, ValueError."""
    if "word" in data:
        return words.parse_word(data["word"])
    if "profiling" in data:
        return Note("profiling", str(int(data["profiling"])))
    if "profile" in data:
        return words.parse_profiled(data["profile"])
    if data["event"] == "points":
        return _points(data)
    if data["event"] == "execution":
        refused = data.get("refused")
        return _fill(Execution, {**data, "refused": refused and _fill(Refused, refused)})
    if kind := _KINDS.get(data["event"]):
        return _fill(kind, data)
    return Note(data["event"], data.get("message"))


def _points(data: dict[str, Any]) -> Points:
    points = Points(_counter(data["hits"]), _counter(data["executions"]))
    for place in data["places"]:
        where = str(place["where"])
        points.places[where] = int(place["executions"])
        for caller, executions in _counter(place["callers"]).items():
            points.calls[where, caller] = executions
    return points


def _counter(data: dict[str, Any]) -> Counter[str]:
    return Counter({str(name): int(count) for name, count in data.items()})


def _fill(kind: type[_Kind], data: dict[str, Any]) -> _Kind:
    # Further keys are left alone: a newer guest may say more.
    return kind(
        **{
            one.name: data[one.name] if one.default is MISSING else data.get(one.name, one.default)
            for one in fields(kind)
        }
    )

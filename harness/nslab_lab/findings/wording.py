# SPDX-License-Identifier: GPL-2.0
"""What a diagram says of a step, from the longest wording to the shortest."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Sequence

from nslab_lab.findings.moments import LOCK, UNLOCK, Moment, is_announced
from nslab_lab.findings.naming import FieldOf
from nslab_lab.findings.trace import duration
from nslab_lab.guest.results import OTHER
from nslab_lab.plans import subject

if TYPE_CHECKING:
    from nslab_lab.guest.results import Step

_STATIC = "static:"
SWITCH, MORE = "~", "…"


_SECTIONS = {0: "rcu_read_lock()", 1: "rcu_read_unlock()"}
_GRACE = {0: "waits for readers", 1: "has waited for readers", 2: "call_rcu()"}
_HEAP = {0: "allocates", 1: "frees"}


def other(step: Step) -> list[str]:
    """The wordings of a step that is neither point nor access, the longest first."""
    match step.kind:
        case "syscall":
            return [f"{step.point}()", step.point] if step.point != step.kind else ["a system call"]
        case "return":
            name = f"{step.point}()" if step.point != step.kind else "a system call"
            error = f": {errno.errorcode.get(step.value, step.value)}" if step.value else ""
            return [f"{name} returns{error}", f"returns{error}"]
        case "wake":
            return [f"wakes {step.of}", "wakes"] if step.of else ["wakes another task"]
        case "section":
            return [_SECTIONS.get(step.what, step.kind)]
        case "grace":
            return [_GRACE.get(step.what, step.kind)]
        case "heap":
            return [_HEAP.get(step.what, step.kind)]
        case "sleep":
            return ["is about to sleep"]
    return [step.kind]


def printable(words: str) -> str:
    """One line that a terminal and XML can take."""
    return "".join(char if char.isprintable() else "?" for char in words)


class Words:
    """What to say of a step."""

    def __init__(self, moments: Sequence[Moment], field_of: FieldOf | None) -> None:
        self._field_of = field_of
        self._values: dict[tuple[int, int], int] = {}  # what pointers point to, as last seen
        self._last: dict[str, Step] = {}  # of each actor
        tasks = {
            moment.step.object
            for moment in moments
            if _struct(moment.step) == "task" and moment.step.of != moment.step.actor
        }
        self._one_task = len(tasks) <= 1

    def of(self, moment: Moment) -> tuple[str, ...]:
        """The wordings, the longest first."""
        step = moment.step
        if moment.preempted:
            texts = [f"{SWITCH} preempted"]
            if is_announced(step):
                announced = self._announced(step)
                texts[:0] = [f"{SWITCH} {verb} {text}" for verb in ("preempted before", "before") for text in announced]
        else:
            texts = [text + self._delay(step) for text in self._done(step)]
            self._last[step.actor] = step
            if step.kind == "access" and _pointee(step):
                self._values[step.object, step.offset] = _pointee(step)
            elif step.kind == "access" and step.write:
                self._values.pop((step.object, step.offset), None)
        return tuple(dict.fromkeys(printable(text) for text in texts))

    @staticmethod
    def _delay(step: Step) -> str:
        return f" +{duration(step.delay_ns)}" if step.delay_ns else ""

    def _announced(self, step: Step) -> list[str]:
        """What is not done yet has no result."""
        if step.kind == "point":
            return [f"{step.point}()", step.point]
        if step.kind in ("lock", "unlock"):
            return self._locks(step, "taking" if step.kind == "lock" else "releasing")
        if step.kind == "wake":
            return [f"waking {step.of}", "a wake-up"]
        if step.kind != "access":
            return self._done(step)
        if step.write and "." in _watch(step):
            return [f"writing {what}" for what in self._what(step)]
        return self._what(step)

    def _done(self, step: Step) -> list[str]:
        function = step.where.partition("+")[0]
        match step.kind:
            case "point":
                known = step.point in (LOCK, UNLOCK)
                return [f"{step.point}()" if known else step.point]
            case "fault":
                name = function or "?"
                return [f"! {step.point} in {name}()", f"! {function or step.point} fails"]
            case "access":
                return self._access(step)
            case "alloc" | "free":
                return [f"{step.kind} {what}" for what in _object(step)]
            case "block":
                return self._waits(step, function)
            case "resume":
                return ["goes on"]
            case "lock" | "unlock":
                return self._locks(step, "takes" if step.kind == "lock" else "releases")
        return other(step)

    @staticmethod
    def _locks(step: Step, verb: str) -> list[str]:
        known = [f"{verb} {step.point}"] if step.point != step.kind else []
        return [*known, f"{verb} lock #{step.object}", f"{step.kind} #{step.object}"]

    def _waits(self, step: Step, function: str) -> list[str]:
        last = self._last.get(step.actor)
        if last and last.kind == "lock" and last.point != last.kind:
            return [f"waits for {last.point}", "waits"]
        if function:
            return [f"waits in {function}()", "waits"]
        known = subject.waits().get(last.point, ()) if last and last.kind == "point" else ()
        return [*(f"waits for {what}" for what in known), "waits"]

    def _access(self, step: Step) -> list[str]:
        pointer = "." in _watch(step) and step.size == 8
        value = _pointee(step)
        target = f"#{value}" if value else "another" if step.value else "NULL"
        if step.write and pointer:
            member = _watch(step).partition(".")[2]
            before = self._values.get((step.object, step.offset))
            old = f", was #{before}" if before else ""
            # Of NULL there is no kind.
            kind = f"{member} " if value else ""
            return [f"publish {kind}{target}{old}", f"publish {target}{old}", f"publish {target}"]
        if step.write and value:
            return [f"{what} = {target}" for what in self._what(step)]
        if step.write:
            return [f"write {what}" for what in self._what(step)]
        if value or pointer:
            return [f"{what} → {target}" for what in self._what(step)]
        return self._what(step)

    def accessed(self, step: Step) -> dict[str, Any]:
        """What of which object, and how, for programs; {} if the step is no access."""
        if step.kind not in ("access", "alloc", "free"):
            return {}
        watch = _watch(step)
        name = self._field_of(watch, step.offset, step.size) if self._field_of else ""
        struct = _struct(step) if watch.startswith(_STATIC) else watch.partition(".")[0]
        whole = step.kind != "access" or not name and watch.startswith(_STATIC)
        dot = "" if name.startswith(("+", "[")) else "."
        field = struct if whole else f"{struct}{dot if name else '.'}{name or f'+{step.offset:#x}'}"
        return {"object": step.object, "field": field, "write": step.write}

    def _what(self, step: Step) -> list[str]:
        """The member of the object."""
        watch = _watch(step)
        name = self._field_of(watch, step.offset, step.size) if self._field_of else ""
        if watch.startswith(_STATIC):
            return [f"{_struct(step)}{'.' * bool(name and name[0] not in '+[')}{name}"]
        name = name or watch.partition(".")[2] or f"+{step.offset:#x}"
        member = name if name.startswith("+") else f"->{name}"
        if _struct(step) != "task":
            return [f"{what}{member}" for what in _object(step)]
        if step.of and step.of == step.actor:
            return [f"current{member}"]
        if self._one_task:
            return [f"task{member}"]
        return [f"{step.of}{member}" if step.of else f"task #{step.object}{member}"]


def _watch(step: Step) -> str:
    """The name of the watch, "" if it has none."""
    return step.watch if isinstance(step.watch, str) else ""


def _pointee(step: Step) -> int:
    """The object that the pointer points to, 0 for none that is watched."""
    return step.value if step.value != OTHER else 0


def _struct(step: Step) -> str:
    """How an object of the step's watch is called."""
    watch = _watch(step)
    if watch.startswith(_STATIC):
        return watch.removeprefix(_STATIC)
    return watch.partition(".")[0].removesuffix("_struct") or "object"


def _object(step: Step) -> list[str]:
    if _watch(step).startswith(_STATIC):
        return [_struct(step)]
    number = f"#{step.object}" if step.object else "?"
    return [f"{_struct(step)} {number}", number]

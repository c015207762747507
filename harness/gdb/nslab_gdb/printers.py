# SPDX-License-Identifier: GPL-2.0
"""Pretty printers for what the lab is about; `print/r` shows the structure itself."""

from __future__ import annotations

import gdb
import gdb.printing

from nslab_gdb import kernel, subjects
from nslab_gdb.guest import GUEST
from nslab_gdb.trace import symbol_of
from nslab_lab.findings import stepping


def register() -> None:
    """Have gdb use them."""
    printer = gdb.printing.RegexpCollectionPrettyPrinter("nslab")
    for name, kind in (
        *(one for module in subjects.modules() for one in module.PRINTERS), ("pid", _Pid),
        ("refcount_struct", _Refcount), ("refcount_t", _Refcount), ("list_head", _ListHead),
        ("callback_head", _RcuHead), ("nslab_event", _Event), ("nslab_actor", _Actor),
        ("nslab_switch", _Switch),
    ):  # fmt: skip
        printer.add_printer(name, f"^{name}$", kind)
    gdb.printing.register_pretty_printer(None, printer, replace=True)


def count_of(value: gdb.Value) -> int:
    """Of a refcount_t."""
    return int(value["refs"]["counter"])


class Printer:
    """Of one structure."""

    def __init__(self, value: gdb.Value) -> None:
        self.value = value


class _Pid(Printer):
    def to_string(self) -> str:
        level = int(self.value["level"])
        numbers = [str(int(self.value["numbers"][at]["nr"])) for at in range(level + 1)]
        return f"pid {' in '.join(reversed(numbers))}, count {count_of(self.value['count'])}"


class _Refcount(Printer):
    def to_string(self) -> str:
        count = count_of(self.value)
        return f"{count} (saturated)" if count < 0 else str(count)


class _ListHead(Printer):
    """How many there are, as far as one likes to count."""

    def to_string(self) -> str:
        address, next_one = self.value.address, self.value["next"]
        if address is None or not int(next_one):
            return "list (not initialised)"
        at, count = next_one, 0
        try:
            while int(at) != int(address) and count < 1000:
                at, count = at["next"], count + 1
        except gdb.MemoryError:
            return f"list (broken after {count})"
        if count == 0:
            return "list (empty)"
        return f"list of {count}, next {int(next_one):#x}"


class _RcuHead(Printer):
    def to_string(self) -> str:
        function = int(self.value["func"])
        return f"callback {symbol_of(function + 1).partition('+')[0]}" if function else "no callback"


class _Event(Printer):
    def to_string(self) -> str:
        address = self.value.address
        if address is None:
            return "event"
        event = stepping.events_of(kernel.memory(int(address), self.value.type.sizeof))
        (step,) = GUEST.trace.steps(event)
        actor = f"{step.actor}: " if step.actor else ""
        where = f", {step.where}" if step.where else ""
        return f"{actor}{GUEST.trace.announced(step)}{where}"


class _Actor(Printer):
    def to_string(self) -> str:
        name, task = self.value["name"].string(), int(self.value["task"])
        state = "through" if int(self.value["done"]) else "waits" if int(self.value["waits"]) else "in"
        return f"actor {name}, {state}, {int(self.value['points'])} points, task {task:#x}"


class _Switch(Printer):
    def to_string(self) -> str:
        letters = [chr(ord("a") + int(self.value[name])) for name in ("at", "next")]
        at = "z" if int(self.value["at"]) == stepping.NOBODY else letters[0]
        return f"{at}{int(self.value['local'])}{letters[1]}"

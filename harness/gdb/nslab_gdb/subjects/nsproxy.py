# SPDX-License-Identifier: GPL-2.0
"""nslab nsproxy, and printers for a nsproxy and its namespaces."""

from __future__ import annotations

import textwrap
from typing import Iterator, Sequence

import gdb

from nslab_gdb import kernel, show
from nslab_gdb.command import Command, actor_of, whole
from nslab_gdb.guest import GUEST
from nslab_gdb.printers import Printer, count_of

NAMESPACES = ("uts_ns", "ipc_ns", "mnt_ns", "pid_ns_for_children", "net_ns", "time_ns",
              "time_ns_for_children", "cgroup_ns")  # fmt: skip


def namespace_id(value: gdb.Value, member: str) -> int | None:
    """The id of a nsproxy's namespace, None if it cannot be read."""
    try:
        pointer = value[member]
        return int(pointer["ns"]["inum"]) if int(pointer) else None
    except gdb.error:
        return None


class _Nsproxy(Printer):
    def to_string(self) -> str:
        address = self.value.address
        number = kernel.number_of(int(address)) if address is not None and kernel.alive() else 0
        return f"nsproxy #{number}" if number else "nsproxy"

    def children(self) -> Iterator[tuple[str, object]]:
        yield "count", count_of(self.value["count"])
        for name in NAMESPACES:
            yield name, namespace_id(self.value, name) or self.value[name]


class _NsCommon(Printer):
    def to_string(self) -> str:
        ops = self.value["ops"]
        kind = ops["name"].string() if int(ops) else "?"
        return f"{kind}:[{int(self.value['inum'])}] count {count_of(self.value['count'])}"


def about(task: gdb.Value) -> list[str]:
    """The line on the task's nsproxy."""
    return [_line(task["nsproxy"])]


def _line(pointer: gdb.Value) -> str:
    if not int(pointer):
        return "nsproxy NULL: almost dead"
    number = kernel.number_of(int(pointer))
    name = f"nsproxy #{number}" if number else f"nsproxy {int(pointer):#x}"
    ids = {}
    for member in NAMESPACES:
        if found := namespace_id(pointer, member):
            ids[member.removesuffix("_ns").replace("_ns_", "_")] = found
    words = [f"{kind} {number}" for kind, number in ids.items()]
    text = f"{name}, count {count_of(pointer['count'])}: {', '.join(words)}"
    return "\n    ".join(textwrap.wrap(text, show.WIDTH - 4, subsequent_indent="  "))


def _show(address: int) -> None:
    """A nsproxy: its life, then its fields."""
    number = kernel.number_of(address)
    life = kernel.life_of(address)
    name = f"nsproxy #{number}" if number else "nsproxy"
    state = "unknown to the lab" if life is None else "freed" if life.ended else "alive"
    if life is None and gdb.parse_and_eval("(unsigned long)&init_nsproxy") == address:
        state = "alive, the first one"
    generation = f", generation {life.generation}" if life else ""
    print(show.bold(f"{name} at {address:#x}{generation}, {state}"))
    if life:
        show.moment("allocated", life.made_by, life.made_at, show.step_of("alloc", number))
        if life.ended:
            show.moment("freed", life.freed_by, life.freed_at, show.step_of("free", number))
    value = gdb.Value(address).cast(gdb.lookup_type("struct nsproxy").pointer()).dereference()
    try:
        print(f"  {'count':<22}{count_of(value['count'])}")
        for member in NAMESPACES:
            inode = namespace_id(value, member)
            print(f"  {member:<22}{int(value[member]):#x}  {inode or 'no namespace is there'}")
    except gdb.MemoryError:
        raise gdb.GdbError(f"nothing can be read at {address:#x}") from None


class Nsproxy(Command):
    """Show a nsproxy: fields, ids, allocated or freed, and by which actor.

    nslab nsproxy [ACTOR|#NUMBER|ADDRESS]. Without an argument: that of the running
    actor. NUMBER is the one in the picture, ADDRESS any gdb expression.
    """

    name, usage, most = "nsproxy", "[ACTOR|#NUMBER|ADDRESS]", 1

    def choices(self, index: int) -> Sequence[str]:
        return GUEST.session.actors if index == 0 else ()

    def run(self, words: list[str]) -> None:
        _show(self._address(words))

    @staticmethod
    def _address(words: list[str]) -> int:
        names = GUEST.session.actors
        if words and words[0].startswith("#"):
            number = whole(words[0][1:], 1, "numbers begin with #1")
            if address := kernel.address_of(number):
                return address
            raise gdb.GdbError(f"the execution has no object {words[0]} yet")
        if words and words[0] not in names:
            try:
                return int(gdb.parse_and_eval(words[0]))
            except gdb.error:
                actor_of(words[0])  # says what there is
        actors = kernel.actors(names)
        found = [one for one in actors if (one.name == words[0] if words else one.runs)]
        if not found:
            raise gdb.GdbError("no actor runs: nslab nsproxy [ACTOR|#NUMBER|ADDRESS]")
        task = found[0].task
        if task is None or not int(task["nsproxy"]):
            raise gdb.GdbError(f"{found[0].name} has no nsproxy: it is not there, or almost dead")
        return int(task["nsproxy"])


PRINTERS = (("nsproxy", _Nsproxy), ("ns_common", _NsCommon))
COMMANDS = (Nsproxy,)

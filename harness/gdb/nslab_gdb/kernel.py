# SPDX-License-Identifier: GPL-2.0
"""The lab's structures in the guest's memory: what faults/kernel keeps."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Iterator

import gdb

from nslab_lab.findings import stepping
from nslab_lab.findings.stepping import Event
from nslab_lab.guest import abi
from nslab_lab.host.paths import FAULTS_KERNEL

# When the kernel stops for gdb.
_MOMENTS = abi.enumerators("nslab_gdb_moment", FAULTS_KERNEL / "report" / "gdb.h")
RECORDED, DECIDES, GOES_ON, ENDS = (
    _MOMENTS[f"NSLAB_GDB_{name}"] for name in ("RECORDED", "DECIDES", "GOES_ON", "ENDS")
)
_WARM_UP = abi.constant("NSLAB_RUN_WARM_UP")
STOP = "nslab_gdb_stop"


def alive() -> bool:
    """Whether there is a guest."""
    return gdb.selected_inferior().pid > 0


def require_guest() -> None:
    """Raises gdb.GdbError without a guest."""
    if not alive():
        raise gdb.GdbError("no guest is running: `nslab goto N` boots it again, up to step N")


def variable(name: str) -> gdb.Value:
    """A variable of the lab's."""
    return gdb.parse_and_eval(name)


def control() -> gdb.Value:
    """What gdb waits for, see struct nslab_gdb."""
    return gdb.parse_and_eval("nslab_gdb")


def write(member: str, value: int) -> None:
    """Set a member of it."""
    gdb.parse_and_eval(f"nslab_gdb.{member} = {value}")


def memory(address: int, size: int) -> bytes:
    """Of the guest."""
    return bytes(gdb.selected_inferior().read_memory(address, size)) if size else b""


# === The execution ===


def execution() -> int:
    """The number of the execution under way, 0 between two."""
    state = variable("nslab_state")
    return int(state["run"]["execution"]) if int(state["running"]) else 0


def warm_up() -> int:
    """Which one to warm up it is, from 1; 0 if it counts."""
    warms = int(variable("nslab_state")["run"]["flags"]) & _WARM_UP
    return int(control()["warm_ups"]) if warms else 0


def trace_memory() -> bytes:
    """The events of the last execution."""
    kept = int(variable("nslab_nr_events")["counter"])
    return memory(int(variable("nslab_events")), kept * stepping.SIZE)


def events() -> list[Event]:
    """The same, decoded."""
    return stepping.events_of(trace_memory())


_OWN_POINTS = 256  # NSLAB_MAX_POINTS: the number of the first


@functools.cache
def point_names() -> dict[int, str]:
    """Of the named points, by number, in the order of the numbers."""
    # The linker makes the list, so gdb knows no type of it. It is there before the kernel boots.
    start, stop = (
        int(gdb.parse_and_eval(f"(unsigned long)&__{end}_nslab_points")) for end in ("start", "stop")
    )
    kind = gdb.lookup_type("struct nslab_named_point").pointer()
    size = kind.sizeof
    points = [
        gdb.Value(at).cast(kind.pointer()).dereference() for at in range(start, stop, size)
    ]
    # Those of NSLAB_POINT() get their numbers while the kernel boots, in the order of the list.
    named = [(int(point["number"]), point["name"].string()) for point in points]
    names = {number: name for number, name in named if number < _OWN_POINTS}
    own = [name for number, name in named if number >= _OWN_POINTS]
    return dict(sorted(names.items())) | dict(enumerate(own, _OWN_POINTS))


# === Objects ===


def _objects() -> Iterator[tuple[int, int]]:
    slots = variable("nslab_objects")["numbers"]["slots"]
    low, high = slots.type.range()
    for index in range(low, high + 1):
        if address := int(slots[index]["what"]):
            yield address, int(slots[index]["number"])


def number_of(address: int) -> int:
    """The number of a watched object in the trace; 0 if it has none."""
    return next((number for what, number in _objects() if what == address), 0)


def address_of(number: int) -> int:
    """Where the object with that number is; 0 if there is none."""
    return next((what for what, known in _objects() if known == number), 0)


def owner_of(number: int) -> int:
    """The actor whose task that object is, or was."""
    return int(variable("nslab_objects")["owners"][number]) if number else stepping.NOBODY


@dataclass(frozen=True)
class Life:
    """Of an object, as the oracle "lifetime" follows it."""

    generation: int  # from 1, since boot
    made_by: int
    made_at: int
    ended: bool
    freed_by: int
    freed_at: int


def life_of(address: int) -> Life | None:
    """The life of the object there, the last one if there were several."""
    found = None
    for name in ("ended", "live"):
        table = variable("nslab_lives")[name]
        low, high = table.type.range()
        width = table.type.target().sizeof
        raw = memory(int(table.address), table.type.sizeof)
        for index in range(low, high + 1):
            at = index * width
            if int.from_bytes(raw[at : at + 8], "little") != address:
                continue
            life = table[index]
            generation = int(life["generation"])
            if found is None or generation > found.generation:
                found = Life(
                    generation, int(life["made_by"]), int(life["made_at"]), name == "ended",
                    int(life["freed_by"]), int(life["freed_at"]),
                )  # fmt: skip
    return found


# === Actors ===


@dataclass(frozen=True)
class Actor:
    """A task that takes part."""

    index: int
    name: str
    task: gdb.Value | None  # None: it has not come yet, or has left
    done: bool
    runs: bool  # it has the CPU
    can_run: bool


def actors(names: tuple[str, ...]) -> list[Actor]:
    """All of a scenario."""
    table = variable("nslab_actors")
    now = current()
    found = []
    for index, name in enumerate(names):
        actor = table[index]
        task = actor["task"] if int(actor["task"]) else None
        runs = task is not None and int(task) == now
        can_run = task is not None and bool(int(task["on_rq"]))
        found.append(Actor(index, name, task, bool(int(actor["done"])), runs, can_run))
    return found


def current() -> int:
    """The address of the current task, 0 before there is one."""
    size = gdb.lookup_type("union thread_union").sizeof
    base = int(gdb.newest_frame().read_register("rsp")) & -size
    try:
        info = gdb.Value(base).cast(gdb.lookup_type("struct thread_info").pointer())
        return int(info["task"])
    except gdb.MemoryError:
        return 0


def at_stop() -> int | None:
    """The moment at which the kernel has stopped for gdb; None if it stands elsewhere."""
    if not alive() or gdb.newest_frame().name() != STOP:
        return None
    return int(control()["moment"])

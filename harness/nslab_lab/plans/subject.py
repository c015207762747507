# SPDX-License-Identifier: GPL-2.0
"""What the harness has to know of what is tested: faults/kernel/subjects/NAME/subject.toml."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

from nslab_lab.host import tomlfile
from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import FAULTS_KERNEL, shown
from nslab_lab.host.tomlfile import Table

SUBJECTS = FAULTS_KERNEL / "subjects"


@dataclass(frozen=True)
class Accessor:
    """The function by which another task's object is looked at: its callers are the readers."""

    function: str
    struct: str  # a function that returns a pointer to one only hands it on


@dataclass(frozen=True)
class Row:
    """One thing that the benchmark measures."""

    what: str  # the guest's name for it
    about: str
    is_time: bool  # a call's microseconds count, less is better; else calls in a second
    called: str = ""  # in a sentence; "": nothing is said of it


@dataclass(frozen=True)
class Benchmark:
    """How speed is measured, and the designs that the series of a kernel have."""

    scenario: str
    hunts: dict[str, str]  # by variant, the scenario that shows it; of others @scenario does
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Subject:
    """One subject."""

    name: str
    about: str
    number: int
    watch: tuple[str, ...] = ()  # in its scenarios: slab caches, or "struct.member"
    delays: tuple[str, ...] = ()  # knobs of its own
    caches: dict[str, str] = field(default_factory=dict)  # by slab cache, the struct in it
    # By named point behind which an actor waits, for what: from the longest wording to the shortest.
    waits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    accessor: Accessor | None = None
    benchmark: Benchmark | None = None


@functools.cache
def all_subjects(folder: Path = SUBJECTS) -> tuple[Subject, ...]:
    """Those in @folder, by number. Raises LabError(2)."""
    found = [read(path) for path in folder.glob("*/subject.toml")]
    return tuple(sorted(found, key=lambda one: one.number))


def read(path: Path) -> Subject:
    """Read and check one file; subject.c beside it has the number. Raises LabError(2)."""
    top = tomlfile.load(path)
    top.allow(("about", "watch", "delays", "caches", "waits", "accessor", "benchmark"))
    waits = top.table("waits") if "waits" in top.values else None
    accessor = top.table("accessor") if "accessor" in top.values else None
    if accessor:
        accessor.allow(("function", "struct"))
    return Subject(
        path.parent.name, top.string("about"), number_of(path.parent),
        top.strings("watch") if "watch" in top.values else (),
        top.strings("delays") if "delays" in top.values else (),
        _pairs(top, "caches"),
        {name: waits.strings(name) for name in waits.values} if waits else {},
        Accessor(accessor.string("function"), accessor.string("struct")) if accessor else None,
        _benchmark(top.table("benchmark")) if "benchmark" in top.values else None,
    )  # fmt: skip


def number_of(folder: Path) -> int:
    """The number of the subject in @folder: those of its points in traces derive from it, and lists go by it.

    Raises LabError(2).
    """
    source = folder / "subject.c"
    try:
        found = re.search(r"^#define NUMBER\s+(\d+)$", source.read_text(), re.MULTILINE)
    except OSError as error:
        raise bad_input(f"{shown(source)}: {error.strerror}") from None
    if not found:
        raise bad_input(f"{shown(source)}: no line #define NUMBER")
    return int(found[1])


def _pairs(table: Table, key: str) -> dict[str, str]:
    if key not in table.values:
        return {}
    inner = table.table(key)
    return {name: inner.string(name) for name in inner.values}


def _benchmark(table: Table) -> Benchmark:
    table.allow(("scenario", "hunts", "rows"))
    rows = table.tables("rows") if "rows" in table.values else {}
    for row in rows.values():
        row.allow(("about", "time", "as"))
    return Benchmark(
        table.string("scenario"),
        _pairs(table, "hunts"),
        tuple(
            Row(
                what, row.string("about"), row.boolean("time"),
                row.string("as") if "as" in row.values else "",
            )
            for what, row in rows.items()
        ),
    )  # fmt: skip


# === Of all together ===


def watch_of(name: str) -> tuple[str, ...]:
    """What is watched in scenarios of that subject, besides what is shared; of "" nothing."""
    return next((one.watch for one in all_subjects() if one.name == name), ())


def delays() -> tuple[str, ...]:
    """The knobs for delays that subjects have."""
    return tuple(name for one in all_subjects() for name in one.delays)


def caches() -> dict[str, str]:
    """By slab cache, the struct in it."""
    return {cache: struct for one in all_subjects() for cache, struct in one.caches.items()}


def waits() -> dict[str, tuple[str, ...]]:
    """By named point behind which an actor waits, the wordings of what for."""
    return {point: what for one in all_subjects() for point, what in one.waits.items()}


def accessors() -> tuple[Accessor, ...]:
    """The functions whose callers are the readers."""
    return tuple(one.accessor for one in all_subjects() if one.accessor)


def benchmark() -> Benchmark:
    """That of the first subject which has one."""
    return next(one.benchmark for one in all_subjects() if one.benchmark)

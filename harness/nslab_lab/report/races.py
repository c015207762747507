# SPDX-License-Identifier: GPL-2.0
"""The shared words of a scenario as a table: who accesses them, where, under which locks."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any, Iterable, Iterator, Sequence

from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import objects, symbols
from nslab_lab.findings.source_lines import Sources
from nslab_lab.guest.words import Side, Word
from nslab_lab.plans import machinery
from nslab_lab.plans.watch import STATIC
from nslab_lab.report.table import WIDTH, count


@dataclass(frozen=True)
class Access:
    """A place in the kernel that accesses a shared word."""

    actor: str
    how: str  # "R", "W", "RW"
    function: str
    line: str  # "fs/exec.c:1140"; "" where nobody knows
    source: str  # that line's text
    locks: tuple[str, ...]  # held there, by their classes
    rcu: int  # depth of read sections
    irq_off: bool
    preempt_off: bool

    @property
    def under(self) -> str:
        """What it is under, in words; "nothing" too."""
        off = ["interrupts off"] * self.irq_off + ["preemption off"] * (self.preempt_off and not self.irq_off)
        return ", ".join([*self.locks, *(["rcu_read_lock"] * (self.rcu > 0)), *off]) or "no lock"


@dataclass(frozen=True)
class Row:
    """A shared word."""

    name: str  # "sem_array.pending_const.next"
    kind: str  # "cache", "kmalloc", "static"
    of: str  # the cache, the function that asked for it, the symbol
    allocated: str  # kmalloc: the line that asked for it; "" where nobody knows
    offset: int  # bytes
    size: int  # bytes
    object_size: int  # bytes; 0: not known
    locked: str  # the lock that all accesses have in common; ""
    new: bool  # found after the set had been made
    accesses: tuple[Access, ...]

    @property
    def about_object(self) -> str:
        """What it is part of."""
        what = {"cache": "slab cache", "static": "static data"}.get(self.kind, "allocated in")
        line = f" ({self.allocated})" if self.allocated else ""
        return f"{what} {self.of}{line}"

    @property
    def about(self) -> str:
        """Which bytes of what."""
        return f"{count(self.size, 'byte')} at {self.offset}, {self.about_object}"


@dataclass(frozen=True)
class Table:
    """The shared words of one scenario."""

    scenario: str
    actors: tuple[str, ...]
    rows: tuple[Row, ...]  # those without a common lock first

    @property
    def bare(self) -> tuple[Row, ...]:
        """Those that are under no lock that all accesses have in common."""
        return tuple(row for row in self.rows if not row.locked)

    @property
    def locked(self) -> tuple[Row, ...]:
        """The others."""
        return tuple(row for row in self.rows if row.locked)

    @staticmethod
    def groups(rows: Sequence[Row]) -> list[list[Row]]:
        """Words of one object that are accessed in the same way, together."""
        def key(row: Row) -> tuple[Any, ...]:
            return row.kind, row.of, row.allocated, row.locked, row.new, row.accesses

        return [list(group) for _, group in groupby(rows, key)]

    @property
    def sentence(self) -> str:
        """How many there are."""
        more = f", {len(self.locked):,} more under one" if self.locked else ""
        return f"{count(len(self.bare), 'shared word')} under no common lock{more}"


def table(kernel: Kernel, scenario: str, actors: Sequence[str], words: Sequence[Word]) -> Table:
    """The table of @words. Raises LabError(3) where debug information cannot be read."""
    linux = kernel.linux
    known = objects.of(linux, kernel.src, {(word.object, word.site) for word in words})
    frames = {place: symbols.frame_at(linux, place) for word in words for place in _places(word)}
    symbols.look_up(linux, (frame for frame in frames.values() if frame))
    sources = Sources(lambda frame, returns: symbols.line_of(linux, frame, returns), kernel.src)

    def access(side: Side) -> Access:
        frame = frames[side.ip]
        line, source = sources.of(frame) if frame else ("", "")
        actor = actors[side.actor] if side.actor < len(actors) else "?"
        return Access(
            actor, "W" if side.write else "R", frame.partition("+")[0] or "?", line, source, side.locks, side.rcu,
            side.irq_off, side.preempt_off,
        )  # fmt: skip

    rows = [
        Row(
            known[word.object, word.site].member(word.offset, word.size), word.kind, word.name,
            sources.of(frame)[0] if (frame := frames.get(_site(word), "")) else "",
            word.offset, word.size, word.object_size, word.locked, word.new,
            _together(map(access, word.sides)),
        )
        for word in words
    ]  # fmt: skip
    rows.sort(key=lambda row: (bool(row.locked), row.kind, row.of, row.offset))
    return Table(scenario, tuple(actors), tuple(rows))


def _together(accesses: Iterable[Access]) -> tuple[Access, ...]:
    """Each place once, though it reads and writes."""
    found: dict[Access, set[str]] = {}
    for one in accesses:
        found.setdefault(replace(one, how=""), set()).add(one.how)
    one_way = [replace(one, how="".join(sorted(how))) for one, how in found.items()]
    # In the order in which they came no two words would be alike.
    return tuple(sorted(one_way, key=lambda one: (one.actor, one.function, one.line, one.under)))


_INDEX = re.compile(r"(.*)\[(\d+)\](.*)", re.S)


def _names(rows: Sequence[Row]) -> str:
    """The names of words; elements of an array that follow one another as "slots[4-9]"."""
    found: list[tuple[str, int, int, str]] = []  # before the index, the first one, the last, behind it
    for row in rows:
        parts = _INDEX.fullmatch(row.name)
        before, index, behind = (parts[1], int(parts[2]), parts[3]) if parts else (row.name, -1, "")
        if parts and found and (found[-1][0], found[-1][2] + 1, found[-1][3]) == (before, index, behind):
            found[-1] = before, found[-1][1], index, behind
        else:
            found.append((before, index, index, behind))
    return ", ".join(
        before if first < 0 else f"{before}[{first}{f'-{last}' * (last > first)}]{behind}"
        for before, first, last, behind in found
    )  # fmt: skip


def _places(word: Word) -> list[int]:
    site = _site(word)
    return [*([site] if site else []), *(side.ip for side in word.sides)]


def _site(word: Word) -> int:
    """Where it was asked for; of static data nobody did."""
    return 0 if word.kind == STATIC else word.site


# === Text ===


def text(found: Table, whole: bool = False) -> str:
    """In 80 columns; @whole: also the words under a common lock, one by one."""
    lines = [f"{found.scenario}: {found.sentence}"]
    for group in found.groups(found.rows if whole else found.bare):
        lines += ["", *_group(group)]
    if found.locked and not whole:
        locks = Counter(row.locked for row in found.locked)
        said = ", ".join(f"{lock}: {number}" for lock, number in sorted(locks.items()))
        lines += ["", *_wrapped(f"under a common lock ({said}): {_names(found.locked)}")]
    return "\n".join(lines) + "\n"


def _group(rows: Sequence[Row]) -> Iterator[str]:
    row = rows[0]
    new = ", found later" if row.new else ""
    yield from _wrapped(_names(rows))
    yield from _wrapped(f"{row.about if len(rows) == 1 else row.about_object}{new}", "  ")
    if row.locked:
        yield from _wrapped(f"always under {row.locked}", "  ")
    wide = max((len(access.actor) for access in row.accesses), default=0)
    for access in row.accesses:
        yield from _wrapped(
            f"{access.how:<2} {access.actor:<{wide}}  {access.function}()  {access.line}", "  "
        )
        if access.source:
            words = f"      {access.source}"
            yield words if len(words) <= WIDTH else f"{words[: WIDTH - 1]}…"
        yield from _wrapped(f"under {access.under}", "      ")


def left_out() -> str:
    """What is not looked at, with the reasons."""
    lines = ["not counted, since it only serves what runs (faults/machinery.toml):"]
    for one in machinery.load():
        lines += _wrapped(f"{one.reason} ({', '.join(one.files)})", "  ")
    return "\n".join(lines) + "\n"


def _wrapped(words: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        words, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    ", break_on_hyphens=False,
        drop_whitespace=True, replace_whitespace=False,
    )  # fmt: skip


# === JSON ===


def json_of(kernel: Kernel, variant: str, tables: Sequence[Table]) -> dict[str, Any]:
    """The tables for json.dumps().

    kernel, variant: names. left_out: what is not looked at, files and reason. scenarios: by name its
    actors and words, those under no common lock first, with
        name: "sem_array.pending_const.next"
        kind: "cache", "kmalloc", "static"; of: the cache, the function that asked for it, the symbol
        allocated: "fs/exec.c:523", null where it is not known
        offset, size, object_size: bytes, the last 0 where it is not known
        locked: the lock that all accesses have in common, null for none
        new: it was found after the set had been made
        accesses: actor, how ("R", "W", "RW"), function, line, source, locks, rcu, irq_off, preempt_off; line and source
            are null where they are not known
    """
    return {
        "kernel": f"{kernel.name}-{kernel.id}",
        "variant": variant,
        "left_out": [{"files": list(one.files), "reason": one.reason} for one in machinery.load()],
        "scenarios": {
            one.scenario: {"actors": list(one.actors), "words": list(map(_json, one.rows))} for one in tables
        },
    }


def packed(table_: Table) -> str:
    """A table as one line of JSON."""
    return json.dumps(asdict(table_), sort_keys=True, separators=(",", ":"))


def unpacked(line: str) -> Table:
    """The table that packed() has made a line of."""
    data = json.loads(line)
    for row in data["rows"]:
        for one in row["accesses"]:
            one["locks"] = tuple(one["locks"])
        row["accesses"] = tuple(Access(**one) for one in row["accesses"])
    return Table(data["scenario"], tuple(data["actors"]), tuple(Row(**row) for row in data["rows"]))


def _json(row: Row) -> dict[str, Any]:
    data = asdict(row)
    for key in ("allocated", "locked"):
        data[key] = data[key] or None
    for access in data["accesses"]:
        access["locks"] = list(access["locks"])
        for key in ("line", "source"):
            access[key] = access[key] or None
    data["accesses"] = list(data["accesses"])
    return data

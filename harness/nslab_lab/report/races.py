# SPDX-License-Identifier: GPL-2.0
"""The shared words of a scenario as a table: who accesses them, where, under which locks."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Iterator, Sequence

from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import objects, symbols
from nslab_lab.findings.source_lines import Sources
from nslab_lab.guest.words import Side, Word
from nslab_lab.plans import machinery
from nslab_lab.report.table import WIDTH, count


@dataclass(frozen=True)
class Access:
    """A place in the kernel that accesses a shared word."""

    actor: str
    write: bool
    function: str
    line: str  # "ipc/sem.c:1140"; "" where nobody knows
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
    def about(self) -> str:
        """Which bytes of what."""
        what = {"cache": "slab cache", "static": "static data"}.get(self.kind, f"{self.kind}() in")
        line = f" ({self.allocated})" if self.allocated else ""
        return f"{count(self.size, 'byte')} at {self.offset}, {what} {self.of}{line}"


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
            actor, side.write, frame.partition("+")[0] or "?", line, source, side.locks, side.rcu,
            side.irq_off, side.preempt_off,
        )  # fmt: skip

    rows = [
        Row(
            known[word.object, word.site].member(word.offset, word.size), word.kind, word.name,
            sources.of(frames[word.site])[0] if word.site and frames[word.site] else "",
            word.offset, word.size, word.object_size, word.locked, word.new,
            tuple(dict.fromkeys(map(access, word.sides))),
        )
        for word in words
    ]  # fmt: skip
    rows.sort(key=lambda row: (bool(row.locked), row.kind, row.of, row.offset))
    return Table(scenario, tuple(actors), tuple(rows))


def _places(word: Word) -> list[int]:
    site = [word.site] if word.kind != "static" and word.site else []
    return [*site, *(side.ip for side in word.sides)]


# === Text ===


def text(found: Table, whole: bool = False) -> str:
    """In 80 columns; @whole: also the words under a common lock, one by one."""
    lines = [f"{found.scenario}: {found.sentence}"]
    for row in found.rows if whole else found.bare:
        lines += ["", *_row(row)]
    if found.locked and not whole:
        locks = Counter(row.locked for row in found.locked)
        said = ", ".join(f"{lock}: {number}" for lock, number in sorted(locks.items()))
        lines += ["", *_wrapped(f"under a common lock ({said}): {', '.join(row.name for row in found.locked)}")]
    return "\n".join(lines) + "\n"


def _row(row: Row) -> Iterator[str]:
    new = ", found later" if row.new else ""
    yield from _wrapped(row.name, "")
    yield from _wrapped(f"{row.about}{new}", "  ")
    if row.locked:
        yield from _wrapped(f"always under {row.locked}", "  ")
    wide = max((len(access.actor) for access in row.accesses), default=0)
    for access in row.accesses:
        yield from _wrapped(
            f"{'W' if access.write else 'R'} {access.actor:<{wide}}  {access.function}()  {access.line}"
            f"  [{access.under}]", "  ",
        )  # fmt: skip
        if access.source:
            words = f"      {access.source}"
            yield words if len(words) <= WIDTH else f"{words[: WIDTH - 1]}…"


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
        allocated: "ipc/sem.c:523", null where it is not known
        offset, size, object_size: bytes, the last 0 where it is not known
        locked: the lock that all accesses have in common, null for none
        new: it was found after the set had been made
        accesses: actor, write, function, line, source, locks, rcu, irq_off, preempt_off; line and source
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

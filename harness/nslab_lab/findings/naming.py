# SPDX-License-Identifier: GPL-2.0
"""The names of what steps access, take and call, by the debug information and sources of their kernel."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Mapping, Sequence

from nslab_lab.debuginfo import objects, symbols
from nslab_lab.debuginfo.objects import Kind, Object

if TYPE_CHECKING:
    from nslab_lab.guest.results import Step

FieldOf = Callable[[str, int, int], str]  # (title of the object, offset, size): its member

LOCKS = ("lock", "unlock")
CALLS = ("syscall", "return")
_CALL_TABLE = Path("arch/x86/entry/syscalls/syscall_64.tbl")
# What takes and releases locks, and its first argument.
_LOCK = re.compile(
    r"\b(?:_*raw_)?(?:spin|read|write|mutex|down|up|rt_mutex|local|bit_spin|percpu_down|percpu_up|seq|task)_?\w*"
    r"(?:lock|unlock|read|write|down|up|trylock)?\w*\(\s*(&?[\w>.\[\]-]+)"
)
# There is nothing to see in the lines of these.
_MACHINERY = re.compile(r"^include/linux/\w*(?:lock|rwsem|mutex|rwbase|seqlock|semaphore|rcupdate|cleanup)\w*\.h:")


def named(steps: Sequence[Step], linux: Path, src: Path) -> tuple[list[Step], FieldOf]:
    """The steps with titles for kinds of objects, and what names members of these.

    Where the source tells, the point of a lock is what it is called there, and that of a system call
    its name. Raises LabError(3) where debug information cannot be read.
    """
    kinds = {kind for step in steps if (kind := _kind(step))}
    known = objects.of(linux, src, kinds)
    titles = {of.title: of for of in known.values()}
    titles |= {f"static:{of.title}": of for of in known.values() if of.static}

    def field_of(title: str, offset: int, size: int) -> str:
        return titles[title].field(offset, size) if title in titles else f"+{offset:#x}"

    symbols.look_up(linux, {step.where for step in steps if step.where and step.kind in LOCKS})
    return [_named(step, known, linux, src) for step in steps], field_of


def _kind(step: Step) -> Kind | None:
    return (step.watch, step.site) if isinstance(step.watch, str) and step.watch else None


def _named(step: Step, known: Mapping[Kind, Object], linux: Path, src: Path) -> Step:
    kind = _kind(step)
    if kind:
        of = known[kind]
        return replace(step, watch=f"static:{of.title}" if of.static else of.title)
    if step.kind in LOCKS and step.where:
        return replace(step, point=_lock_at(linux, src, step.where) or step.point)
    if step.kind in CALLS:
        return replace(step, point=_calls(src).get(step.what, step.point))
    return step


@functools.lru_cache(maxsize=4096)
def _lock_at(linux: Path, src: Path, where: str) -> str:
    """What a lock is called where it is taken or released: "sma->sem_perm.lock"; "" if that is not seen."""
    for line in symbols.lines_of(linux, where):
        if not _MACHINERY.match(line):
            found = _LOCK.search(_source(src, line))
            return found[1].removeprefix("&") if found else ""
    return ""


def _source(src: Path, line: str) -> str:
    """The text of a line, "ipc/sem.c:523"."""
    file, _, number = line.rpartition(":")
    lines = _lines(src / file)
    return lines[int(number) - 1] if number.isdecimal() and 0 < int(number) <= len(lines) else ""


@functools.lru_cache(maxsize=64)
def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").split("\n")
    except OSError:
        return []


@functools.lru_cache(maxsize=4)
def _calls(src: Path) -> dict[int, str]:
    """System calls, by number."""
    found = (line.split() for line in _lines(src / _CALL_TABLE))
    return {int(one[0]): one[2] for one in found if len(one) > 2 and one[0].isdecimal() and one[1] != "x32"}

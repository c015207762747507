# SPDX-License-Identifier: GPL-2.0
"""Source lines of a kernel's functions, by binutils."""

from __future__ import annotations

import bisect
import functools
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Sequence

_FRAME = re.compile(r"(?P<name>[\w.]+)\+0x(?P<offset>[0-9a-f]+)/0x(?P<size>[0-9a-f]+)")


def line_of(linux: Path, frame: str, is_return_address: bool = True) -> str | None:
    """The source line of "vfs_read+0x5e/0xb0": "fs/read_write.c:126".

    @is_return_address: the call before it is meant, as everywhere but at a fault.
    None where binutils or the debug information does not tell.
    """
    at = address(linux, frame, is_return_address)
    if at is None:
        return None
    if (linux, at) not in _lines:
        _look_up(linux, [at])
    told = _lines.get((linux, at))
    return told[-1] if told else None


def lines_of(linux: Path, frame: str) -> list[str]:
    """The lines of a frame, a return address, and of what was inlined there, the innermost first."""
    at = address(linux, frame)
    if at is None:
        return []
    if (linux, at) not in _lines:
        _look_up(linux, [at])
    return _lines.get((linux, at), [])


def line_of_function(linux: Path, name: str) -> str | None:
    """The source line at which a function begins."""
    found = _symbols(linux).get(name)
    return line_of(linux, f"{name}+0x0/{found[0][1]:#x}", is_return_address=False) if found else None


def look_up(linux: Path, frames: Iterable[str]) -> None:
    """Find the lines of many frames, all return addresses, at the cost of one."""
    addresses = {address(linux, frame) for frame in frames} - {None}
    _look_up(linux, sorted(one for one in addresses if one and (linux, one) not in _lines))


# What addr2line has told, the innermost first; a binary never changes under its name.
_lines: dict[tuple[Path, int], list[str]] = {}


def _look_up(linux: Path, addresses: Sequence[int]) -> None:
    if not addresses:
        return
    words = [f"{address:#x}" for address in addresses]
    told = _output("addr2line", "-a", "-i", "-e", str(linux), *words)
    # With -a each address stands on a line of its own before its lines.
    parts = re.split(r"^0x[0-9a-f]+$\n", told, flags=re.MULTILINE)[1:]
    for address, part in zip(addresses, [*parts, *[""] * len(addresses)]):
        # Of functions inlined one into the other, the last line is the frame's own.
        told_of = [line for line in part.split("\n") if line and not line.startswith("??")]
        _lines[linux, address] = list(map(_below_the_tree, told_of))


def address(linux: Path, frame: str, is_return_address: bool = True) -> int | None:
    """The address of "vfs_read+0x5e/0xb0", None where binutils does not tell.

    @is_return_address: of the call before it, by its last byte.
    """
    found = _FRAME.fullmatch(frame)
    if found is None:
        return None
    start = _start_of(linux, found["name"], int(found["size"], 16))
    if start is None:
        return None
    return start + int(found["offset"], 16) - is_return_address


def _below_the_tree(line: str) -> str:
    """The line as the kernel's documents write it: `lib/x.c:7`."""
    # The build writes its folder as /proc/self/cwd, so that two folders give the same bytes.
    line = line.partition(" (discriminator")[0].removeprefix("/proc/self/cwd/")
    # Greedy: the lab itself may lie below some src/, the tree is the last one.
    return re.sub(r"^.*/src/|^(?:\.\./)+", "", os.path.normpath(line))


@functools.lru_cache(maxsize=512)
def _start_of(linux: Path, name: str, size: int) -> int | None:
    # Static functions may share a name; their sizes tell them apart. kallsyms rounds the
    # size up to the next symbol, so it may exceed the true one by the padding.
    best: tuple[int, int] | None = None
    for line in _symbols(linux).get(name, ()):
        start, length = line
        if length <= size and (best is None or length > best[1]):
            best = (start, length)
    return best[0] if best else None


def start_of_text(linux: Path) -> int | None:
    """The address of the kernel's first instruction, from which places are counted."""
    return next((one.start for one in table(linux) if one.name == "_text"), None)


def frame_at(linux: Path, offset: int) -> str:
    """The place at @offset from the kernel's first instruction: "vfs_read+0x5e/0xb0", or ""."""
    start = start_of_text(linux)
    starts, functions = _functions(linux)
    index = bisect.bisect_right(starts, (start or 0) + offset) - 1
    if start is None or not offset or index < 0:
        return ""
    one = functions[index]
    inside = start + offset - one.start
    return f"{one.name}+{inside:#x}/{one.size:#x}" if inside <= one.size else ""


@dataclass(frozen=True)
class Symbol:
    """A line of nm."""

    start: int
    size: int  # bytes; 0: not known
    type: str  # of nm: "t", "D"
    name: str


@functools.lru_cache(maxsize=4)
def table(linux: Path) -> tuple[Symbol, ...]:
    """The symbols of the binary; none where binutils does not tell."""
    found = []
    for line in _output("nm", "-S", str(linux)).splitlines():
        fields = line.split()
        if len(fields) == 4:
            found.append(Symbol(int(fields[0], 16), int(fields[1], 16), fields[2], fields[3]))
        elif len(fields) == 3:
            found.append(Symbol(int(fields[0], 16), 0, fields[1], fields[2]))
    return tuple(found)


@functools.lru_cache(maxsize=4)
def _functions(linux: Path) -> tuple[list[int], list[Symbol]]:
    found = sorted(
        (one for one in table(linux) if one.size and one.type in "tTwW"), key=lambda one: one.start
    )
    return [one.start for one in found], found


@functools.lru_cache(maxsize=4)
def _symbols(linux: Path) -> dict[str, list[tuple[int, int]]]:
    symbols: dict[str, list[tuple[int, int]]] = {}
    for one in table(linux):
        if one.size and one.type in "tTwW":
            symbols.setdefault(one.name, []).append((one.start, one.size))
    return symbols


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""

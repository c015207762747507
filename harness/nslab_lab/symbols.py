# SPDX-License-Identifier: GPL-2.0
"""Source lines of a kernel's functions, by binutils."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from pathlib import Path

_FRAME = re.compile(r"(?P<name>[\w.]+)\+0x(?P<offset>[0-9a-f]+)/0x(?P<size>[0-9a-f]+)")


def line_of(linux: Path, frame: str, is_return_address: bool = True) -> str | None:
    """The source line of "utsns_get+0x5e/0xb0": "kernel/utsname.c:126".

    @is_return_address: the call before it is meant, as everywhere but at a fault.
    None where binutils or the debug information does not tell.
    """
    found = _FRAME.fullmatch(frame)
    if found is None:
        return None
    start = _start_of(linux, found["name"], int(found["size"], 16))
    if start is None:
        return None
    address = start + int(found["offset"], 16) - is_return_address
    # Of functions inlined one into the other, the last line is the frame's own.
    lines = _output("addr2line", "-i", "-e", str(linux), f"{address:#x}").split("\n")
    last = [line for line in lines if line and not line.startswith("??")][-1:]
    return _below_the_tree(last[0]) if last else None


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


@functools.lru_cache(maxsize=4)
def _symbols(linux: Path) -> dict[str, list[tuple[int, int]]]:
    symbols: dict[str, list[tuple[int, int]]] = {}
    for line in _output("nm", "-S", str(linux)).splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2] in "tTwW":
            symbols.setdefault(fields[3], []).append((int(fields[0], 16), int(fields[1], 16)))
    return symbols


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""

# SPDX-License-Identifier: GPL-2.0
"""The source files a kernel was made of, and where the code of each lies, from its DWARF by readelf.

`units.json` beside the binary keeps the answer.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import subprocess
from pathlib import Path

from nslab_lab.debuginfo import symbols
from nslab_lab.host import files
from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import shown

_FORMAT = 2  # of units.json
_UNIT = re.compile(r"^  Compilation Unit @ offset (?:0x)?([0-9a-f]+):$|^ +<[0-9a-f]+> +DW_AT_name +: (.*)$", re.M)
_RANGES = re.compile(r"^  Offset into \.debug_info: +(?:0x)?([0-9a-f]+)$|^ +([0-9a-f]{16}) ([0-9a-f]{16})$", re.M)

# A file that is there to include several others.
_INCLUDES = re.compile(r"(^|/)build_\w+\.c$")

Ranges = list[tuple[int, int]]  # of addresses, the second is behind the last


@functools.lru_cache(maxsize=4)
def of(linux: Path) -> dict[str, Ranges]:
    """By source file, "kernel/fork.c", its ranges of code, sorted; none of one without any. Raises LabError(3)."""
    path = linux.with_name("units.json")
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        data = json.loads(path.read_bytes())
        if data["format"] == _FORMAT:
            return {name: [(start, end) for start, end in ranges] for name, ranges in data["units"].items()}
    units = _read(linux)
    text = json.dumps({"format": _FORMAT, "units": units}, separators=(",", ":"))
    with contextlib.suppress(OSError):  # then readelf is asked again
        files.write(path, f"{text}\n".encode())
    return units


def _read(linux: Path) -> dict[str, Ranges]:
    if not linux.is_file():
        raise lab_failed(f"{shown(linux)}: no such kernel binary")
    names: dict[int, str] = {}
    offset = 0
    for at, name in _UNIT.findall(_readelf(linux, "info", "--dwarf-depth=1")):
        if at:
            offset = int(at, 16)
        else:
            names[offset] = _below_the_tree(name)
    units: dict[str, Ranges] = {name: [] for name in names.values()}
    for at, start, length in _RANGES.findall(_readelf(linux, "aranges")):
        if at:
            offset = int(at, 16)
        elif int(length, 16) and offset in names:
            units[names[offset]].append((int(start, 16), int(start, 16) + int(length, 16)))
    if not units:
        raise lab_failed(f"{shown(linux)} has no debug information that tells its source files")
    for name in [name for name in units if _INCLUDES.search(name)]:
        units |= _parts(linux, name, sorted(units[name]))
    return {name: sorted(units[name]) for name in sorted(units)}


def _parts(linux: Path, name: str, ranges: Ranges) -> dict[str, Ranges]:
    """The ranges of a file that includes others, by the file that each function is from."""
    functions = [
        one for one in symbols.table(linux)
        if one.size and one.type in "tTwW" and any(low <= one.start < high for low, high in ranges)
    ]  # fmt: skip
    frames = {one: f"{one.name}+0x1/{one.size:#x}" for one in functions}
    symbols.look_up(linux, frames.values())
    found: dict[str, Ranges] = {name: []}
    for one, frame in frames.items():
        line = symbols.line_of(linux, frame) or name
        file = line.rpartition(":")[0]
        found.setdefault(file if file.endswith(".c") else name, []).append((one.start, one.start + one.size))
    return found


def _below_the_tree(name: str) -> str:
    """ "(indirect line string, offset: 0xf): ../init/main.c" is "init/main.c"."""
    path = os.path.normpath(name.rpartition("): ")[2] if name.startswith("(") else name)
    return re.sub(r"^(?:\.\./)+|^/proc/self/cwd/", "", path.strip())


def _readelf(linux: Path, what: str, *more: str) -> str:
    try:
        done = subprocess.run(
            ["readelf", f"--debug-dump={what}", *more, linux], capture_output=True, text=True,
            check=False, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except FileNotFoundError:
        raise lab_failed("readelf is not there, the package binutils has it") from None
    return done.stdout

# SPDX-License-Identifier: GPL-2.0
"""What the kernel's part of the lab shares with others, read from its own headers.

faults/kernel/uapi.h has the constants and the layout of what lies in a guest's memory,
events.def the kinds of events. There is no copy of them.
"""

from __future__ import annotations

import functools
import re
import struct
from pathlib import Path

from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import FAULTS_KERNEL, shown

UAPI = FAULTS_KERNEL / "uapi.h"
EVENTS = FAULTS_KERNEL / "events.def"

_DEFINE = re.compile(r"^#define (NSLAB_\w+)[ \t]+(0x[0-9a-fA-F]+|\d+)\b", re.M)
_EVENT = re.compile(r'^NSLAB_EVENT\(\w+, "(\w+)", ', re.M)
_MEMBER = re.compile(r"^\t__u(8|16|32|64) (\w+);$", re.M)
_FORMATS = {"8": "B", "16": "H", "32": "I", "64": "Q"}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise lab_failed(f"{shown(path)}: {error.strerror}") from None


@functools.cache
def _constants(path: Path) -> dict[str, int]:
    return {name: int(value, 0) for name, value in _DEFINE.findall(_text(path))}


def constant(name: str, path: Path = UAPI) -> int:
    """The value of a `#define`. Raises LabError(3) if there is none."""
    try:
        return _constants(path)[name]
    except KeyError:
        raise lab_failed(f"{shown(path)} does not define {name} as a number") from None


@functools.cache
def event_kinds(path: Path = EVENTS) -> tuple[str, ...]:
    """The names of the kinds of events, by number."""
    return tuple(_EVENT.findall(_text(path)))


def enumerators(name: str, path: Path) -> dict[str, int]:
    """The constants of an enum that gives no values of its own. Raises LabError(3)."""
    found = re.search(rf"^enum {name} {{\n(.*?)^}};$", _text(path), re.M | re.S)
    if not found:
        raise lab_failed(f"{shown(path)} does not define enum {name}")
    return {one: number for number, one in enumerate(re.findall(r"^\t(\w+),", found[1], re.M))}


def layout(name: str, path: Path = UAPI) -> tuple[tuple[str, ...], struct.Struct]:
    """The members of a struct that has only integers, and how it is packed.

    Members lie at multiples of their size in it, as the kernel's own ABI wants. Raises
    LabError(3).
    """
    found = re.search(rf"^struct {name} {{\n(.*?)^}};$", _text(path), re.M | re.S)
    members = _MEMBER.findall(found[1]) if found else []
    if not found or len(members) != found[1].count(";"):
        raise lab_failed(f"{shown(path)} does not define struct {name} of integers alone")
    return (
        tuple(member for _, member in members),
        struct.Struct("<" + "".join(_FORMATS[bits] for bits, _ in members)),
    )

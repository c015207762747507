# SPDX-License-Identifier: GPL-2.0
"""What kmalloc memory is: the struct that the allocating line of the source names.

`x = kzalloc(sizeof(*x), ...)` is of the type of x, where the function declares it. Where nothing
tells, the memory has no struct.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from nslab_lab.debuginfo import symbols

# Of a whole statement, its blanks made one.
_ALLOCATES = re.compile(r"\b(?:k|kv|dev_k|devm_k|sock_k|vz?|kvz?)\w*(?:alloc|memdup)\w*\(")
_TYPE = re.compile(r"\b(?:sizeof|struct_size_t)\s*\(\s*struct (\w+)\s*[),]")
_OF = re.compile(r"\bsizeof\s*\(\s*\*\s*([\w.>-]+)\s*\)|\bstruct_size\s*\(\s*([\w.>-]+)\s*,")
_ASSIGNS = re.compile(r"([\w.>-]+)\s*=\s*[^=]*$")
_HEADERS = ("include/linux/slab.h", "include/linux/mm.h", "include/linux/overflow.h")


@functools.lru_cache(maxsize=512)
def struct_of(linux: Path, src: Path, place: str) -> str:
    """The struct that is allocated at @place, "alloc_pipe_info+0x4e/0x1b0", or in a function; or ""."""
    name = place.partition("+")[0]
    if "+" in place:
        for line in symbols.lines_of(linux, place):
            if not line.startswith(_HEADERS):
                file, _, number = line.rpartition(":")
                return _at(_text(src, file), int(number))
        return ""
    begins = symbols.line_of_function(linux, name)
    if not begins:
        return ""
    text = _text(src, begins.rpartition(":")[0])
    found = _in_function(text, name)
    if not found:
        # What a static function allocates that was inlined.
        called = set(re.findall(r"\b(\w+)\s*\(", "\n".join(_body(text, name))))
        found = {one for other in sorted(called) for one in _in_function(text, other, inlined=True)}
    return found.pop() if len(found) == 1 else ""


def _text(src: Path, file: str) -> list[str]:
    try:
        return (src / file).read_text(errors="replace").split("\n")
    except (OSError, ValueError):
        return []


def _body(text: list[str], name: str, inlined: bool = False) -> list[str]:
    """The lines of a function, its head among them; none where it is not there."""
    for index, line in enumerate(text):
        if re.match(rf"\w[^;=]*\b{re.escape(name)}\(", line) and (not inlined or line.startswith("static")):
            rest = text[index:]
            end = next((at for at, one in enumerate(rest) if one == "}"), None)
            if end is not None and not any(one.endswith(";") and not one.startswith("\t") for one in rest[:end]):
                return rest[: end + 1]
    return []


def _in_function(text: list[str], name: str, inlined: bool = False) -> set[str]:
    body = _body(text, name, inlined)
    whole = " ".join(body)
    found = {_struct(one, whole) for one in re.split(r"[;{}]", whole) if _ALLOCATES.search(one)}
    return found - {""}


def _at(text: list[str], number: int) -> str:
    """The struct that the statement around a line, from 1, allocates."""
    if not 0 < number <= len(text):
        return ""
    first = last = number - 1
    while first > 0 and not re.search(r"[;{})]\s*$|^\s*$|\*/", text[first - 1]):
        first -= 1
    while last + 1 < len(text) and not re.search(r"[;{]", text[last]):
        last += 1
    start = next((at for at in range(first, -1, -1) if text[at] == "{"), 0)
    return _struct(" ".join(text[first : last + 1]), " ".join(text[max(start - 4, 0) : last + 1]))


def _struct(statement: str, whole: str) -> str:
    """The struct that a statement allocates, in a function with that text."""
    if named := _TYPE.search(statement):
        return named[1]
    called = _ALLOCATES.search(statement)
    of = _OF.search(statement)
    name = (of[1] or of[2]) if of else None
    if name is None and called and (assigned := _ASSIGNS.search(statement[: called.start()])):
        name = assigned[1]
    if not name or not re.fullmatch(r"\w+", name):
        return ""
    declared = re.search(rf"\bstruct (\w+)\s[^;()]*\*\s*{name}\b", whole)
    return declared[1] if declared else ""

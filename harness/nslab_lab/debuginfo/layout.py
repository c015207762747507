# SPDX-License-Identifier: GPL-2.0
"""What lies where in a kernel's structs and static data, from its DWARF by gdb.

gdb is asked once for each of them and each binary; `layout.json` beside the binary keeps its answers.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Sequence

from nslab_lab.debuginfo import dwarf
from nslab_lab.host import files
from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import shown

_FORMAT = 3  # of layout.json
STATIC = "static:"
_NAME = re.compile(rf"(?:{STATIC})?[A-Za-z_]\w*(?:\.\d+)?", re.ASCII)

# Runs inside gdb. A struct of one member as large as itself (refcount_t, atomic_t) is no
# level of its own; a member of an unnamed struct or union belongs to what is around it.
_GDB = r"""
def bare(type):
    return type.strip_typedefs().unqualified()
def parts(type):
    return type.fields() if type.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION) else []
def elements(type):
    if type.code != gdb.TYPE_CODE_ARRAY:
        return 0, None
    while type.code == gdb.TYPE_CODE_ARRAY:
        type = bare(type.target())
    return type.sizeof, type
def members(type, start, prefix):
    found = []
    for field in parts(type):
        inner = bare(field.type)
        offset = start + field.bitpos // 8
        size = (field.bitpos % 8 + field.bitsize + 7) // 8 if field.bitsize else inner.sizeof
        name = prefix + (field.name or '')
        each, of = elements(inner)
        if field.name:
            found.append([offset, size, name, each, members(of, 0, '') if each else []])
        below = parts(inner)
        if not field.name:
            found += members(inner, offset, prefix)
        elif len(below) != 1 or below[0].type.sizeof != size:
            found += members(inner, offset, name + '.')
    return found
def type_of(name):
    if not name.startswith(STATIC):
        return bare(gdb.lookup_type('struct ' + name))
    name = name[len(STATIC):].partition('.')[0]
    symbol = gdb.lookup_global_symbol(name) or (gdb.lookup_static_symbols(name) or [None])[0]
    return bare(symbol.type) if symbol and symbol.type else None
answer = {}
for name in NAMES:
    try:
        type = type_of(name)
    except gdb.error:
        continue
    if type is None or not type.sizeof:
        continue
    each, of = elements(type)
    answer[name] = {'size': type.sizeof, 'each': each, 'members': members(of if each else type, 0, '')}
"""


@dataclass(frozen=True)
class Member:
    """A member of a struct; of a nested one too, by its path."""

    offset: int  # bytes
    size: int  # bytes
    name: str  # "uid", "user.count"
    each: int = 0  # of an array: bytes of an element
    inner: tuple[Member, ...] = ()  # of an array of structs: the members of an element


# === Layouts ===


@dataclass(frozen=True)
class Layout:
    """What is where in a struct, or in static data."""

    size: int  # bytes
    members: list[Member]  # in the order of the source, an outer one before what is in it
    each: int = 0  # of an array: bytes of an element, which @members are of

    def field(self, offset: int, size: int) -> str:
        """The best name for an access: the smallest member around it, "+0x18" if there is none.

        Of an array with its index, "[3].uid"; "" for all of what has no members. In bytes.
        """
        if not self.each:
            return field(self.members, offset, size) if self.members or offset else ""
        return _element(self.each, self.members, offset, size)


def members(linux: Path, struct: str) -> list[Member]:
    """The members of a struct in the order of the source, an outer one before what is in it.

    Raises LabError(2) if the kernel has no such struct, LabError(3) if gdb does not work.
    """
    found = layouts(linux, [struct])
    if struct not in found:
        raise bad_input(f"no struct {struct} in {shown(linux)}")
    return found[struct].members


def field(members: Sequence[Member], offset: int, size: int) -> str:
    """The best name for an access: the smallest member around it; "uid..gid" if it is of several.

    "+0x18" if there is none. @offset, @size: in bytes.
    """
    around = [
        member
        for member in members
        if member.offset <= offset
        # A trailing array of no fixed length ends with its object.
        and (offset + size <= member.offset + member.size or member.each and not member.size)
    ]
    if not around:
        within = [one for one in members if offset <= one.offset < offset + size and one.size]
        whole = within and within[0].offset == offset
        return f"{within[0].name}..{within[-1].name}" if whole else f"+{offset:#x}"
    found = min(around, key=lambda member: member.size or 2**32)
    # A string is one thing.
    if found.each <= 1 or (size > found.each and found.size):
        return found.name
    return found.name + _element(found.each, found.inner, offset - found.offset, size)


def _element(each: int, members: Sequence[Member], offset: int, size: int) -> str:
    """ "[3].uid", "[3]"."""
    index, inside = divmod(offset, each)
    rest = field(members, inside, size) if members or inside else ""
    return f"[{index}]{'.' * bool(rest and rest[0] != '+')}{rest}"


def layouts(linux: Path, names: Iterable[str]) -> dict[str, Layout]:
    """Those of @names that there are: structs, and static data as "static:SYMBOL"."""
    names = [name for name in names if _NAME.fullmatch(name)]
    path = linux.with_name("layout.json")
    kept = _kept(path)
    missing = [name for name in names if name not in kept]
    if missing:
        # What is not there is kept as well.
        kept |= {**dict.fromkeys(missing), **_ask_gdb(linux, missing)}
        data = json.dumps({"format": _FORMAT, "structs": kept}, separators=(",", ":"))
        with contextlib.suppress(OSError):  # then gdb is asked again
            files.write(path, f"{data}\n".encode())
    return {
        name: Layout(one["size"], list(map(_member, one["members"])), one["each"])
        for name in names
        if (one := kept[name])
    }


def _member(data: list[Any]) -> Member:
    offset, size, name, each, inner = data
    return Member(offset, size, name, each, tuple(map(_member, inner)))


def _kept(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
        kept: dict[str, Any] = data["structs"] if data["format"] == _FORMAT else {}
        whole = all(one is None or set(one) >= {"size", "each", "members"} for one in kept.values())
        return kept if whole else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _ask_gdb(linux: Path, names: Sequence[str]) -> dict[str, Any]:
    script = f"NAMES = {json.dumps(list(names))}\nSTATIC = {STATIC!r}\n{_GDB}"
    asked: dict[str, Any] = dwarf.ask(linux, "the structs", script)
    return asked

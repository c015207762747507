# SPDX-License-Identifier: GPL-2.0
"""What lies where in a kernel's structs, from its DWARF by gdb; what can be watched.

gdb is asked once for each struct and binary; `layout.json` beside the binary keeps its answers.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, Sequence

from nslab_lab.debuginfo import dwarf
from nslab_lab.host import files
from nslab_lab.host.errors import bad_input, lab_failed
from nslab_lab.host.paths import shown
from nslab_lab.plans import subject
from nslab_lab.plans.watch import Watch

_FORMAT = 1  # of layout.json
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")

# The slab caches that the kernel does not name after what is in them.
_STRUCT_OF = {
    "files_cache": "files_struct",
    "filp": "file",
    "fs_cache": "fs_struct",
    "inode_cache": "inode",
    "key_jar": "key",
    "mnt_cache": "mount",
    "posix_timers_cache": "k_itimer",
    "proc_inode_cache": "proc_inode",
    "sighand_cache": "sighand_struct",
    "signal_cache": "signal_struct",
    "uid_cache": "user_struct",
    **subject.caches(),
}

# Some of the others.
_CACHES = ("cred", "dentry", "mm_struct", "pid", "task_struct", "vm_area_struct")
_CACHE_OF = {struct: cache for cache, struct in _STRUCT_OF.items()}

# Runs inside gdb. A struct of one member as large as itself (refcount_t, atomic_t) is no
# level of its own; a member of an unnamed struct or union belongs to what is around it.
_GDB = r"""
def bare(type):
    return type.strip_typedefs().unqualified()
def parts(type):
    return type.fields() if type.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION) else []
def members(type, start, prefix):
    found = []
    for field in parts(type):
        inner = bare(field.type)
        offset = start + field.bitpos // 8
        size = (field.bitpos % 8 + field.bitsize + 7) // 8 if field.bitsize else inner.sizeof
        name = prefix + (field.name or '')
        if field.name:
            found.append([offset, size, name])
        below = parts(inner)
        if not field.name:
            found += members(inner, offset, prefix)
        elif len(below) != 1 or below[0].type.sizeof != size:
            found += members(inner, offset, name + '.')
    return found
answer = {}
for name in NAMES:
    try:
        type = bare(gdb.lookup_type('struct ' + name))
    except gdb.error:
        continue
    if type.sizeof:
        answer[name] = {'size': type.sizeof, 'members': members(type, 0, '')}
"""


@dataclass(frozen=True)
class Member:
    """A member of a struct; of a nested one too, by its path."""

    offset: int  # bytes
    size: int  # bytes
    name: str  # "uid", "user.count"


# === Layouts ===


@dataclass(frozen=True)
class _Struct:
    size: int  # bytes
    members: list[Member]


def members(linux: Path, struct: str) -> list[Member]:
    """The members of a struct in the order of the source, an outer one before what is in it.

    Raises LabError(2) if the kernel has no such struct, LabError(3) if gdb does not work.
    """
    found = _structs(linux, [struct])
    if struct not in found:
        raise bad_input(f"no struct {struct} in {shown(linux)}{_hint(struct, _known_structs())}")
    return found[struct].members


def field(members: Sequence[Member], offset: int, size: int) -> str:
    """The best name for an access: the smallest member around it, "+0x18" if there is none.

    @offset, @size: in bytes.
    """
    around = [
        member
        for member in members
        if member.offset <= offset and offset + size <= member.offset + member.size
    ]
    if not around:
        return f"+{offset:#x}"
    return min(around, key=lambda member: member.size).name


def namer(linux: Path, watches: Iterable[Watch]) -> Callable[[str, int, int], str]:
    """A function that names what an access is of: (name of the watch, offset, size) -> "uid".

    Raises as members() does.
    """
    known = {watch.name: members(linux, watch.struct) for watch in watches}
    return lambda watch, offset, size: field(known.get(watch, ()), offset, size)


def _structs(linux: Path, names: Sequence[str]) -> dict[str, _Struct]:
    """Those of @names that there are."""
    names = [name for name in names if _IDENTIFIER.fullmatch(name)]
    path = linux.with_name("layout.json")
    kept = _kept(path)
    missing = [name for name in names if name not in kept]
    if missing:
        asked = _ask_gdb(linux, missing)
        if asked:
            kept |= asked
            data = json.dumps({"format": _FORMAT, "structs": kept}, separators=(",", ":"))
            with contextlib.suppress(OSError):  # then gdb is asked again
                files.write(path, f"{data}\n".encode())
    return {
        name: _Struct(kept[name]["size"], [Member(*member) for member in kept[name]["members"]])
        for name in names
        if name in kept
    }


def _kept(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
        kept: dict[str, Any] = data["structs"] if data["format"] == _FORMAT else {}
        return kept if all(set(one) >= {"size", "members"} for one in kept.values()) else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _ask_gdb(linux: Path, names: Sequence[str]) -> dict[str, Any]:
    script = f"NAMES = {json.dumps(list(names))}\n{_GDB}"
    asked: dict[str, Any] = dwarf.ask(linux, "the structs", script)
    return asked


# === Watches ===


def watches(linux: Path, names: Sequence[str]) -> list[Watch]:
    """What is to be watched, by names of slab caches and "struct.member".

    A trailing array of no fixed length is not part of its object's size. Raises LabError(2)
    if something is not there, LabError(3) if gdb does not work.
    """
    structs = _structs(linux, sorted({_struct_of(name) for name in names}))
    strings = _strings(linux)
    return [_watch(linux, name, structs, strings) for name in names]


def _struct_of(name: str) -> str:
    struct, dot, _ = name.partition(".")
    return struct if dot else _STRUCT_OF.get(name, name)


def _watch(linux: Path, name: str, structs: dict[str, _Struct], strings: frozenset[str]) -> Watch:
    struct = _struct_of(name)
    _, dot, wanted = name.partition(".")
    caches = [cache for cache in (*_STRUCT_OF, *_CACHES) if cache in strings]
    cache = next((each for each in (_CACHE_OF.get(struct), struct) if each in strings), None)
    if struct not in structs:
        what = f"no struct '{struct}'" if dot else f"no slab cache '{name}'"
        hint = _hint(struct, _known_structs() if dot else caches)
        raise bad_input(f"watch '{name}': {what} in {shown(linux)}{hint}")
    if cache is None or not dot and cache != name:
        what = f"struct {struct} has no slab cache of its own" if dot else "no such slab cache"
        hint = f"; is '{cache}' meant?" if cache else _hint(struct, caches)
        raise bad_input(f"watch '{name}': {what} in {shown(linux)}{hint}")
    if not dot:
        return Watch(name, cache, 0, structs[struct].size, struct)
    for member in structs[struct].members:
        if member.name == wanted:
            return Watch(name, cache, member.offset, member.size, struct)
    hint = _hint(wanted, [member.name for member in structs[struct].members])
    raise bad_input(f"watch '{name}': struct {struct} has no member '{wanted}'{hint}")


@functools.lru_cache(maxsize=4)
def _strings(linux: Path) -> frozenset[str]:
    """The strings of the binary: the name of a slab cache is among them, if not only such."""
    try:
        done = subprocess.run(
            ["strings", "-d", "-n", "2", linux], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise lab_failed("strings is not there, the package binutils has it") from None
    # The linker keeps "pid" as the end of a longer string.
    return frozenset([*done.stdout.splitlines(), "pid"])


def _known_structs() -> list[str]:
    return sorted({*_STRUCT_OF.values(), *_CACHES})


def _hint(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, 3)
    if close:
        return f"; is {' or '.join(map(repr, close))} meant?"
    names = sorted(known)
    return f"; there is {', '.join(names[:12])}{', ...' if names[12:] else ''}"

# SPDX-License-Identifier: GPL-2.0
"""What is watched: kinds of objects, and the bytes of them; a part of a plan.

By name, as profiles and traces have it, and as the kernel wants it written to debugfs:

    cred                      objects of a slab cache           cred:0:176
    cred.uid                  a member of the struct in it      cred:8:4
    kmalloc:FUNCTION          kmalloc memory of a function      @FUNCTION:0:0
    kmalloc:FUNCTION+24:8     eight bytes of it                 @FUNCTION:24:8
    static:SYMBOL             static data                       =SYMBOL:0:16
    shared                    what a boot finds to be shared    shared

A size of 0 is the whole object, whatever its size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

from nslab_lab.host.errors import bad_input

SHARED = "shared"
CACHE, KMALLOC, STATIC = "cache", "kmalloc", "static"
# What stands before a function or a symbol where the kernel reads it.
_SIGNS = {CACHE: "", KMALLOC: "@", STATIC: "="}
_KINDS = {sign: kind for kind, sign in _SIGNS.items()}
_TEXT = re.compile(r"([@=]?)([\w. -]+):(\d{1,9}):(\d{1,9})", re.ASCII)


@dataclass(frozen=True)
class Watch:
    """Bytes of every object of a kind."""

    name: str  # as it was asked for: "cred", "task_struct.cred", "kmalloc:alloc_pipe_info"
    cache: str  # that of the slab; or a function, or a symbol
    offset: int  # bytes
    size: int  # bytes; 0: the whole object
    struct: str  # what is in it; "" where nobody knows
    kind: str = CACHE

    def __str__(self) -> str:
        """As the kernel wants it written to debugfs."""
        if self.kind == SHARED:
            return SHARED
        return f"{_SIGNS[self.kind]}{self.cache}:{self.offset}:{self.size}"

    @property
    def object(self) -> str:
        """The name of the kind of object, whatever is watched of it."""
        return name_of(self.kind, self.cache)


@dataclass(frozen=True)
class Watching:
    """What is watched in one scenario."""

    watches: tuple[Watch, ...] = ()  # in the order of the knobs
    left_out: str = ""  # the kernel's text that is machinery: its accesses do not count

    @property
    def shared(self) -> bool:
        """Whether all that is found to be shared is watched."""
        return any(one.kind == SHARED for one in self.watches)

    def knobs(self, grown: Sequence[str] = ()) -> list[str]:
        """What the guest writes below debugfs; @grown: what is watched besides."""
        left_out = [f"nslab/leave_out={self.left_out}"] if self.left_out else []
        return [*left_out, *(f"nslab/watch={one}" for one in (*self.watches, *grown))]


ALL_SHARED = Watch(SHARED, SHARED, 0, 0, "", SHARED)


def name_of(kind: str, what: str) -> str:
    """How a kind of object is called: "cred", "kmalloc:alloc_pipe_info", "static:init_nsproxy"."""
    return what if kind == CACHE else f"{kind}:{what}"


def kind_of(name: str) -> tuple[str, str]:
    """The reverse, also of a name with a member or with bytes: kind, and all of the rest."""
    kind, colon, rest = name.partition(":")
    return (kind, rest) if colon and kind in (KMALLOC, STATIC) else (CACHE, name)


def parse(text: str) -> Watch:
    """The watch that the kernel would read as @text. Raises LabError(2)."""
    if text == SHARED:
        return ALL_SHARED
    found = _TEXT.fullmatch(text)
    if not found:
        raise bad_input(f"'{text[:60]}' is nothing that can be watched: it reads like cred:8:4")
    sign, what, offset, size = found.groups()
    kind = _KINDS[sign]
    return Watch(name_of(kind, what), what, int(offset), int(size), "", kind)

# SPDX-License-Identifier: GPL-2.0
"""What can be watched in a kernel, by the names that profiles use; see plans/watch.py."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Iterable, Sequence

from nslab_lab.debuginfo import allocations, caches, layout, symbols
from nslab_lab.debuginfo.layout import Layout
from nslab_lab.host.errors import LabError, bad_input
from nslab_lab.host.paths import shown
from nslab_lab.plans.watch import ALL_SHARED, KMALLOC, SHARED, STATIC, Watch, kind_of, name_of

_BYTES = re.compile(r"(?P<what>[^+]*)(?:\+(?P<offset>\w+)(?::(?P<size>\w+))?)?")
_DATA = "bBdD"  # of nm
_CODE = "tTwW"


def watches(linux: Path, src: Path, names: Sequence[str]) -> list[Watch]:
    """What is to be watched. @src: the sources the kernel was made of.

    A trailing array of no fixed length is not part of its object's size. Raises LabError(2) if
    something is not there, LabError(3) if debug information cannot be read.
    """
    return _Kernel(linux, src, names).watches()


class _Kernel:
    """What is asked for, and what there is."""

    def __init__(self, linux: Path, src: Path, names: Sequence[str]) -> None:
        self._linux = linux
        self._src = src
        self._names = names
        by_hand = [name for name in names if name != SHARED]
        self._caches = caches.of(linux, src) if by_hand else {}
        self._cache_of = {struct: cache for cache, struct in reversed(self._caches.items()) if struct}
        self._layouts = layout.layouts(linux, sorted({self._struct(name) for name in by_hand}))

    def watches(self) -> list[Watch]:
        return [ALL_SHARED if name == SHARED else self._watch(name) for name in self._names]

    def _struct(self, name: str) -> str:
        """What a name is about, as layout.layouts() takes it; "" where it is not asked."""
        kind, what = kind_of(name)
        if kind == KMALLOC:
            return ""
        if kind == STATIC:
            return name_of(STATIC, self._symbol(what)[0])
        struct, dot, _ = what.partition(".")
        return struct if dot else self._caches.get(what) or what

    def _watch(self, name: str) -> Watch:
        kind, what = kind_of(name)
        if kind == KMALLOC:
            return self._kmalloc(name, what)
        return self._static(name, what) if kind == STATIC else self._cache(name)

    def _wrong(self, name: str, what: str, hint: str = "") -> LabError:
        return bad_input(f"watch '{name}': {what} in {shown(self._linux)}{hint}")

    def _cache(self, name: str) -> Watch:
        struct = self._struct(name)
        _, dot, wanted = name.partition(".")
        if not dot:
            if name not in self._caches:
                cache = self._cache_of.get(name)
                hint = f"; is '{cache}' meant?" if cache else _hint(name, self._caches)
                raise self._wrong(name, f"no slab cache '{name}'", hint + _OTHERS * (cache is None))
            known = self._layouts.get(struct)
            return Watch(name, name, 0, known.size if known else 0, struct if known else "")
        if struct not in self._layouts:
            raise self._wrong(name, f"no struct '{struct}'", _hint(struct, self._cache_of))
        cache = self._cache_of.get(struct)
        if cache is None:
            raise self._wrong(name, f"struct {struct} has no slab cache of its own", _hint(struct, self._cache_of))
        offset, size = self._member(name, f"struct {struct}", self._layouts[struct], wanted)
        return Watch(name, cache, offset, size, struct)

    def _member(self, name: str, what: str, known: Layout, wanted: str) -> tuple[int, int]:
        for member in known.members:
            if member.name == wanted and not known.each:
                return member.offset, member.size
        hint = _hint(wanted, [] if known.each else [member.name for member in known.members])
        raise bad_input(f"watch '{name}': {what} has no member '{wanted}'{hint}")

    def _kmalloc(self, name: str, what: str) -> Watch:
        found = _BYTES.fullmatch(what)
        function = found["what"] if found else what
        functions = {one.name for one in symbols.table(self._linux) if one.type in _CODE}
        if function not in functions:
            raise self._wrong(name, f"no function '{function}'", _hint(function, functions))
        given = found.groupdict() if found else {}
        offset, size = (_whole(name, given[part]) for part in ("offset", "size"))
        struct = allocations.struct_of(self._linux, self._src, function)
        return Watch(name, function, offset, size, struct, KMALLOC)

    def _static(self, name: str, what: str) -> Watch:
        symbol, member = self._symbol(what)
        sizes = [one.size for one in symbols.table(self._linux) if one.name == symbol and one.type in _DATA]
        if not sizes:
            data = {one.name for one in symbols.table(self._linux) if one.type in _DATA}
            raise self._wrong(name, f"no static data '{symbol}'", _hint(symbol, data))
        known = self._layouts.get(name_of(STATIC, symbol))
        if not member:
            return Watch(name, symbol, 0, sizes[0] or (known.size if known else 0), "", STATIC)
        offset, size = self._member(name, symbol, known or Layout(0, []), member)
        return Watch(name, symbol, offset, size, "", STATIC)

    def _symbol(self, what: str) -> tuple[str, str]:
        """The symbol and the member: statics of functions have a dot and a number of their own."""
        found = re.fullmatch(r"([^.]*\.\d+|[^.]*)(?:\.(.*))?", what, re.S)
        return (found[1], found[2] or "") if found else (what, "")


_OTHERS = "; other memory is kmalloc:FUNCTION, static:SYMBOL"


def _whole(name: str, text: str | None) -> int:
    """Bytes, decimal or 0x..."""
    try:
        value = int(text or "0", 0)
    except ValueError:
        value = -1
    if not 0 <= value < 10**9:
        raise bad_input(f"watch '{name}': '{text}' is no number of bytes: it reads like kmalloc:FUNCTION+24:8")
    return value


def _hint(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, 3)
    if close:
        return f"; is {' or '.join(map(repr, close))} meant?"
    if not names:
        return ""
    return f"; there is {', '.join(names[:12])}{', ...' if names[12:] else ''}"

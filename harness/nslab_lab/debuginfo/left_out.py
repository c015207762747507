# SPDX-License-Identifier: GPL-2.0
"""The kernel's code whose accesses do not count, as the kernel wants to be told: see machinery.toml."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Iterable

from nslab_lab.debuginfo import symbols, units
from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import shown
from nslab_lab.plans import machinery

# Functions begin at multiples of it: what is between two of them is padding.
_ALIGNMENT = 16


@functools.lru_cache(maxsize=4)
def text(linux: Path) -> str:
    """Its ranges, "1f0-2a4,3000-3b10": offsets in hexadecimal from _text, sorted. Raises LabError(3)."""
    start = symbols.start_of_text(linux)
    if start is None:
        raise lab_failed(f"{shown(linux)} has no symbol _text")
    found = [
        (low - start, high - start)
        for name, ranges in units.of(linux).items() if machinery.of(name)
        for low, high in ranges if low >= start
    ]  # fmt: skip
    return ",".join(f"{low:x}-{high:x}" for low, high in merged(found))


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same, sorted, and what touches in one piece, but for padding."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low - found[-1][1] < _ALIGNMENT:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found

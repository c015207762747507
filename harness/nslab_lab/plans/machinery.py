# SPDX-License-Identifier: GPL-2.0
"""Which accesses do not count, by the source file they are made in: faults/machinery.toml."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nslab_lab.host.paths import REPO
from nslab_lab.host.tomllines import TomlLines

MACHINERY = REPO / "faults" / "machinery.toml"


@dataclass(frozen=True)
class LeftOut:
    """Files of one kind."""

    files: tuple[str, ...]  # "mm/slub.c", or of a folder "kernel/sched/"
    reason: str
    but: tuple[str, ...] = ()  # files in those folders that are not meant

    def has(self, file: str) -> bool:
        """Whether @file, below the kernel's source, is one of them."""
        if file in self.but:
            return False
        return any(file.startswith(one) if one.endswith("/") else file == one for one in self.files)


@functools.cache
def load(path: Path = MACHINERY) -> tuple[LeftOut, ...]:
    """The entries in the order of the file. Raises LabError(2) with file and line."""
    file = TomlLines(path)
    found = []
    for key in file.data:
        if key != "left_out":
            raise file.error((key,), f"{key}: no such key, there is left_out")
    entries = file.data.get("left_out", [])
    for number, entry in enumerate(entries if isinstance(entries, list) else [{}]):
        files, but, reason = entry.get("files"), entry.get("but", []), entry.get("reason")
        fits = files and set(entry) <= {"files", "but", "reason"} and _names(files) and _names(but)
        if not fits or not isinstance(reason, str) or not reason:
            raise file.error(
                ("left_out", number),
                "left_out: has to have files, a list of names, and a reason, a string; it may have but, a list",
            )
        found.append(LeftOut(tuple(files), reason, tuple(but)))
    return tuple(found)


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)


def of(file: str) -> LeftOut | None:
    """The entry that leaves @file out, if one does."""
    return next((one for one in load() if one.has(file)), None)


def meaning() -> list[str]:
    """What executions depend on: every name, sorted."""
    names = [name for one in load() for name in one.files]
    return sorted([*names, *(f"!{name}" for one in load() for name in one.but)])

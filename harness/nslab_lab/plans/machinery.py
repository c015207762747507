# SPDX-License-Identifier: GPL-2.0
"""Which accesses do not count, by the source file they are made in: faults/machinery.toml."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from nslab_lab.host.paths import REPO
from nslab_lab.host.tomllines import TomlLines

MACHINERY = REPO / "faults" / "machinery.toml"


@dataclass(frozen=True)
class LeftOut:
    """Files of one kind."""

    files: tuple[str, ...]  # "mm/slub.c", or of a folder "kernel/sched/"
    reason: str

    def has(self, file: str) -> bool:
        """Whether @file, below the kernel's source, is one of them."""
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
        files = entry.get("files")
        reason = entry.get("reason")
        fits = isinstance(files, list) and files and all(isinstance(one, str) and one for one in files)
        if set(entry) != {"files", "reason"} or not fits or not isinstance(reason, str) or not reason:
            raise file.error(
                ("left_out", number), "left_out: has to have files, a list of names, and a reason, a string"
            )
        found.append(LeftOut(tuple(files), reason))
    return tuple(found)


def of(file: str) -> LeftOut | None:
    """The entry that leaves @file out, if one does."""
    return next((one for one in load() if one.has(file)), None)


def meaning() -> list[str]:
    """What executions depend on: every name, sorted."""
    return sorted(name for one in load() for name in one.files)

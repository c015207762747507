# SPDX-License-Identifier: GPL-2.0
"""The user's list of findings that are known, each with a reason.

    [[known]]
    cause = "pipe_inode_info released by pipe_release"     # as the report shows it
    reason = "fixed by the patch that waits for review"

    [[known]]
    signature = "kasan:slab-use-after-free:vfs_read:..."   # or one way in which it shows
    reason = "..."
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nslab_lab.host.tomllines import TomlLines

_NAMES = ("cause", "signature")
_KEYS = (*_NAMES, "reason")


def add_option(parser: argparse.ArgumentParser) -> None:
    """The option that names such a list: --known."""
    parser.add_argument(
        "--known", metavar="FILE", help="findings that are known, with a reason each"
    )


def read(path: Path) -> dict[str, str]:
    """Reasons by cause, or signature. Raises LabError(2) with file, line and key."""
    file = TomlLines(path)
    for key in file.data:
        if key != "known":
            raise file.error((key,), f"{key}: no such key, there is [[known]]")
    entries = file.data.get("known", [])
    if not isinstance(entries, list):
        raise file.error(("known",), "known: is to be written [[known]], once for each finding")
    found: dict[str, str] = {}
    for index, entry in enumerate(entries):
        where = ("known", index)
        if not isinstance(entry, dict):
            raise file.error(where, "known: is to be written [[known]], once for each finding")
        for key in entry:
            if key not in _KEYS:
                raise file.error((*where, key), f"known.{key}: no such key; there is {', '.join(_KEYS)}")
        names = [key for key in _NAMES if key in entry]
        if len(names) != 1:
            wrong = "has both: leave one out" if names else "is missing"
            raise file.error(where, f"known: {' or '.join(_NAMES)} {wrong}")
        (name,) = names
        for key in (name, "reason"):
            value = entry.get(key)
            if not isinstance(value, str) or not value.strip():
                raise file.error((*where, key), f"known.{key}: is missing, or not text")
        if entry[name] in found:
            raise file.error((*where, name), f"known.{name}: is there twice")
        found[entry[name]] = entry["reason"]
    return found

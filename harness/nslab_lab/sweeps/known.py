# SPDX-License-Identifier: GPL-2.0
"""The user's list of findings that are known, each with a reason.

    [[known]]
    signature = "kasan:slab-use-after-free:vfs_read:..."   # as the report shows it
    reason = "fixed by the patch that waits for review"
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nslab_lab.host.tomllines import TomlLines


def add_option(parser: argparse.ArgumentParser) -> None:
    """The option that names such a list: --known."""
    parser.add_argument(
        "--known", metavar="FILE", help="findings that are known, with a reason each"
    )


def read(path: Path) -> dict[str, str]:
    """Reasons by signature. Raises LabError(2) with file, line and key."""
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
        for key in ("signature", "reason"):
            value = entry.get(key)
            if not isinstance(value, str) or not value.strip():
                raise file.error((*where, key), f"known.{key}: is missing, or not text")
        for key in entry:
            if key not in ("signature", "reason"):
                raise file.error(
                    (*where, key), f"known.{key}: no such key; there is signature, reason"
                )
        if entry["signature"] in found:
            raise file.error((*where, "signature"), "known.signature: is there twice")
        found[entry["signature"]] = entry["reason"]
    return found

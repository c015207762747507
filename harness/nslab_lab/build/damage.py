# SPDX-License-Identifier: GPL-2.0
"""Damaged files in build/kernels: what a killed build or a crash of the machine leaves.

make would take them for up to date, so they are removed before it runs.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from nslab_lab.host import files, progress
from nslab_lab.host.paths import shown

CPIO_TOOL = "usr/gen_init_cpio"  # in the objects, what writes a guest's file system


def is_as_built(linux: Path, stamp: dict[str, Any]) -> bool:
    """Whether the binary is still the one of the stamp. Raises OSError, KeyError.

    It is read only where its time says that somebody has touched it.
    """
    now = linux.stat()
    if now.st_size != stamp["size"]:
        return False
    return bool(now.st_mtime_ns == stamp["mtime_ns"] or files.sha256(linux) == stamp["sha256"])


def drop_half_written(out: Path, marker: Path) -> None:
    """After a build that was killed: what it wrote may be half written.

    @out: the objects. @marker: a file made when that build began; there is none if it came to its end.
    """
    if marker.exists():
        subprocess.run(
            ["find", out, "-type", "f", "-newer", marker, "!", "-name", ".config",
             "-delete"], check=True,
        )  # fmt: skip


def drop_damaged_binaries(out: Path, stamp_file: Path) -> None:
    """Remove the binaries in @out that are damaged: make would take them for up to date."""
    try:
        stamp = json.loads(stamp_file.read_bytes())
        damaged = not is_as_built(out / "linux", stamp)
    except (OSError, ValueError, KeyError, TypeError):
        damaged = (out / "linux").exists() and not files.is_whole(out / "linux")
    if damaged:
        progress.say(f"{shown(out / 'linux')} is damaged: it is linked again")
        # Links to one file.
        for name in ("linux", "vmlinux", "vmlinux.o"):
            (out / name).unlink(missing_ok=True)
    if not files.is_whole(out / CPIO_TOOL):
        (out / CPIO_TOOL).unlink(missing_ok=True)


def drop_damaged_objects(out: Path) -> bool:
    """Remove what a crash of the machine has cut short in @out; whether there was anything."""
    damaged = [
        path
        for pattern in ("*.o", "*.a")
        for path in out.rglob(pattern)
        if path.is_file() and not files.is_whole(path)
    ]
    damaged += [path for path in out.rglob(".*.cmd") if b"cmd_" not in path.read_bytes()[:64]]
    for path in damaged:
        path.unlink()
    if damaged:
        progress.say(f"{shown(damaged[0])} is damaged, of {len(damaged)} files: they are built again")
    return bool(damaged)

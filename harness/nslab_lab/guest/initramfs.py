# SPDX-License-Identifier: GPL-2.0
"""The guest's root file system: a segment with init, and a small one with the plan.

Written with the kernel's own usr/gen_init_cpio, which makes device nodes without root.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from nslab_lab.host import files
from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import BUILD, shown

CACHE = BUILD / "initramfs"

# gen_init_cpio splits its lines at blanks, so files are named relative to the folder it
# runs in, which may have any name.
_BASE = """\
dir /dev 0755 0 0
nod /dev/console 0600 0 0 c 5 1
nod /dev/kmsg 0600 0 0 c 1 11
nod /dev/null 0666 0 0 c 1 3
dir /proc 0755 0 0
dir /sys 0755 0 0
dir /tmp 0777 0 0
file /init {init} 0755 0 0
"""
_PLAN = "file /plan {plan} 0644 0 0\n"


def base(tool: Path, init: Path) -> Path:
    """The segment with the static binary @init, made once for each content.

    @tool: a built gen_init_cpio. Raises LabError.
    """
    digest = hashlib.sha256(_BASE.encode() + init.read_bytes()).hexdigest()[:16]
    path = CACHE / f"{digest}.cpio"
    if not _is_whole(path):
        CACHE.mkdir(parents=True, exist_ok=True)
        segment = _segment(tool, _BASE.format(init=init.name), init.parent)
        # Two runs may do this at once: each renames a whole file into place.
        files.write(_sum_of(path), hashlib.sha256(segment).hexdigest().encode())
        files.write(path, segment)
    return path


def _sum_of(path: Path) -> Path:
    """What says how a segment is to be: its own name says what it was made from."""
    return path.with_suffix(".sha256")


def _is_whole(path: Path) -> bool:
    try:
        return files.sha256(path).encode() == _sum_of(path).read_bytes()
    except OSError:
        return False


def write(tool: Path, base_segment: Path, plan: Path, image: Path) -> None:
    """Write @image: the base segment and behind it the file @plan as /plan. Raises LabError."""
    segment = _segment(tool, _PLAN.format(plan=plan.name), plan.parent)
    image.write_bytes(base_segment.read_bytes() + segment)


def _segment(tool: Path, spec: str, folder: Path) -> bytes:
    try:
        done = subprocess.run(
            [tool, "-t", "0", "-"], input=spec.encode(), cwd=folder, capture_output=True
        )
    except OSError as error:
        raise lab_failed(f"{shown(tool)}: {error.strerror}; build the kernel again") from None
    # It goes on after a file it cannot open, and says so in its status only at times.
    if done.returncode or done.stderr:
        raise lab_failed(f"{shown(tool)}: {done.stderr.decode(errors='replace')}")
    return done.stdout

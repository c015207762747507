# SPDX-License-Identifier: GPL-2.0
"""Finished builds of kernels, and which of them exist: build/kernels/ as kernel_build.py writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from nslab_lab.host import paths

KERNELS = paths.BUILD / "kernels"


@dataclass(frozen=True)
class Kernel:
    """A finished build."""

    name: str  # "6.12"
    id: str  # 8 hex digits: source, patches, faults/kernel, configuration, compiler
    engine: str  # "det"
    src: Path  # the patched source tree
    out: Path  # the objects
    linux: Path  # the UML binary; no later build overwrites it
    config: Path  # its .config
    versions: dict[str, str]  # source_package, source_version, source_sha256, compiler, ...
    cmdline: tuple[str, ...]  # what this kernel's entry adds to the command line
    series: str | None = None  # of its patches; None: the default one
    points: tuple[str, ...] = ()  # the named points that its patches place
    patched: bool = False  # by the user, too

    @property
    def is_plain(self) -> bool:
        """No patch of the user's own, and the default series."""
        return not self.patched and self.series is None


def last_built(name: str) -> Path | None:
    """The binary of the plain build of kernel @name that was made last, be it out of date."""
    try:
        folder = KERNELS / name
        identity = str(json.loads((folder / "stamp.json").read_text())["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    linux = folder / "bin" / identity / "linux"
    return linux if linux.exists() else None


def series_built(name: str, identity: str) -> str | None:
    """Of which series the build @identity of kernel @name is; None where it is not there any more."""
    for path in KERNELS.glob(f"{name}*/stamp.json"):
        try:
            stamp = json.loads(path.read_text())
            if stamp["id"] == identity:
                return str(stamp["versions"]["series"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half written, or of an older lab
    return None

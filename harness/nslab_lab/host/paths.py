# SPDX-License-Identifier: GPL-2.0
"""Where things are. Everything made lies under `build/` or in the cache folder."""

import os
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
BUILD = REPO / "build"
UML = REPO / "uml"
PATCHES = REPO / "patches"
FAULTS_KERNEL = REPO / "faults" / "kernel"
SCENARIOS = REPO / "scenarios"


def cache() -> Path:
    """The folder shared by all clones: fetched packages, pristine sources, ccache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "nslab"


def shown(path: Path) -> str:
    """The path as a message shows it: relative to the repository when inside it."""
    try:
        return str(path.relative_to(REPO))
    except ValueError:
        return str(path)

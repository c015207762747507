# SPDX-License-Identifier: GPL-2.0
"""Where things are. Everything made lies under `build/` or in the cache folder."""

import os
from pathlib import Path

from nslab_lab.host.errors import bad_input

REPO = Path(__file__).resolve().parents[3]
BUILD = REPO / "build"
UML = REPO / "uml"
PATCHES = REPO / "patches"
FAULTS_KERNEL = REPO / "faults" / "kernel"
SCENARIOS = REPO / "scenarios"
SCENARIOS_BUILT = BUILD / "scenarios"


def cache() -> Path:
    """The folder shared by all clones: fetched packages, pristine sources, ccache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    root = Path(base) if base.startswith("/") else home() / ".cache"
    return root / "nslab"


def home() -> Path:
    """The user's own folder. Raises LabError(2) where there is none, as for a mere number in a container."""
    try:
        return Path.home()
    except RuntimeError:
        raise bad_input(
            f"HOME is not set, and user {os.getuid()} has no home in /etc/passwd: set HOME, or "
            "XDG_CACHE_HOME to a folder that can be written"
        ) from None


def shown(path: Path) -> str:
    """The path as a message shows it: relative to the repository when inside it."""
    try:
        return str(path.relative_to(REPO))
    except ValueError:
        return str(path)

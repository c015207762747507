# SPDX-License-Identifier: GPL-2.0
"""How the user called: by make and its variables, or by harness/nslab and its options."""

from __future__ import annotations

import difflib
import os
import re
import shlex
from pathlib import Path

from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import REPO

# Options that make has under another name.
_VARIABLES = {"script": "GDBSCRIPT"}
# Variables of make's, the shell's and the compiler cache's that any target takes.
_ANY = ("NSLAB", "SHELL", "MAKEFLAGS", "HOME", "PATH", "TMPDIR", "XDG_CACHE_HOME")
_ANY_BEGINNING = ("NSLAB_", "CCACHE_")


# What make and the kernel's build take for something else than a part of a name.
_SPECIAL = re.compile(r"[\s\x00-\x1f\"'`$;:%\\&()\[\]{}#*?<>|]")


def check_place(repo: Path = REPO) -> None:
    """Raises LabError(2) where the clone lies where no kernel can be built."""
    if found := _SPECIAL.search(str(repo)):
        raise bad_input(
            f"{shlex.quote(str(repo))}: neither make nor the kernel's build can do with a path that has "
            f"{found[0]!r} in it: move the clone to another folder"
        )


def by_make() -> bool:
    """Whether it was by make."""
    return "NSLAB_TARGET" in os.environ


def option(name: str) -> str:
    """The option @name as the user wrote it: "EXECUTIONS" in make, else "executions"."""
    return _VARIABLES.get(name, name.upper().replace("-", "_")) if by_make() else name


def check_variables() -> None:
    """Raises LabError(2) for a variable on make's command line that its target does not take.

    The Makefile says which there are (NSLAB_GIVEN) and which the target takes (NSLAB_TAKES).
    """
    target = os.environ.get("NSLAB_TARGET", "")
    takes = os.environ.get("NSLAB_TAKES", "").split()
    for name in sorted(os.environ.get("NSLAB_GIVEN", "").split()):
        if name in takes or name in _ANY or name.startswith(_ANY_BEGINNING):
            continue
        close = difflib.get_close_matches(name.upper(), takes, 1)
        there = " ".join(f"{one}=" for one in takes) or "none"
        hint = f"is {close[0]}= meant?" if close else f"it takes {there}"
        raise bad_input(f"make {target} takes no {name}=: {hint}")

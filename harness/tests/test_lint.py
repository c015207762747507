# SPDX-License-Identifier: GPL-2.0
"""Linters and types, as harness/setup.cfg has them; the length of modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from nslab_lab.host.paths import BUILD, REPO

HARNESS = REPO / "harness"
FOLDERS = (".ci", "faults", "harness", "patches", "scenarios", "uml")
PYTHON = ("nslab", "nslab_lab", "gdb/nslab.py", "gdb/nslab_gdb", "tests")


def said(*command: str | Path, cwd: Path = HARNESS) -> str:
    """What a linter objects to; empty if to nothing."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    text = done.stdout + done.stderr
    assert done.returncode == 0 or text, f"{command[0]}: exit status {done.returncode}"
    return text if done.returncode else ""


def shell_scripts() -> list[Path]:
    """Files whose first line says that a shell runs them."""
    files = (path for folder in FOLDERS for path in (REPO / folder).rglob("*"))
    return sorted(
        path for path in files
        if path.is_file() and path.open("rb").readline().split(b"/")[-1].strip() in (b"sh", b"bash")
    )  # fmt: skip


# === Length ===

MOST_LINES = 300


def test_no_module_is_longer_than_one_can_read() -> None:
    paths = [path for folder in ("nslab_lab", "gdb") for path in (HARNESS / folder).rglob("*.py")]
    long = [
        str(path.relative_to(HARNESS)) for path in paths
        if len(path.read_text().splitlines()) > MOST_LINES
    ]  # fmt: skip
    assert paths
    assert long == [], f"more than {MOST_LINES} lines: split them by what the parts know"


# === Linters and types ===


def test_mypy() -> None:
    assert said(sys.executable, "-m", "mypy", "--cache-dir", BUILD / "mypy", *PYTHON) == ""


def test_flake8() -> None:
    assert said(sys.executable, "-m", "flake8", *PYTHON) == ""


def test_shellcheck() -> None:
    scripts = shell_scripts()
    assert {REPO / ".ci" / "run", REPO / "uml" / "setup.sh"} <= set(scripts)
    assert said("shellcheck", *scripts, cwd=REPO) == ""

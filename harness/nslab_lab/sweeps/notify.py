# SPDX-License-Identifier: GPL-2.0
"""Telling a command of the user's about new findings: JSON on its standard input."""

from __future__ import annotations

import argparse
import json
import subprocess
from typing import Any

from nslab_lab.host.progress import say

TIMEOUT_S = 60  # host seconds; a command that hangs must not hold up the night


def add_option(parser: argparse.ArgumentParser) -> None:
    """The option that names the command: --notify."""
    parser.add_argument(
        "--notify", metavar="CMD", help="is run for each new finding, JSON on its input"
    )


def tell(command: str, data: Any) -> bool:
    """Run @command by the shell; whether it took it. What it does wrong is said, and no more."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command], input=json.dumps(data, indent=2) + "\n", text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        say(f"NOTIFY={command}: was still running after {TIMEOUT_S} s, and was ended")
        return False
    if done.returncode:
        said = " ".join(done.stderr.split())[:120] or "it said nothing"
        say(f"NOTIFY={command}: status {done.returncode}: {said}")
        return False
    return True

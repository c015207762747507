# SPDX-License-Identifier: GPL-2.0
"""Signals and the real kernel: what the user's shell loop showed, and each command that boots guests."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lab import FOREVER_S, wait_for
from nslab_lab.build.kernel import Kernel
from nslab_lab.host.paths import BUILD, REPO
from test_guest import pids_in

SCRIPT = "run\npython\nimport time\ntime.sleep(100)\nend\n"


def folders(kind: str) -> set[Path]:
    return {path for path in (BUILD / kind).glob("[0-9]*") if path.is_dir()}


def check_left(new: set[Path]) -> None:
    """Nothing runs in the folders, nor is there any where something would."""
    assert wait_for(lambda: not any(map(pids_in, new)))
    assert wait_for(lambda: not any(list(folder.rglob("boot*")) for folder in new))


@pytest.mark.parametrize("seconds", [0.4, 0.8, 1.5, 2.5, 4, 6])
def test_make_run_under_timeout(kernel: Kernel, scenarios_init: Path, seconds: float) -> None:
    """timeout(1) signals the group, and make(1), which is in it, signals again."""
    before = folders("runs")
    done = subprocess.run(
        # So many that no machine is through in that time.
        ["timeout", str(seconds), "make", "-C", REPO, "run", "EXECUTIONS=1000000"],
        capture_output=True, text=True, timeout=FOREVER_S, check=False,
    )  # fmt: skip
    assert done.returncode == 124, done.stderr
    # What make says of its recipe; a shell that had not begun is ended by the signal itself.
    ends = re.findall(r"^make: \*\*\* .* (Error \d+|Terminated)$", done.stderr, re.M)
    assert set(ends) <= {"Error 143", "Terminated"} and "Traceback" not in done.stderr, done.stderr
    new = folders("runs") - before
    check_left(new)
    for run in new:
        assert "INTERRUPTED" in (run / "summary.txt").read_text()


COMMANDS = {
    "runs": ["run", "--variant", "no-grace-period", "--strategy", "random", "--findings", "0",
             "--executions", "100000"],
    "matrix": ["matrix", "--executions", "10000"],
    "coverage": ["coverage", "--executions", "10000"],
    "bench": ["bench", "--part", "variants"],
    "gdb": ["gdb", "--scenario", "zombie-read", "--script"],
}  # fmt: skip


@pytest.mark.parametrize("burst", [[signal.SIGTERM], [signal.SIGHUP] * 2, [signal.SIGINT] * 20, [signal.SIGKILL]])
@pytest.mark.parametrize("kind", COMMANDS)
def test_each_command_leaves_nothing(
    kernel: Kernel, scenarios_init: Path, tmp_path: Path, kind: str, burst: list[int]
) -> None:
    before = folders(kind)
    script = tmp_path / "script.gdb"
    script.write_text(SCRIPT)
    words = COMMANDS[kind] + [str(script)] * (kind == "gdb")
    process = subprocess.Popen(
        [REPO / "harness" / "nslab", *words], stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert wait_for(lambda: folders(kind) - before)
    time.sleep(random.Random(f"{kind} {burst}").uniform(0, 2.5))
    assert process.poll() is None
    for number in burst:
        process.send_signal(number)
    _, err = process.communicate(timeout=FOREVER_S)
    ended = -signal.SIGKILL if burst == [signal.SIGKILL] else 128 + burst[0]
    assert process.returncode == ended and "Traceback" not in err, err
    check_left(folders(kind) - before)
    # Another one can take the CPUs' locks, and all that was kept is whole.
    assert os.path.exists(kernel.linux)

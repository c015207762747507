# SPDX-License-Identifier: GPL-2.0
"""However often and whenever the lab is signalled, it ends, says what it found and leaves nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Sequence

import pytest

from lab import FOREVER_S, running, wait_for
from nslab_lab.host.paths import REPO
from test_guest import pids_in

# Half a minute of waiting for processes that end, together.
pytestmark = pytest.mark.slow

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# The whole program, but for the kernel: see test_run.install().
PROGRAM = """\
import sys; from pathlib import Path
import test_run; from nslab_lab.cli import main
test_run.install(Path(sys.argv[1])); main.entry(sys.argv[2:])
"""
NEEDY = "needs-a5b-b3a"


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(REPO / "harness"), str(Path(__file__).parent)])
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), *words], text=True,
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def send(process: subprocess.Popen[str], numbers: Sequence[int], gap_s: float) -> None:
    for number in numbers:
        if process.poll() is None:
            process.send_signal(number)
        time.sleep(gap_s)


def check(process: subprocess.Popen[str], folder: Path, number: int) -> str:
    """It ended by that signal, and nothing is left; what it said."""
    out, err = process.communicate(timeout=FOREVER_S)
    # Before it could do otherwise, or after it had done all, the signal itself ends it.
    assert process.returncode in (128 + number, -number), out + err
    assert "Traceback" not in err and "Exception ignored" not in err, err
    # The keeper is gone a moment later.
    assert wait_for(lambda: not pids_in(folder)), err
    assert wait_for(lambda: not list(folder.rglob("boot-*"))), err
    return out


RUN = ["run", "--batch", "3", "--jobs", "2", "--profile", "none", "--findings", "0"]
COMMANDS = {
    "run": [*RUN, "--scenario", "slow,dies,passes", "--executions", "3000"],
    "minimising": [*RUN, "--scenario", NEEDY, "--executions", "9", "--strategy", "random"],
    "measuring": [*RUN, "--scenario", "hangs", "--strategy", "pct"],
    "matrix": ["matrix", "--scenario", "slow,passes", "--variant", "none", "--jobs", "2"],
    "coverage": ["coverage", "--scenario", "slow,passes", "--executions", "500"],
    "replay": ["replay", "NSLAB1.6.12-0123abcd.slow.none.none-e3b0c4.none.1.1.500", "--times", "4"],
}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("command", COMMANDS)
def test_signals_at_any_moment(tmp_path: Path, command: str, seed: int) -> None:
    dice = random.Random(f"{command} {seed}")
    folder = tmp_path / "lab"
    process = start(folder, *COMMANDS[command])
    assert wait_for(lambda: folder.exists() or process.poll() is not None)
    time.sleep(dice.uniform(0.2, 1.5))
    numbers = [dice.choice(SIGNALS) for _ in range(dice.choice((1, 2, 2, 5, 40)))]
    if process.poll() is None:
        send(process, numbers, dice.choice((0, 0, 0.001, 0.1)))
    elif command not in ("minimising", "matrix"):  # which may be through
        pytest.fail("it ended by itself")
    else:
        return
    # Signals that come together are delivered by their numbers.
    for number in sorted(set(numbers), key=numbers.index):
        if process.wait(FOREVER_S) in (128 + number, -number):
            break
    check(process, folder, number)
    for run in folder.glob("runs/[0-9]*"):
        text = (run / "summary.txt").read_text()
        assert "INTERRUPTED" in text or process.returncode < 0


def test_a_handler_that_is_interrupted_by_itself() -> None:
    """Thousands of pairs in quick succession: an event's lock would be taken twice."""
    code = (
        "import os, signal, sys, time\n"
        "from nslab_lab.host import interrupts\n"
        "with interrupts.armed(), interrupts.Interrupts() as stop:\n"
        "    print('ready', flush=True)\n"
        "    end = time.monotonic() + 2\n"
        "    while time.monotonic() < end:\n"
        "        interrupts._state.number = None\n"
        "        while not stop.is_set() and time.monotonic() < end: pass\n"
        "    print('through', flush=True)\n"
        "    os._exit(0)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(REPO / "harness")},
    )  # fmt: skip
    assert process.stdout and process.stdout.readline() == "ready\n"
    while process.poll() is None:
        for number in (signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
    assert process.stdout.read() == "through\n"


def test_what_does_not_come_to_its_end_is_ended(tmp_path: Path) -> None:
    """The orderly way takes for ever: after some seconds the process goes all the same."""
    code = (
        "import os, sys, time; from pathlib import Path\n"
        "from nslab_lab.host import interrupts, scratch\n"
        "interrupts.GRACE_S = 1.0\n"
        "import subprocess\n"
        "with interrupts.armed(), interrupts.Interrupts(), scratch.folder(Path(sys.argv[1]) / 'boot-x'):\n"
        "    child = subprocess.Popen(['sleep', '1000'], cwd=sys.argv[1])\n"
        "    print('ready', flush=True)\n"
        "    while True: time.sleep(1)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(REPO / "harness")},
    )  # fmt: skip
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(FOREVER_S) == 128 + signal.SIGTERM
    assert not pids_in(tmp_path) and not list(tmp_path.iterdir())


def test_nothing_is_left_after_sigkill(tmp_path: Path) -> None:
    """Not even the folder, nor a process that its guest had just made, and that is stopped."""
    folder = tmp_path / "lab"
    process = start(folder, *RUN, "--scenario", "hangs", "--jobs", "1")
    assert wait_for(lambda: list(folder.glob("runs/0001/boot-*")) and len(pids_in(folder)) > 1)
    (place,) = folder.glob("runs/0001/boot-*")
    stopped = subprocess.Popen(["sleep", "1000"], cwd=place)
    stopped.send_signal(signal.SIGSTOP)
    process.kill()
    process.wait()
    assert wait_for(lambda: stopped.poll() is not None) and stopped.returncode == -signal.SIGKILL
    assert wait_for(lambda: not pids_in(folder) and not place.exists())


@pytest.mark.parametrize("burst", [[signal.SIGTERM], [signal.SIGHUP, signal.SIGHUP], [signal.SIGTERM] * 20])
def test_while_packages_are_installed(tmp_path: Path, burst: list[int]) -> None:
    """With an apt-get that only waits; what is installed already is not known to this dpkg-query."""
    place = tmp_path / "uml"
    place.mkdir()
    for name in ("setup.sh", "packages"):
        (place / name).write_bytes((REPO / "uml" / name).read_bytes())
    pid = tmp_path / "pid"
    for name, does in (("dpkg-query", ":"), ("id", "echo 0"), ("apt-get", f"echo $$ > {pid}; exec sleep 1000")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    process = subprocess.Popen(
        ["/bin/sh", place / "setup.sh"], env={"PATH": f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin"},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert wait_for(lambda: pid.exists() and pid.read_text())
    send(process, burst, 0)
    assert process.wait(FOREVER_S) == 128 + burst[0]
    assert wait_for(lambda: not running(int(pid.read_text())))
    assert process.stderr and process.stderr.read().endswith("nslab: interrupted\n")


def test_a_signal_that_nohup_ignores(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start(folder, *COMMANDS["run"])
    finally:
        signal.signal(signal.SIGHUP, before)
    assert wait_for(lambda: list(folder.glob("runs/0001/results-*")))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None and running(process.pid)
    process.send_signal(signal.SIGTERM)
    assert "INTERRUPTED" in check(process, folder, signal.SIGTERM)

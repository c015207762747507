# SPDX-License-Identifier: GPL-2.0
"""What tests of the run side share: plans, and a machine that is a mere process."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from nslab_lab.guest import boots
from nslab_lab.guest.machine import Machine
from nslab_lab.host.paths import REPO, SCENARIOS
from nslab_lab.plans import plan, profiles

# What runs the command line: status, stdout, stderr.
Command = Callable[..., tuple[int, str, str]]

# Host seconds: what takes longer hangs for ever. No test says that anything is faster than that.
FOREVER_S = 3600.0

FAKE_GUEST = Path(__file__).with_name("fake_guest.py")
# What fake_guest.py has of readers; the places of it, see readers.py.
READERS = ["pidfd_ioctl", "utsns_get", "validate_nsset"]
PLACES = {
    "utsns_get+0x5e/0xb0": ("utsns_get", False),
    "get_task_nsproxy+0x1a/0x90": ("get_task_nsproxy", True),
    "validate_nsset+0x2a/0x60": ("validate_nsset", False),
    "ns_get_path_task+0x2a/0x60": ("ns_get_path_task", False),
}
ACTORS = ("reader", "switcher", "third")  # of each of its scenarios


def run_plan(*scenarios: str, **more: Any) -> plan.RunPlan:
    """A plan of 30 executions in boots of 10."""
    values: dict[str, Any] = dict(
        variant="none", strategy="none", seed=1, executions=30, findings=1, batch=10,
        actors=(ACTORS,) * len(scenarios), inputs=(1,) * len(scenarios),
    ) | more  # fmt: skip
    return plan.make("6.12", "0123abcd", profiles.load("none"), scenarios, **values)


def fake_machine(folder: Path) -> Machine:
    """A machine whose kernel is fake_guest.py; it may be silent for 30 s."""
    tool = folder / "tool"
    tool.write_text("#!/bin/sh\nexec cat\n")
    tool.chmod(0o755)
    base = folder / "base.cpio"
    base.write_bytes(b"base")
    return Machine(FAKE_GUEST, tool, base, ("time-travel=inf-cpu",), 30.0)


def scenario_files() -> list[Path]:
    """The scenarios, by their files."""
    return [path for path in SCENARIOS.glob("*/*.c") if path.parent.name != "lib"]


def name_of(path: Path) -> str:
    """The name of the scenario in that file."""
    return path.stem.replace("_", "-")


def patch_for(tree: Path, name: str, changes: dict[str, str]) -> str:
    """A patch that makes @changes, of one text to another, in the file @name of @tree."""
    before = after = (tree / name).read_text()
    for old, new in changes.items():
        assert after.count(old) == 1, old
        after = after.replace(old, new)
    lines = before.splitlines(True), after.splitlines(True)
    return "".join(difflib.unified_diff(*lines, f"a/{name}", f"b/{name}"))


def running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], Any], seconds: float = FOREVER_S) -> Any:
    """What @condition comes to once it is true; it is an error if it never is."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(0.02)
    return found


def hour_passes(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Time stands still for whoever watches guests that run in @folder.

    But while the one that was booted last says that it hangs, each look comes an hour later.
    """
    now = [0.0]

    def monotonic() -> float:
        consoles = sorted(folder.rglob("console-*.log"), key=lambda path: path.stat().st_mtime_ns)
        now[0] += 3600.0 * bool(consoles and consoles[-1].read_text().endswith("hangs\n"))
        return now[0]

    monkeypatch.setattr(boots, "time", SimpleNamespace(monotonic=monotonic, sleep=time.sleep))


# === Commands, on the real kernel ===

NSLAB = REPO / "harness" / "nslab"


@dataclass(frozen=True)
class Ended:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def folder(self) -> Path:
        """The run's folder, as printed."""
        match = re.search(r"^run folder: (.+)$", self.out, re.M)
        assert match, self.out + self.err
        return REPO / match[1]

    @property
    def executions(self) -> bytes:
        return (self.folder / "executions.jsonl").read_bytes()

    @property
    def finding_folder(self) -> Path:
        """Of the only finding; others were seen in batches that ran ahead of it."""
        (file,) = self.folder.glob("findings/*/finding.json")
        return file.parent

    @property
    def findings(self) -> list[dict[str, Any]]:
        files = sorted(self.folder.glob("findings/*/finding.json"))
        return [json.loads(file.read_text()) for file in files]

    def after(self, mark: str) -> str:
        """What gdb said between `echo @MARK\\n` and the next such line."""
        return self.out.partition(f"@{mark}\n")[2].partition("\n@")[0]


def nslab(*words: object, command: Path = NSLAB) -> Ended:
    """Run `harness/nslab` with these words."""
    done = subprocess.run(
        [command, *map(str, words)], cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=FOREVER_S,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)

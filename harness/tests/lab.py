# SPDX-License-Identifier: GPL-2.0
"""What tests of the run side share: plans, and a machine that is a mere process."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from nslab_lab.guest.boots import Machine
from nslab_lab.plans import plan, profiles

# What runs the command line: status, stdout, stderr.
Command = Callable[..., tuple[int, str, str]]

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


def fake_machine(folder: Path, silence_s: float = 30.0) -> Machine:
    """A machine whose kernel is fake_guest.py."""
    tool = folder / "tool"
    tool.write_text("#!/bin/sh\nexec cat\n")
    tool.chmod(0o755)
    base = folder / "base.cpio"
    base.write_bytes(b"base")
    return Machine(FAKE_GUEST, tool, base, ("time-travel=inf-cpu",), silence_s)


def running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

# SPDX-License-Identifier: GPL-2.0
"""Each execution starts from the same state: one schedule, one trace, whatever ran before it."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from nslab_lab.build import guest_program, own_scenarios
from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import layout, left_out
from nslab_lab.guest import boots, initramfs
from nslab_lab.guest.machine import Machine
from nslab_lab.host.paths import SCENARIOS
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.token import Token
from nslab_lab.plans.watch import Watching, parse

# Slab caches, with the struct that is in each: where ids, names and addresses decide.
CACHES = {
    "radix_tree_node": "xa_node", "pid": "pid", "dentry": "dentry", "mnt_cache": "mount",
    "cred": "cred", "filp": "file", "files_cache": "files_struct", "signal_cache": "signal_struct",
    "kernfs_node_cache": "kernfs_node", "net_namespace": "net", "nsproxy": "nsproxy",
}  # fmt: skip

# What is compared, and what else is executed. A schedule need not fit to lead to the same each time.
SCHEDULES = ("0", "z0b", "a40b", "b60a", "a150bb20a")
OTHERS = ("a7b", "b11a", "a23bb3a", "z0bb5a", "b2aa90b")
# As many as profile executions have done by then: what is done once in a boot, is done.
FIRST = SCHEDULES * 2

REPEATED = ("sem-vs-rmid", "msg-vs-rmid", "shm-vs-rmid", "mq-vs-unlink", "ipc-objects-vs-unshare",
            "ipc-undo-vs-exit", "mountinfo-vs-unshare", "nested-userns-vs-readers", "ns-readlink-vs-clone",
            "pidns-vs-init-exit", "proc-net-vs-exit", "zombie-read")  # fmt: skip


def size_of(linux: Path, struct: str) -> int:
    """Bytes, up to the end of its last member."""
    return max(one.offset + one.size for one in layout.members(linux, struct))


def hashes(kernel: Kernel, init: Path, scenario: str, schedules: tuple[str, ...], folder: Path) -> list[str]:
    """The hash over the trace of each of these executions, one after the other in one boot."""
    folder.mkdir()
    tool = kernel.out / "usr" / "gen_init_cpio"
    machine = Machine(kernel.linux, tool, initramfs.base(tool, init), kernel.cmdline)
    watches = tuple(
        parse(f"{cache}:0:{size_of(kernel.linux, struct)}") for cache, struct in CACHES.items()
    )
    token = Token("6.12", "00000000", scenario, "none", "none", "000000", "replay-0", 1, 1, 1)
    watching = Watching(watches, left_out.text(kernel.linux))
    plan = BootPlan(token, (), 1, False, schedules=schedules, watching=watching)
    done = boots.boot(machine, plan, folder, threading.Event())
    assert done.error is None and len(done.executions) == len(schedules), done.console_text()
    return [str(one.hash) for one in done.executions]


@pytest.mark.parametrize("scenario", REPEATED)
def test_one_schedule_has_one_trace(
    kernel: Kernel, scenarios_init: Path, tmp_path: Path, scenario: str
) -> None:
    """Ten times in one boot, alone and after a hundred other executions."""
    alone = hashes(kernel, scenarios_init, scenario, FIRST + SCHEDULES * 10, tmp_path / "alone")
    after = hashes(
        kernel, scenarios_init, scenario, FIRST + OTHERS * 20 + SCHEDULES * 10, tmp_path / "after"
    )
    for i, schedule in enumerate(SCHEDULES):
        seen = {*alone[len(FIRST) + i :: 5], *after[len(FIRST) + 100 + i :: 5]}
        assert len(seen) == 1, f"{schedule}: {len(seen)} traces"
    # They would be the same if nothing was watched, too.
    assert len({*alone[len(FIRST) :]}) > 1


def test_a_scenario_that_carries_on_shows_the_difference(kernel: Kernel, tmp_path: Path) -> None:
    """What the test above would find, if nothing was set back."""
    file = tmp_path / "mine.c"
    text = (SCENARIOS / "ipc" / "sem_vs_rmid.c").read_text()
    file.write_text(re.sub(r"^(INPUTS\()", r'CARRIES_ON();\nSUBJECT("ipc");\n\1', text, flags=re.M))
    own = own_scenarios.read(file)
    guest = guest_program.with_own(guest_program.plain(), [own])
    (name,) = guest.own
    seen = hashes(kernel, guest.init, name, FIRST + ("0",) * 10, tmp_path / "boot")
    assert len({*seen[len(FIRST) :]}) > 1
    assert [one.carries_on for one in guest.program.scenarios if one.name == name] == [True]

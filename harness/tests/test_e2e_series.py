# SPDX-License-Identifier: GPL-2.0
"""The other design, task_lock(), judged by the same lab on its own kernel."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lab import nslab, patch_for
from nslab_lab.build.kernel import Kernel
from nslab_lab.build.kernel_build import ensure_kernel

SERIES = ("--series", "task_lock")


@pytest.fixture(scope="module")
def task_lock() -> Kernel:
    """The kernel of that series, built."""
    return ensure_kernel(series_name="task_lock")


def test_they_are_two_kernels(kernel: Kernel, task_lock: Kernel) -> None:
    assert task_lock.id != kernel.id and task_lock.src != kernel.src
    assert "task_lock(task);" in (task_lock.src / "kernel" / "utsname.c").read_text()
    assert "task_lock(task);" not in (kernel.src / "kernel" / "utsname.c").read_text()
    assert (kernel.config.read_bytes()) == task_lock.config.read_bytes()


@pytest.mark.parametrize(
    "how", [("--profile", "delay"), ("--profile", "mixed"), ("--strategy", "random")],
    ids=["delay", "mixed", "random"],
)  # fmt: skip
def test_it_passes(task_lock: Kernel, how: tuple[str, str]) -> None:
    done = nslab("run", *SERIES, *how, "--executions", 100)
    assert done.status == 0, done.out + done.err
    scenarios = len(json.loads(nslab("list", "--json").out)["scenarios"])
    assert f"{100 * scenarios:,} executions of {scenarios} scenarios, 0 findings" in done.out
    # Those that the other design has besides are not missed, and there is no task_nsproxy().
    told = dict(re.findall(r"^([\w ]+): (\d+ of \d+ points) reached$", done.out, re.M))
    assert told["nsproxy"] == "9 of 9 points" and told["any subject"] == "4 of 4 points", done.out
    assert f"kernel 6.12-{task_lock.id}, series task_lock, variant none" in done.out
    assert json.loads((done.folder / "versions.json").read_text())["series"] == "task_lock"


def test_a_reader_that_unlocks_too_early_is_found_and_replays(task_lock: Kernel, tmp_path: Path) -> None:
    patch = tmp_path / "early.patch"
    use = "\tif (nsproxy) {\n\t\tns = nsproxy->uts_ns;\n\t\tget_uts_ns(ns);\n\t}\n"
    unlock = "\ttask_unlock(task);\n"
    patch.write_text(patch_for(task_lock.src, "kernel/utsname.c", {use + unlock: unlock + use}))
    more = (*SERIES, "--patch", patch)
    done = nslab("run", *more, "--scenario", "ns-readlink-vs-unshare", "--strategy", "bounded")
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] == "kasan" and "utsns_get" in finding["headline"]
    assert f"SERIES=task_lock PATCH={patch}" in finding["command"]
    again = nslab("replay", *more, finding["token"], "--times", 3)
    assert again.status == 1, again.out + again.err
    assert "3 of 3 replays are the same: verdict and trace hash" in again.out
    # Neither the other series nor this one without the patch has that bug.
    other = nslab("replay", finding["token"])
    assert other.status == 2 and "give" in other.err and other.err.count("\n") == 1
    assert other.err.endswith("that one is of series task_lock, to be given as SERIES=task_lock\n")


def test_there_are_no_readers_to_cover(task_lock: Kernel) -> None:
    done = nslab("coverage", *SERIES)
    assert done.status == 2 and done.err.count("\n") == 1
    assert "no function calls task_nsproxy(), so there are no readers to count" in done.err


def test_an_unknown_series(kernel: Kernel) -> None:
    for command in ("build", "run", "matrix", "bench", "coverage"):
        done = nslab(command, "--series", "none")
        assert (done.status, done.out) == (2, "")
        assert done.err == "nslab: kernel 6.12 has no series none, it has: rcu, task_lock (make list)\n"


def test_the_designs_are_compared(kernel: Kernel, task_lock: Kernel) -> None:
    """In short; that a grace period takes longer than none is true of any run."""
    done = nslab("bench", "--part", "design", "--rounds", 1)
    assert done.status == 0, done.out + done.err
    assert max(map(len, done.out.splitlines())) <= 80
    row = re.search(r"^setns\(\) to a UTS namespace, us +([\d,]+) +([\d,]+) ", done.out, re.M)
    assert row, done.out
    rcu, lock = (int(text.replace(",", "")) for text in row.groups())
    assert rcu > lock > 0
    assert re.search(r"^readlink /proc/PID/ns/uts, per s +[\d,]+ +[\d,]+ ", done.out, re.M)
    said = " ".join(done.out.split())
    assert re.search(r"setns\(\) takes \S+ times as long: [\d,]+ us more\.", said)
    wrong = nslab("bench", "--part", "design", *SERIES)
    assert wrong.status == 2 and "compares all; leave SERIES= out" in wrong.err

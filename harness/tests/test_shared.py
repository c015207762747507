# SPDX-License-Identifier: GPL-2.0
"""The words that actors share, found by a guest: end to end."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nslab_lab.build import scenarios
from nslab_lab.build.kernel import Kernel
from nslab_lab.guest import boots, initramfs
from nslab_lab.guest.machine import Machine
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.token import Token

WATCH = ("nslab/watch=shared",)


@pytest.fixture(scope="module")
def machine(kernel: Kernel) -> Machine:
    guest, _ = scenarios.choose(["sem-vs-rmid"])
    tool = kernel.out / "usr" / "gen_init_cpio"
    return Machine(
        linux=kernel.linux, initramfs_tool=tool, initramfs_base=initramfs.base(tool, guest.init),
        cmdline=kernel.cmdline,
    )  # fmt: skip


def boot(machine: Machine, folder: Path, scenario: str, **options: Any) -> boots.Boot:
    """A boot in a folder of its own, of 8 executions of strategy random unless @options differ."""
    token = Token(
        "6.12", "0" * 8, scenario, options.pop("variant", "none"), "none", "0" * 6,
        options.pop("strategy", "random"), options.pop("seed", 1), *(options.pop("first", 1),) * 2,
    )  # fmt: skip
    plan = replace(BootPlan(token, WATCH, 8, False, words=True), **options)
    folder.mkdir()
    return boots.boot(machine, plan, folder, threading.Event())


def words(folder: Path) -> list[dict[str, Any]]:
    """Of the boot in that folder."""
    (path,) = folder.glob("results-*.jsonl")
    lines = map(json.loads, path.read_text().splitlines())
    return [line["word"] for line in lines if "word" in line]


def test_the_set_is_the_same_in_every_boot(machine: Machine, tmp_path: Path) -> None:
    """Whatever the seed, the strategy and the executions of the boot are."""
    boot(machine, tmp_path / "a", "sem-vs-rmid")
    boot(machine, tmp_path / "b", "sem-vs-rmid", seed=7, strategy="pct-3-60", count=3)
    first, second = ([word for word in words(tmp_path / name) if not word["new"]] for name in "ab")
    assert first and first == second
    names = {(word["kind"], word["name"], word["offset"], str(word.get("site"))) for word in first}
    assert len(names) == len(first)
    assert {("kmalloc", "newary"), ("cache", "radix_tree_node")} <= {name[:2] for name in names}
    assert all(word["watched"] for word in first)


def test_a_profile_execution_has_the_trace_that_it_has_anyway(
    machine: Machine, tmp_path: Path
) -> None:
    """The first of each boot is profiled, the third, fifth, sixth and seventh of a boot are not."""
    scenario = "ns-readlink-vs-unshare"  # its accesses do not depend on ids that it is given
    all_of_them = boot(machine, tmp_path / "all", scenario)
    hashes = {one.n: one.hash for one in all_of_them.executions}
    assert len(set(hashes.values())) > 2
    for n in (3, 5, 6, 7):
        alone = boot(machine, tmp_path / f"{n}", scenario, first=n, count=1)
        assert [one.hash for one in alone.executions] == [hashes[n]]


@pytest.mark.parametrize("strategy", ["random", "pct-3-60", "pos", "bounded-2"])
def test_what_no_named_point_is_needed_for(
    machine: Machine, tmp_path: Path, strategy: str
) -> None:
    """semop() without the validity check: the kernel dies in some profile executions, too."""
    found = boot(
        machine, tmp_path / "run", "sem-vs-rmid", strategy=strategy, unnamed=True, count=500,
        variant="sem-no-valid-check",
    )  # fmt: skip
    assert [one.oracle for one in found.executions if one.failed] == ["hang"]
    assert words(tmp_path / "run")

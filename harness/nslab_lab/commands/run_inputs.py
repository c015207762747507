# SPDX-License-Identifier: GPL-2.0
"""The inputs of a run, written to its folder so that the run can be repeated."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Sequence

from nslab_lab.build.guest_program import Guest
from nslab_lab.build.kernel import Kernel
from nslab_lab.host.paths import REPO
from nslab_lab.plans import strategies
from nslab_lab.plans.plan import RunPlan
from nslab_lab.report.runfolder import RunFolder


def write(
    folder: RunFolder, run_plan: RunPlan, kernel: Kernel, profile_file: Path, own_patches: Sequence[Path],
    guest: Guest,
) -> None:
    """Write the inputs, and the command line that repeats the run."""
    folder.write("plan.json", run_plan.json() + "\n")
    folder.write("config", kernel.config.read_text())
    versions = {**kernel.versions, "kernel": kernel.name, "kernel_id": kernel.id}
    folder.write_json("versions.json", {**versions, "engine": kernel.engine, "lab": _lab_version()})
    profile = folder.copy(profile_file)
    patches = [folder.copy(patch) for patch in own_patches]
    strategy = strategies.parse(run_plan.strategy)
    own = {
        name: f"./{one.copy_to(folder.new_input()).relative_to(folder.path)}"
        for name, one in guest.own.items()
    }
    words = ["--kernel", run_plan.kernel]
    for name in run_plan.scenarios:
        words += ["--scenario", own.get(name, name)]
    words += [
        *("--profile", f"./{profile}", "--strategy", strategy.name),
        *("--variant", run_plan.variant, "--seed", str(run_plan.seed)),
        *("--findings", str(run_plan.findings), "--batch", str(run_plan.batch)),
    ]
    if run_plan.executions:
        words += ["--executions", str(run_plan.executions)]
    if strategy.name == "pct":
        words += ["--depth", str(strategy.depth)]
    if strategy.name == "bounded":
        words += ["--preemptions", str(strategy.preemptions)]
        words += ["--unpruned"] * run_plan.unpruned
    if kernel.series:
        words += ["--series", kernel.series]
    for patch in patches:
        words += ["--patch", f"./{patch}"]
    folder.write_repeat(words)


def _lab_version() -> str:
    done = subprocess.run(
        ["git", "-C", str(REPO), "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip() or "unknown"

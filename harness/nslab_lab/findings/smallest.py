# SPDX-License-Identifier: GPL-2.0
"""A finding as it is shown: with the smallest schedule, and the source line in its headline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Sequence

from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import symbols
from nslab_lab.findings import minimize
from nslab_lab.guest.boots import Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.host import files
from nslab_lab.host.progress import say
from nslab_lab.plans import strategies
from nslab_lab.plans.plan import BootPlan
from nslab_lab.search import batch
from nslab_lab.search.batch import Finding


def smallest(
    machine: Machine,
    actors: Sequence[str],
    finding: Finding,
    boot_plan: BootPlan,
    folder: Path,
    stop: Stop,
) -> Finding:
    """The finding with the smallest schedule that shows it, or as it is.

    @actors: of its scenario, in the order of their letters. @boot_plan: the boot it came in.
    @folder: where its consoles are left.
    """
    if finding.reproduced not in (batch.SOLO, batch.ALONE):
        return finding
    token = finding.failure.token
    # A search begins with the fewest preemptions.
    if boot_plan.strategy.name == "bounded":
        # A guest that ends without a report does not say which schedule it was.
        finding = replace(finding, minimal=strategies.parse(token.strategy).name == "replay")
        if not boot_plan.reuse:
            return finding
    say(f"{token.scenario}: minimising the finding of execution {token.n:,}")
    place = batch.finding_folder(folder, token) / "minimize"
    small = minimize.minimize(machine, finding, boot_plan, place, stop, actors)
    files.remove(place)
    if small is None:
        return finding
    return replace(small, minimal=True, first=token, late=finding.late)


def with_line(finding: Finding, kernel: Kernel) -> Finding:
    """The finding, with the source line in its headline where one can be told."""
    judged = finding.failure.verdict
    line = judged.function and symbols.line_of(
        kernel.linux, judged.function, is_return_address=judged.oracle != "oops"
    )
    if not line:
        return finding
    judged = replace(judged, headline=f"{judged.headline} ({line})")
    return replace(finding, failure=replace(finding.failure, verdict=judged))

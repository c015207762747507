# SPDX-License-Identifier: GPL-2.0
"""The tasks of a sweep's cells, with the kernels, profiles and seeds that they need."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Mapping, Sequence

from nslab_lab.build.catalog import Scenario
from nslab_lab.build.guest_program import Guest
from nslab_lab.build.kernel import Kernel
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.debuginfo import readers
from nslab_lab.guest.machine import Machine
from nslab_lab.host.errors import LabError
from nslab_lab.matrix import cells
from nslab_lab.plans import plan, profiles
from nslab_lab.plans.profiles import Profile
from nslab_lab.plans.watch import Watching
from nslab_lab.sweeps import description, rule, work
from nslab_lab.sweeps.rows import CellRow, SweepRow


class Lab:
    """The kernels and profiles of a sweep's cells."""

    def __init__(self, args: argparse.Namespace, guest: Guest) -> None:
        self._args = args
        self._init = guest.init
        self.scenarios: Mapping[str, Scenario] = {one.name: one for one in guest.program.scenarios}
        self.kernels: dict[str, Kernel] = {}
        self._machines: dict[str, Machine] = {}
        self._profiles: dict[str, Profile] = {}
        self._watching: dict[tuple[str, str, str], tuple[Watching, ...]] = {}
        self.cells: list[CellRow] = []

    def kernel(self, name: str) -> Kernel:
        """The kernel of that name, built. Raises LabError."""
        if name not in self.kernels:
            kernel = self.kernels[name] = ensure_kernel(name, self._args.patch)
            machine = options.machine(self._args, kernel, self._init)
            self._machines[name] = replace(machine, raises_killed=True)
            readers.names(kernel.linux)  # whatever is wrong with that shall not show at night
        return self.kernels[name]

    def profile(self, name: str) -> Profile:
        """The profile of that name, or of that path."""
        if name not in self._profiles:
            self._profiles[name] = profiles.load(name)
        return self._profiles[name]

    def describe(self, described: Sequence[description.CellOf]) -> None:
        """Take the cells of a description."""
        self.cells = [
            CellRow(
                number, one.scenario, one.strategy, one.profile, self.profile(one.profile).digest,
                one.variant, one.kernel, self.kernel(one.kernel).id, one.seed,
            )
            for number, one in enumerate(described)
        ]  # fmt: skip

    def changed(self, rows: Sequence[CellRow]) -> str | None:
        """Why cells of a sweep cannot be run as they were, None if they can."""
        for row in rows:
            if row.scenario not in self.scenarios:
                return f"there is no scenario {row.scenario} any more"
            try:
                if self.profile(row.profile).digest != row.digest:
                    return f"profile {row.profile} is another one now"
                kernel = self.kernel(row.kernel)
            except LabError as error:
                return error.message
            if kernel.id != row.kernel_id:
                return f"kernel {row.kernel}-{row.kernel_id} is now {kernel.name}-{kernel.id}"
        return None

    def limits(self, row: SweepRow) -> list[rule.Limits]:
        """What the rule has to know of the cells."""
        found = []
        for cell in self.cells:
            searches = cells.Way(cell.strategy).full.searches
            inputs = self.scenarios[cell.scenario].inputs
            found.append(rule.Limits(row.search, inputs) if searches else rule.Limits(row.batch))
        return found

    def task(self, row: SweepRow, folder: Path, cell: CellRow, number: int) -> work.Task:
        """The task of a cell's batch @number."""
        scenario, profile = self.scenarios[cell.scenario], self.profile(cell.profile)
        kernel, way = self.kernel(cell.kernel), cells.Way(cell.strategy, cell.profile)
        key = (cell.kernel, cell.profile, scenario.subject)
        if key not in self._watching:
            self._watching[key] = options.watching(profile, kernel, [scenario])
        made = plan.make(
            kernel.name, kernel.id, profile, (scenario.name,), self._watching[key],
            variant=cell.variant, strategy=str(way.full), seed=seed_of(row.seeds, cell.cell),
            executions=row.batch, findings=1, batch=row.batch, actors=(scenario.actors,),
            inputs=(scenario.inputs,),
        )  # fmt: skip
        machine = self._machines[cell.kernel]
        return work.Task(machine, kernel, profile, made, number, row.search, folder)


def seed_of(seeds: str, cell: int) -> int:
    """The seed of a cell; @seeds: the id of the sweep that it derives from."""
    return int.from_bytes(hashlib.sha256(f"{seeds}/{cell}".encode()).digest()[:8], "big")

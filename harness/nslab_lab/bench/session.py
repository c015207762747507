# SPDX-License-Identifier: GPL-2.0
"""One run of `nslab bench`: its folder, its boots, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Mapping

from nslab_lab.build.catalog import Scenario
from nslab_lab.build.kernel import Kernel
from nslab_lab.cli import options
from nslab_lab.guest.boots import Stop
from nslab_lab.guest.machine import Machine, ordinary
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.plans import plan, profiles, strategies, subject
from nslab_lab.plans.plan import BootPlan


@dataclass
class Bench:
    """One run of it."""

    machine: Machine
    kernel: Kernel
    folder: Path
    scenario: str  # in which speed is measured
    scenarios: Mapping[str, Scenario]
    boots: int = 0
    stop: Stop = field(default_factory=Interrupts)

    def tell(self, *lines: str) -> None:
        """What is known so far is not lost, whatever comes."""
        text = "".join(f"{line}\n" for line in lines)
        print(text, end="", flush=True)
        with (self.folder / "bench.txt").open("a") as file:
            file.write(text)

    def boot_plan(
        self, scenario: str, strategy: str, profile: str, count: int, seed: int = 1,
        variant: str = "none", own: bool = False,
    ) -> BootPlan:  # fmt: skip
        """A plan of @count executions; of a bounded search, of at most so many.

        @own: only what the scenario's subject names is watched, not what is shared.
        """
        chosen = profiles.load(profile)
        known = self.scenarios[scenario]
        if own:
            chosen = replace(chosen, watch=subject.watch_of(known.subject))
        how = strategies.parse(strategy)
        made = plan.make(
            self.kernel.name, self.kernel.id, chosen, (scenario,),
            options.watching(chosen, self.kernel, [known]), variant=variant, strategy=strategy,
            seed=seed, executions=count, findings=1, inputs=(1,),
        )  # fmt: skip
        if how.name == "bounded":
            return replace(made.boot(scenario, seed, seed), count=count)
        return made.boot(scenario, 1, count)

    def machine_for(self, plan_of: BootPlan) -> Machine:
        """The baseline has an ordinary clock."""
        if plan_of.strategy.name != strategies.UNSTEERED:
            return self.machine
        return ordinary(self.machine)

    def place(self) -> Path:
        """A folder for the next boot."""
        self.boots += 1
        folder = self.folder / f"{self.boots:04}"
        folder.mkdir()
        return folder

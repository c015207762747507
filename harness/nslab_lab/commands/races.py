# SPDX-License-Identifier: GPL-2.0
"""`nslab races`: the memory that a scenario's actors share, and how they access it."""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Sequence

from nslab_lab.build import catalog, scenarios
from nslab_lab.build.catalog import Scenario
from nslab_lab.build.kernel import Kernel
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.guest import boot_errors, boots, demands
from nslab_lab.guest.machine import Machine
from nslab_lab.host import front
from nslab_lab.host.errors import FINDINGS, FOUND_NOTHING, bad_input
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.paths import BUILD, shown
from nslab_lab.host.progress import say
from nslab_lab.plans import plan, profiles
from nslab_lab.report import races, races_html, runfolder
from nslab_lab.report.races import Table
from nslab_lab.search.failures import examine

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

FOLDERS = BUILD / "races"
FORMATS = ("text", "html", "json")


def register(commands: Commands) -> None:
    """`nslab races`."""
    parser = commands.add_parser("races", help="the memory that actors share: who accesses it, under which locks")
    options.add_kernel_options(parser)
    options.add_scenario_option(parser)
    parser.add_argument("--variant", metavar="NAME", help=f"deliberate defect ({plan.NO_VARIANT})")
    parser.add_argument("--format", metavar="FORMAT", help="of what is printed: text, html, json (text)")
    parser.add_argument("--all", action="store_true", help="words under a common lock one by one, too")
    options.add_guest_options(parser)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    form = args.format or "text"
    if form not in FORMATS:
        raise bad_input(f"{front.option('format')}={form}: there is {', '.join(FORMATS)}")
    jobs = options.jobs_of(args)
    variant = catalog.choose("variant", args.variant or plan.NO_VARIANT, catalog.variants())
    options.check_variants(args, [variant])
    demands.check()
    guest, chosen = scenarios.choose(args.scenario)
    kernel = ensure_kernel(args.kernel or None, args.patch, series_name=args.series or None)
    lab = _Lab(options.machine(args, kernel, guest.init), kernel, variant, chosen, runfolder.numbered(FOLDERS))
    interrupts = Interrupts()
    with interrupts, ThreadPoolExecutor(jobs) as executor:
        shared = list(executor.map(lambda one: lab.shared(one, interrupts), chosen))
    if interrupts.is_set():
        print("INTERRUPTED")
        return interrupts.status
    return _tell(lab, shared, form, args.all)


@dataclass(frozen=True)
class _Shared:
    """What one boot has told."""

    table: Table
    failure: str  # of its execution; "" if it passed


@dataclass(frozen=True)
class _Lab:
    """What is booted for each scenario."""

    machine: Machine
    kernel: Kernel
    variant: str
    scenarios: Sequence[Scenario]
    folder: Path

    def shared(self, scenario: Scenario, stop: Interrupts) -> _Shared:
        """The shared words of a scenario. Raises LabError where no guest comes that far."""
        profile = profiles.load(plan.DEFAULT_STEERED_PROFILE)
        made = plan.make(
            self.kernel.name, self.kernel.id, profile, (scenario.name,),
            options.watching(profile, self.kernel, [scenario]), variant=self.variant,
            strategy="random", seed=plan.DEFAULT_SEED, executions=1, findings=1,
            actors=(scenario.actors,), inputs=(scenario.inputs,), series=self.kernel.series,
        )  # fmt: skip
        boot_plan = replace(made.boot(scenario.name, 1, 1), words=True)
        boot = boots.boot(self.machine, boot_plan, self.folder, stop)
        if boot.stopped:
            return _Shared(Table(scenario.name, scenario.actors, ()), "")
        boot_errors.check_boot(boot)
        _, failures = examine(boot, self.machine)
        failed = failures[0].verdict.headline if failures else ""
        return _Shared(races.table(self.kernel, scenario.name, scenario.actors, boot.words), failed)


def _tell(lab: _Lab, shared: Sequence[_Shared], form: str, whole: bool) -> int:
    """Write the three files, print one of them; the exit status."""
    tables = [one.table for one in shared]
    of_variant = f", variant {lab.variant}" if lab.variant != plan.NO_VARIANT else ""
    about = f"kernel {lab.kernel.name}-{lab.kernel.id}{of_variant}"
    words = {
        "text": "\n".join([f"{about}\n", *(races.text(one, whole) for one in tables), races.left_out()]),
        "html": races_html.page(f"Shared memory, {about}", tables) + "\n",
        "json": json.dumps(races.json_of(lab.kernel, lab.variant, tables), indent=2) + "\n",
    }
    for name, kind in (("text", "txt"), ("html", "html"), ("json", "json")):
        (lab.folder / f"races.{kind}").write_text(words[name])
    print(words[form], end="")
    for one in shared:
        if one.failure:
            say(f"{one.table.scenario}: its first execution fails: {one.failure}")
    if form == "text":
        print(f"\nkept in {shown(lab.folder)}, as races.html and races.json, too")
    return FINDINGS if any(one.failure for one in shared) else FOUND_NOTHING

# SPDX-License-Identifier: GPL-2.0
"""`nslab bench`: the lab's own speed, how soon each strategy finds each defect, what designs cost.

Everything that is compared is measured in one run, the runs of one kind between those of the
others, since machines are noisy. The baseline is what there would be without the lab: the same
scenario as a stress test on the same kernel, with random sleeps and a clock that goes on by itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nslab_lab.bench import design, gdb, rates, variants
from nslab_lab.bench.session import Bench
from nslab_lab.build import catalog, kernels
from nslab_lab.build.guest_program import ensure_scenarios
from nslab_lab.build.kernel import Kernel
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.guest import demands
from nslab_lab.guest.machine import Machine
from nslab_lab.host import front
from nslab_lab.host.errors import FOUND_NOTHING, bad_input
from nslab_lab.host.paths import BUILD, shown
from nslab_lab.plans import subject
from nslab_lab.report import results_page, runfolder

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

BENCHES = BUILD / "bench"
PARTS = ("speed", "sweep", "gdb", "design", "variants")


def register(commands: Commands) -> None:
    """`nslab bench`."""
    parser = commands.add_parser("bench", help="the lab's speed, compared with a stress test")
    parser.add_argument("--part", metavar="NAME", help=f"only one of {', '.join(PARTS)}")
    parser.add_argument("--variant", metavar="NAME", help="part variants: only this one")
    parser.add_argument(
        "--seeds", metavar="N", help=f"part variants: seeds of each strategy ({variants.SEEDS})"
    )
    parser.add_argument(
        "--rounds", metavar="N", help=f"of speed ({rates.ROUNDS}) and design ({design.ROUNDS})"
    )
    parser.add_argument(
        "--baseline", metavar="SECONDS",
        help=f"give up the stress test after so long ({variants.BASELINE_S})",
    )
    options.add_kernel_options(parser)
    options.add_guest_options(parser)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    parts = _parts(args)
    hunted = catalog.variants()[1:]
    if args.variant:
        catalog.choose("variant", args.variant, hunted)
        hunted = [item for item in hunted if item.name == args.variant]
    seeds = options.whole("seeds", args.seeds, variants.SEEDS, 1, 1000)
    rounds = options.whole("rounds", args.rounds, rates.ROUNDS, 1, 1000)
    design_rounds = options.whole("rounds", args.rounds, design.ROUNDS, 1, 1000)
    if "variants" in parts:
        options.check_variants(args, [item.name for item in hunted])
    baseline_s = options.whole("baseline", args.baseline, variants.BASELINE_S, 1, 3600)
    jobs = options.jobs_of(args)
    demands.check()
    init = ensure_scenarios()
    kernel = ensure_kernel(args.kernel or None, args.patch, series_name=args.series or None)
    bench = Bench(
        options.machine(args, kernel, init), kernel, runfolder.numbered(BENCHES),
        subject.benchmark().scenario,
        {one.name: one for one in catalog.from_init(init).scenarios},
    )  # fmt: skip
    told = results_page.Growth(bench.folder / "bench.txt")
    if "speed" in parts:
        rates.speed(bench, rounds)
        told.add("speed")
    if "sweep" in parts:
        rates.guests(bench, rounds)
        told.add("sweep")
    if "gdb" in parts:
        bench.tell(*gdb.lines(bench.scenario, rounds, bench.folder))
        told.add("gdb")
    if "design" in parts:
        design.compare(bench, design_rounds, _designs(args, init))
        told.add("design")
    if "variants" in parts:
        variants.variants(bench, [item.name for item in hunted], seeds, jobs, baseline_s)
        told.add("variants")
    is_full = not (args.variant or args.seeds or args.rounds or args.baseline)
    results_page.update(kernel, told.parts, args.patch, is_full)
    print(f"kept in {shown(bench.folder)}")
    return FOUND_NOTHING


def _parts(args: argparse.Namespace) -> tuple[str, ...]:
    """What is asked for. Raises LabError(2)."""
    if args.part and args.part not in PARTS:
        raise bad_input(f"{front.option('part')}={args.part}: there is {', '.join(PARTS)}")
    entry = kernels.load().entry(args.kernel or None)
    if args.part == "design":
        if args.series:
            raise bad_input(f"{front.option('series')}={args.series}: part design compares all; leave SERIES= out")
        if len(entry.series) == 1:
            raise bad_input(f"kernel {entry.name} has one series only: there is nothing to compare")
    if args.part:
        return (args.part,)
    # A patch need not fit all of them, so then it has to be asked for.
    compares = len(entry.series) > 1 and not (args.patch or args.series)
    return PARTS if compares else tuple(part for part in PARTS if part != "design")


def _designs(args: argparse.Namespace, init: Path) -> dict[str, tuple[Machine, Kernel]]:
    """Each series of the kernel, built."""
    entry = kernels.load().entry(args.kernel or None)
    designs = {}
    for name in entry.series:
        kernel = ensure_kernel(entry.name, args.patch, series_name=name)
        designs[name] = (options.machine(args, kernel, init), kernel)
    return designs

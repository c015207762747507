# SPDX-License-Identifier: GPL-2.0
"""`nslab bench`: the lab's own speed, how soon each strategy finds each defect, what designs cost.

Everything that is compared is measured in one run, the runs of one kind between those of the
others, since machines are noisy. The baseline is what there would be without the lab: the same
scenario as a stress test on the same kernel, with random sleeps and a clock that goes on by itself.
"""

from __future__ import annotations

import argparse
import functools
import re
import resource
import shutil
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Mapping, Sequence

from nslab_lab.bench import design, gdb
from nslab_lab.build import catalog, kernels
from nslab_lab.build.kernel import Kernel, ensure_kernel
from nslab_lab.build.scenarios import ensure_scenarios
from nslab_lab.cli import options
from nslab_lab.guest import boots, demands
from nslab_lab.guest.boots import Machine, Stop
from nslab_lab.host import front
from nslab_lab.host.errors import FOUND_NOTHING, bad_input, lab_failed
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.paths import BUILD, shown
from nslab_lab.host.progress import say
from nslab_lab.plans import plan, profiles, strategies
from nslab_lab.plans.plan import NO_VARIANT, BootPlan
from nslab_lab.report import results_page, runfolder
from nslab_lab.search import hunt
from nslab_lab.sweeps import speed

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

BENCHES = BUILD / "bench"
SCENARIO = "ns-readlink-vs-unshare"
PARTS = ("speed", "sweep", "gdb", "design", "variants")

# What is measured for speed: name, strategy, profile.
SPEEDS = (
    ("random, named points", "random", "named"),
    ("random, access points", "random", "access"),
    ("random, both", "random", "none"),
    ("pct, both", "pct-3-220", "none"),
    ("bounded, both", "bounded-2", "none"),
    ("no strategy, no faults", "none", "none"),
    ("unsteered, random sleeps", "unsteered", "none"),
)
SPEED_EXECUTIONS = 1500
SPEED_ROUNDS = 5

# Where each defect is looked for, and how: name, strategy, profile.
HUNTS = (
    ("delays", "none", "delay"),
    ("random", "random", "none"),
    ("pct", "pct-3-{length}", "none"),
    ("pos", "pos", "none"),
    ("bounded", "bounded-2", "none"),
)
HUNT_SCENARIO = {
    "no-grace-period": SCENARIO,
    "no-null-check": "zombie-read",
    "load-before-lock": "zombie-read",
    "null-means-init": "zombie-read",
    "plain-get": "zombie-read",
    "free-atomically": "mounts-vs-exit",
    "wait-for-owners": "mounts-vs-exit",
}
HUNT_SEEDS = 20
HUNT_EXECUTIONS = 3000
BASELINE_S = 60


def register(commands: Commands) -> None:
    """`nslab bench`."""
    parser = commands.add_parser("bench", help="the lab's speed, compared with a stress test")
    parser.add_argument("--part", metavar="NAME", help=f"only one of {', '.join(PARTS)}")
    parser.add_argument("--variant", metavar="NAME", help="part variants: only this one")
    parser.add_argument("--seeds", metavar="N", help=f"part variants: seeds of each strategy ({HUNT_SEEDS})")
    parser.add_argument(
        "--rounds", metavar="N",
        help=f"of speed ({SPEED_ROUNDS}) and design ({design.ROUNDS})",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", metavar="SECONDS", help=f"give up the stress test after so long ({BASELINE_S})"
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
    seeds = options.whole("seeds", args.seeds, HUNT_SEEDS, 1, 1000)
    rounds = options.whole("rounds", args.rounds, SPEED_ROUNDS, 1, 1000)
    design_rounds = options.whole("rounds", args.rounds, design.ROUNDS, 1, 1000)
    if "variants" in parts:
        options.check_variants(args, [item.name for item in hunted])
    baseline_s = options.whole("baseline", args.baseline, BASELINE_S, 1, 3600)
    jobs = options.jobs_of(args)
    demands.check()
    init = ensure_scenarios()
    kernel = ensure_kernel(args.kernel or None, args.patch, series_name=args.series or None)
    bench = Bench(options.machine(args, kernel, init), kernel, runfolder.numbered(BENCHES))
    told = results_page.Growth(bench.folder / "bench.txt")
    if "speed" in parts:
        bench.speed(rounds)
        told.add("speed")
    if "sweep" in parts:
        bench.guests(rounds)
        told.add("sweep")
    if "gdb" in parts:
        bench._tell(*gdb.lines(SCENARIO, rounds, bench.folder))
        told.add("gdb")
    if "design" in parts:
        bench.design(design_rounds, _designs(args, init))
        told.add("design")
    if "variants" in parts:
        bench.variants([item.name for item in hunted], seeds, jobs, baseline_s)
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


@dataclass
class Bench:
    """One run of it."""

    machine: Machine
    kernel: Kernel
    folder: Path
    boots: int = 0
    stop: Stop = field(default_factory=Interrupts)

    def _tell(self, *lines: str) -> None:
        """What is known so far is not lost, whatever comes."""
        text = "".join(f"{line}\n" for line in lines)
        print(text, end="", flush=True)
        with (self.folder / "bench.txt").open("a") as file:
            file.write(text)

    def _boot_plan(
        self, scenario: str, strategy: str, profile: str, count: int, seed: int = 1, variant: str = "none"
    ) -> BootPlan:
        chosen = profiles.load(profile)
        how = strategies.parse(strategy)
        made = plan.make(
            self.kernel.name, self.kernel.id, chosen, (scenario,),
            options.watches(chosen, how, self.kernel), variant=variant, strategy=strategy,
            seed=seed, executions=count, findings=1, inputs=(1,),
        )  # fmt: skip
        if how.name == "bounded":
            return replace(made.boot(scenario, seed, seed), count=count)
        return made.boot(scenario, 1, count)

    def _machine_for(self, boot_plan: BootPlan) -> Machine:
        """The baseline has an ordinary clock."""
        if boot_plan.strategy.name != strategies.UNSTEERED:
            return self.machine
        return _ordinary(self.machine)

    def _place(self) -> Path:
        self.boots += 1
        place = self.folder / f"{self.boots:04}"
        place.mkdir()
        return place

    # === Designs ===

    def design(self, rounds: int, designs: Mapping[str, tuple[Machine, Kernel]]) -> None:
        """What unshare(), setns() and reads of another task's namespaces cost with each of them."""
        measured = {name: functools.partial(self._costs, *design) for name, design in designs.items()}
        self._tell(*design.text(design.measure(rounds, measured)))

    def _costs(self, machine: Machine, kernel: Kernel) -> dict[str, float]:
        """The figures of one boot, by what was measured."""
        made = plan.make(
            kernel.name, kernel.id, profiles.load("none"), (SCENARIO,), variant=NO_VARIANT,
            strategy=strategies.UNSTEERED, seed=1, executions=1, findings=1, inputs=(1,),
            series=kernel.series,
        )  # fmt: skip
        boot_plan = replace(made.boot(SCENARIO, 1, 1), measure=True)
        boot = boots.boot(_ordinary(machine), boot_plan, self._place(), self.stop)
        boots.check_boot(boot)
        if not boot.ended:
            raise lab_failed(f"the guest ended before all was measured; see {shown(boot.console)}")
        return design.figures(boot.measured)

    # === Speed ===

    def speed(self, rounds: int) -> None:
        """Executions per second on one CPU, and how long it is to the first one."""
        rates: dict[str, list[float]] = {name: [] for name, *_ in SPEEDS}
        starts = []
        for number in range(rounds):
            say(f"speed, round {number + 1} of {rounds}")
            for name, strategy, profile in SPEEDS:
                rate, start = self._rate(strategy, profile)
                rates[name].append(rate)
                starts.append(start)
        lines = [f"{SCENARIO}, one CPU, median of {rounds} rounds", ""]
        lines += [f"  {'':<26}{'executions/s':>12}   {'from':>6} {'to':>6}"]
        for name, of_name in rates.items():
            middle = statistics.median(of_name)
            lines.append(f"  {name:<26}{middle:>12,.0f}   {min(of_name):>6,.0f} {max(of_name):>6,.0f}")
        both, named = (statistics.median(rates[f"random, {what}"]) for what in ("both", "named points"))
        lines += [
            "",
            f"  watching accesses takes {named / both:.2f} times as long as named points alone",
            f"  exec to first execution: {1000 * statistics.median(starts):,.0f} ms",
            f"  host CPU time per execution: {self._cpu_us():,.0f} us, its processes' and its kernel's",
            f"  host instructions per execution: {self._instructions()}",
            "",
        ]
        self._tell(*lines)

    def _rate(self, strategy: str, profile: str) -> tuple[float, float]:
        """Executions per second once they come, and seconds until the first one."""
        boot_plan = self._boot_plan(SCENARIO, strategy, profile, SPEED_EXECUTIONS)
        times: list[float] = []
        start = time.monotonic()
        machine = replace(self._machine_for(boot_plan), poll_s=0.005)
        boot = boots.boot(
            machine, boot_plan, self._place(), self.stop, lambda _: times.append(time.monotonic())
        )
        boots.check_boot(boot)
        return (len(times) - 1) / (times[-1] - times[0]), times[0] - start

    def _cpu_us(self) -> float:
        """Of the host's CPUs, by getrusage(2)."""
        used = []
        for count in (200, 1200):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            plan_of = self._boot_plan(SCENARIO, "random", "none", count)
            boots.boot(self.machine, plan_of, self._place(), self.stop)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used.append(
                after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
            )
        return (used[1] - used[0]) / 1000 * 1e6

    def _instructions(self) -> str:
        """Of the host's CPU, both in the guest's kernel and its processes, by perf(1)."""
        perf = shutil.which("perf")
        if not perf:
            return "no perf(1) here: apt-get install linux-perf"
        counts = []
        for count in (200, 1200):
            boot_plan = self._boot_plan(SCENARIO, "random", "none", count)
            wrapped = replace(self.machine, wrapper=(perf, "stat", "-x,", "-e", "instructions:u"))
            boot = boots.boot(wrapped, boot_plan, self._place(), self.stop)
            found = re.search(r"^(\d+),,instructions", boot.console_text(), re.MULTILINE)
            if not found:
                return "this machine does not count them"
            counts.append(int(found[1]))
        return f"{(counts[1] - counts[0]) / 1000:,.0f}"

    def guests(self, rounds: int) -> None:
        """What several of them at a time are worth."""
        self._tell(*speed.measure(self.machine, self.kernel, SCENARIO, self._place(), rounds))

    # === Variants ===

    def variants(self, hunted: Sequence[str], seeds: int, jobs: int, baseline_s: int) -> None:
        """Executions and seconds until each variant is caught."""
        names = [name for name, *_ in HUNTS]
        self._tell(
            f"executions (seconds) until caught, median of {seeds} seeds; not found in "
            f"{HUNT_EXECUTIONS:,}: -",
            f"unsteered: given up after {baseline_s} s",
            "",
            _row("variant", *names, "unsteered"),
        )
        for variant in hunted:
            say(f"hunting {variant}")
            scenario = HUNT_SCENARIO.get(variant, SCENARIO)
            length = self._length(scenario)
            cells = []
            with ThreadPoolExecutor(jobs) as executor:
                for _, strategy, profile in HUNTS:
                    named = strategy.format(length=length)
                    hunts = [
                        (scenario, named, profile, HUNT_EXECUTIONS, seed, variant)
                        for seed in range(1, seeds + 1)
                    ]
                    cells.append(_cell(list(executor.map(lambda hunt: self._hunt(*hunt), hunts))))
            cells.append(self._baseline(scenario, variant, baseline_s))
            self._tell(_row(variant, *cells))

    def _length(self, scenario: str) -> int:
        boot = boots.boot(
            self.machine, self._boot_plan(scenario, "random", "none", 16), self._place(), self.stop
        )
        boots.check_boot(boot)
        return max(one.points or 1 for one in boot.executions)

    def _hunt(
        self, scenario: str, strategy: str, profile: str, count: int, seed: int, variant: str
    ) -> tuple[int, float] | None:
        """Executions and seconds until a failure; None if there was none."""
        boot_plan = self._boot_plan(scenario, strategy, profile, count, seed, variant)
        return self._until_failure(boot_plan, self.stop)

    def _until_failure(self, boot_plan: BootPlan, stop: Stop) -> tuple[int, float] | None:
        found = hunt.until_failure(self._machine_for(boot_plan), [boot_plan], self._place(), stop)
        return (found.executions, found.seconds) if found.failure else None

    def _baseline(self, scenario: str, variant: str, seconds: int) -> str:
        boot_plan = self._boot_plan(scenario, strategies.UNSTEERED, "none", 10**7, 1, variant)
        stop = threading.Event()
        timer = threading.Timer(seconds, stop.set)
        timer.start()
        found = self._until_failure(boot_plan, stop)
        timer.cancel()
        return _cell([found]) if found else "not found"


def _ordinary(machine: Machine) -> Machine:
    """The same with a clock that goes on by itself."""
    words = (word for word in machine.cmdline if not word.startswith("time-travel"))
    return replace(machine, cmdline=tuple(words))


def _row(name: str, *cells: str) -> str:
    """At most 80 columns."""
    return f"{name:<16}" + "".join(f" {cell:>9}" for cell in cells)


def _cell(hunts: Sequence[tuple[int, float] | None]) -> str:
    """ "312 (0.7)"; "-" if fewer than half of the seeds found something."""
    found = sorted(hunt for hunt in hunts if hunt)
    middle = (len(hunts) - 1) // 2
    if middle >= len(found):
        return f"- ({len(found)}/{len(hunts)})"
    executions, _ = found[middle]
    seconds = sorted(hunt[1] for hunt in found)[middle]
    return f"{executions} ({seconds:.1f})"

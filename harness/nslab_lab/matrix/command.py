# SPDX-License-Identifier: GPL-2.0
"""`nslab matrix`: every variant, in every scenario, under every strategy.

First the map: each cell until an execution fails, with one seed and not too many executions. Then
for each variant the cell that caught it soonest, with more seeds, for a median. A cell runs what
`nslab run` would run with the same options, so that shows what failed there.
"""

from __future__ import annotations

import argparse
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Mapping, Sequence

from nslab_lab.build import catalog, scenarios
from nslab_lab.build.catalog import Scenario
from nslab_lab.build.guest_program import Guest
from nslab_lab.build.kernel import Kernel
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.guest import demands
from nslab_lab.guest.machine import Machine
from nslab_lab.host import files, jsonline
from nslab_lab.host.errors import FINDINGS, FOUND_NOTHING, LAB_FAILED, LabError
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.paths import BUILD, shown
from nslab_lab.host.progress import Step, say, task
from nslab_lab.matrix import tables
from nslab_lab.matrix.cells import WAYS, Cell, Matrix, Result, Way
from nslab_lab.plans import plan, profiles, token
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.profiles import Profile
from nslab_lab.plans.watch import Watching
from nslab_lab.report import reach, results_page, runfolder
from nslab_lab.search import hunt

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

MATRICES = BUILD / "matrix"

DEFAULT_EXECUTIONS = 100  # of a cell of the map at the most
DEFAULT_SEEDS = 10
MOST_EXECUTIONS = 5000  # until a variant is to be caught, in the median of the seeds
# Some defects let a guest wait for ever, which is to be seen soon: host seconds.
SILENCE_S = 10
# Where the lab itself does not work, it is of no use to go on.
MOST_ERRORS = 10
# How often a wish to stop is looked for, host seconds.
_POLL_S = 0.2


def register(commands: Commands) -> None:
    """`nslab matrix`."""
    parser = commands.add_parser("matrix", help="how soon each deliberate defect is caught, and by what")
    options.add_kernel_options(parser)
    parser.add_argument("--variant", metavar="NAME[,NAME]", help="default: all of them, and none")
    options.add_scenario_option(parser)
    parser.add_argument("--strategy", metavar="NAME[,NAME]", help="default: all of them")
    parser.add_argument(
        "--executions", metavar="N", help=f"at most this many in each cell ({DEFAULT_EXECUTIONS})"
    )
    parser.add_argument(
        "--seeds", metavar="N", help=f"for the median, of the cell that caught a variant soonest ({DEFAULT_SEEDS})"
    )
    options.add_guest_options(parser, SILENCE_S)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    executions = options.whole("executions", args.executions, DEFAULT_EXECUTIONS, 1, 10**6)
    seeds = options.whole("seeds", args.seeds, DEFAULT_SEEDS, 1, 1000)
    jobs = options.jobs_of(args)
    variants = catalog.choose_names("variant", args.variant, catalog.variants())
    options.check_variants(args, variants)
    known = dict.fromkeys(way.strategy for way in WAYS)
    chosen = catalog.choose_names("strategy", args.strategy, [catalog.Item(name, "") for name in known])
    demands.check()
    guest, those = scenarios.choose(args.scenario)
    if not args.scenario:
        # The defects are in the code of subjects.
        those = tuple(one for one in those if one.subject)
    kernel = ensure_kernel(args.kernel or None, args.patch, series_name=args.series or None)
    reach.check(kernel, those)
    matrix = Matrix(
        variants=variants,
        scenarios=tuple(one.name for one in those),
        ways=tuple(way for way in WAYS if way.strategy in chosen),
        executions=executions,
        seeds=seeds,
        most=max(MOST_EXECUTIONS, executions),
        whole=not (args.variant or args.scenario or args.strategy),
    )
    return _Runner(
        options.machine(args, kernel, guest.init), kernel, matrix,
        {one.name: one for one in those},
        {way: _Faults.of(way, kernel, those) for way in matrix.ways}, args.patch, guest,
    ).run(jobs)  # fmt: skip


@dataclass(frozen=True)
class _Faults:
    """What belongs to a way, read once."""

    profile: Profile
    watching: Mapping[str, Watching]  # by scenario

    @classmethod
    def of(cls, way: Way, kernel: Kernel, scenarios: Sequence[Scenario]) -> _Faults:
        profile = profiles.load(way.profile)
        names = (one.name for one in scenarios)
        return cls(profile, dict(zip(names, options.watching(profile, kernel, scenarios))))


@dataclass
class _Runner:
    """One run of it, told to the user and written to its folder as it goes."""

    machine: Machine
    kernel: Kernel
    matrix: Matrix
    scenarios: Mapping[str, Scenario]
    faults: Mapping[Way, _Faults]
    patches: Sequence[Path]
    guest: Guest

    def run(self, jobs: int) -> int:
        """Run all of it and say what came of it; the exit status."""
        self._interrupts = Interrupts()
        with self._interrupts:  # from the folder to its tables
            return self._run(jobs)

    def _run(self, jobs: int) -> int:
        self._folder = runfolder.numbered(MATRICES)
        self._write("plan.json", self._plan())
        matrix = self.matrix
        with (
            (self._folder / "cells.jsonl").open("a", encoding="ascii") as self._file,
            ThreadPoolExecutor(jobs) as self._executor,
        ):
            cells = list(matrix.map())
            with task(f"{len(cells):,} cells", "that was the map", len(cells)) as step:
                self._each(cells, jobs, step)
            again = list(matrix.again())
            if again and not self._over():
                with task(f"{len(again):,} seeds", "those were the seeds", len(again)) as step:
                    self._each(again, jobs, step)
        return self._end()

    def _over(self) -> bool:
        results = self.matrix.results
        useless = len(results) >= MOST_ERRORS and all(one.error for one in results.values())
        return useless or self._interrupts.is_set()

    def _each(self, cells: Sequence[Cell], jobs: int, step: Step) -> None:
        """Run @cells, @jobs at a time, and keep what comes of them as it comes."""
        todo = iter(cells)
        running: list[Future[Result | None]] = []
        left = {variant: sum(cell.variant == variant for cell in cells) for variant in self.matrix.variants}
        while True:
            while len(running) < jobs and not self._over() and (cell := next(todo, None)):
                running.append(self._executor.submit(self._hunt, cell))
            if not running:
                return
            for future in wait(running, _POLL_S, FIRST_COMPLETED).done:
                running.remove(future)
                if (result := future.result()) is None:
                    continue
                self.matrix.results[result.cell] = result
                self._file.write(f"{result.line()}\n")
                self._file.flush()
                variant = result.cell.variant
                left[variant] -= 1
                step(len(cells) - sum(left.values()))
                if not left[variant]:
                    say(tables.one_line(self.matrix, variant))

    def _hunt(self, cell: Cell) -> Result | None:
        """What comes of a cell; None if it was interrupted."""
        place = self._folder / "cells" / cell.name
        place.mkdir(parents=True)
        try:
            done = hunt.until_failure(self.machine, self._boots(cell, place), place, self._interrupts)
        except LabError as error:
            return Result(cell, 0, error=error.message)
        result = Result(cell, done.executions)
        if failure := done.failure:
            judged = failure.verdict
            result = replace(
                result, oracle=judged.oracle, headline=judged.headline, token=str(failure.token)
            )
        # What the others said is what was expected of them.
        if not result.is_finding:
            files.remove(place)
        return None if done.stopped else result

    def _boots(self, cell: Cell, place: Path) -> Iterator[BootPlan]:
        """The boots of a cell, in the order of `nslab run`."""
        scenario, faults = self.scenarios[cell.scenario], self.faults[cell.way]
        strategy = cell.way.full
        # `nslab run` takes it for that of each input.
        executions = -(-cell.executions // scenario.inputs) if strategy.searches else cell.executions
        run_plan = plan.make(
            self.kernel.name, self.kernel.id, faults.profile, (scenario.name,),
            (faults.watching[scenario.name],),
            variant=cell.variant, strategy=str(strategy), seed=cell.seed, executions=executions,
            findings=1, actors=(scenario.actors,), inputs=(scenario.inputs,),
        )  # fmt: skip
        if strategy.name == "pct":
            length = hunt.measure(
                self.machine, run_plan, place, self._interrupts, scenario.name
            ).length
            run_plan = replace(run_plan, lengths=(length,))
        yield from run_plan.batches(scenario.name)

    def _plan(self) -> str:
        matrix = self.matrix
        return jsonline.canonical(
            {
                "kernel": f"{self.kernel.name}-{self.kernel.id}", "variants": matrix.variants,
                "scenarios": matrix.scenarios, "ways": [asdict(way) for way in matrix.ways],
                "executions": matrix.executions, "seeds": matrix.seeds, "most": matrix.most,
            }
        )  # fmt: skip

    def _end(self) -> int:
        from nslab_lab.matrix import (
            heatmap,
        )  # fmt: skip

        matrix, interrupts = self.matrix, self._interrupts
        # They came in the order in which they ended, and the same plan is to give the same bytes.
        self._write("cells.jsonl", "\n".join(one.line() for one in matrix.ordered()))
        self._write("matrix.svg", heatmap.svg(matrix))
        text = [f"kernel {self.kernel.name}-{self.kernel.id}", "", *tables.tables(matrix)]
        failures, holds = tables.judged(matrix)
        if interrupts.is_set():
            text.append("INTERRUPTED: these are the results so far")
        else:
            text += failures + holds
        text += tables.errors(matrix)
        for one in filter(lambda one: one.is_finding, matrix.of()):
            text += tables.finding(one, self._command(one))
        text.append(f"kept in {shown(self._folder)}: matrix.svg, cells.jsonl, matrix.txt")
        self._write("matrix.txt", "\n".join(text))
        print("\n" + "\n".join(text))
        if interrupts.is_set():
            return interrupts.status
        if matrix.broken:
            return LAB_FAILED
        is_full = matrix.whole and (matrix.executions, matrix.seeds) == (DEFAULT_EXECUTIONS, DEFAULT_SEEDS)
        results_page.update(self.kernel, {"matrix": "\n".join(text[2:])}, self.patches, is_full)
        return FINDINGS if failures else FOUND_NOTHING

    def _command(self, result: Result) -> str:
        """The command that replays its finding."""
        profile = self.faults[result.cell.way].profile
        assert result.token is not None  # it is one of a finding
        return options.replay_command(
            token.parse(result.token), profile, self.patches, self.kernel.series, self.guest.files()
        )

    def _write(self, name: str, text: str) -> None:
        files.write(self._folder / name, f"{text}\n".encode())

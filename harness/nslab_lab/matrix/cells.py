# SPDX-License-Identifier: GPL-2.0
"""The cells of `nslab matrix`, and what came of them."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Iterator, Sequence

from nslab_lab.guest.verdict import ORACLES
from nslab_lab.host import jsonline
from nslab_lab.plans import plan, strategies
from nslab_lab.plans.plan import NO_VARIANT
from nslab_lab.plans.strategies import Strategy

NEVER = float("inf")  # executions until caught, where it is not


@dataclass(frozen=True)
class Way:
    """How scenarios are run: a strategy with a profile."""

    strategy: str
    profile: str = plan.DEFAULT_STEERED_PROFILE

    @property
    def name(self) -> str:
        """ "random", "pos+failslab"."""
        plain = self.profile == plan.DEFAULT_STEERED_PROFILE
        return self.strategy if plain else f"{self.strategy}+{self.profile}"

    @property
    def full(self) -> Strategy:
        """The strategy with its parameters; how long executions are, pct is still to be told."""
        match self.strategy:
            case "pct":
                return Strategy("pct", depth=strategies.DEFAULT_DEPTH)
            case "bounded":
                return Strategy("bounded", preemptions=strategies.DEFAULT_PREEMPTIONS)
        return Strategy(self.strategy)


# All ways there are. Some defects are on the way out after a failure, so allocations have to fail;
# and what was forgotten is looked for once a boot, which is slow.
WAYS = (
    Way(strategies.NONE, "mixed"),
    Way("random"),
    Way("pct"),
    Way("pos"),
    Way("pos", "failslab"),
    Way("bounded"),
    Way(strategies.NONE, "kmemleak"),
)


@dataclass(frozen=True)
class Cell:
    """One hunt: until an execution fails."""

    variant: str
    scenario: str
    way: Way
    executions: int  # at the most
    seed: int = 1

    @property
    def name(self) -> str:
        """Names its folder."""
        return f"{self.variant}.{self.scenario}.{self.way.name}.{self.seed}"


@dataclass(frozen=True)
class Result:
    """What came of a cell."""

    cell: Cell
    executions: int  # run; the last one failed, if there is an oracle
    oracle: str | None = None  # that was the first to report something
    headline: str | None = None
    token: str | None = None  # of the execution that failed
    error: str | None = None  # why it did not reach its first execution

    @property
    def until(self) -> float:
        """Executions until caught, or NEVER."""
        return self.executions if self.oracle else NEVER

    @property
    def is_finding(self) -> bool:
        """Whether the correct kernel failed."""
        return bool(self.oracle) and self.cell.variant == NO_VARIANT

    def line(self) -> str:
        """One line of JSON, without the newline."""
        cell = self.cell
        return jsonline.canonical(
            {
                "variant": cell.variant, "scenario": cell.scenario, "strategy": cell.way.strategy,
                "profile": cell.way.profile, "seed": cell.seed, "most": cell.executions,
                "executions": self.executions, "oracle": self.oracle, "headline": self.headline,
                "token": self.token, "error": self.error,
            }
        )  # fmt: skip


def soonest(results: Sequence[Result]) -> Result | None:
    """The first of those that took the fewest executions until caught.

    An oracle that says what is wrong goes before a guest that only stops answering.
    """
    by_worth = sorted(results, key=lambda one: (one.oracle not in ORACLES, one.until))
    return by_worth[0] if by_worth else None


@dataclass
class Matrix:
    """Which cells there are, and the results so far."""

    variants: tuple[str, ...]
    scenarios: tuple[str, ...]
    ways: tuple[Way, ...]
    executions: int  # of each cell of the map at the most
    seeds: int  # of the cell that caught a variant soonest
    most: int  # executions until a variant is to be caught, in their median
    whole: bool  # nothing was left out
    results: dict[Cell, Result] = field(default_factory=dict)

    def map(self, variant: str | None = None) -> Iterator[Cell]:
        """The cells of the map, of one variant or of all."""
        for name in (variant,) if variant else self.variants:
            for scenario in self.scenarios:
                for way in self.ways:
                    yield Cell(name, scenario, way, self.executions)

    def again(self) -> Iterator[Cell]:
        """The cells that give each variant's median."""
        for variant in self.defects:
            if best := self.best(variant):
                yield from self._seeds(best.cell)

    def _seeds(self, cell: Cell) -> Iterator[Cell]:
        # A search that may go on for longer comes later to the next input.
        most = self.executions if cell.way.full.searches else self.most
        for seed in range(2, self.seeds + 1):
            yield Cell(cell.variant, cell.scenario, cell.way, most, seed)

    @property
    def defects(self) -> list[str]:
        """The variants but for the correct kernel."""
        return [name for name in self.variants if name != NO_VARIANT]

    def of(self, variant: str | None = None) -> list[Result]:
        """What could be run of the map, of one variant or of all, in its order."""
        results = (self.results.get(cell) for cell in self.map(variant))
        return [one for one in results if one and not one.error]

    def ordered(self) -> list[Result]:
        """All results, in the order of the plan."""
        cells = [*self.map(), *self.again()]
        return [self.results[cell] for cell in cells if cell in self.results]

    def best(self, variant: str) -> Result | None:
        """Which cell caught it soonest; None if none did."""
        return soonest([one for one in self.of(variant) if one.oracle])

    def median(self, variant: str) -> float | None:
        """Executions until caught in the best cell, the median of its seeds; the higher of two.

        None if it was not caught, or while seeds are still to be run.
        """
        best = self.best(variant)
        if best is None:
            return None
        cells = list(self._seeds(best.cell))
        if not all(cell in self.results for cell in cells):
            return None
        return statistics.median_high([best.until, *(self.results[cell].until for cell in cells)])

    def spoke(self, variant: str) -> Counter[str]:
        """By oracle, in how many cells it was the first to report the variant."""
        return Counter(one.oracle for one in self.of(variant) if one.oracle)

    @property
    def errors(self) -> list[Result]:
        """The cells that could not be run, in the order of the plan."""
        return [one for one in self.ordered() if one.error]

    @property
    def broken(self) -> bool:
        """Whether it is the lab that does not work.

        A defect may well keep a scenario from its first execution, but not all of them.
        """
        tried = {one.cell.variant for one in self.results.values()}
        return any(one.cell.variant == NO_VARIANT for one in self.errors) or any(
            not self.of(variant) for variant in tried
        )

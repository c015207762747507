# SPDX-License-Identifier: GPL-2.0
"""`nslab bench --part design`: what each design costs, and what it gains.

All series of a kernel are measured in one run, a boot of one between those of the others. What is
measured is the subject's business: [benchmark.rows] of its subject.toml.
"""

from __future__ import annotations

import functools
import statistics
import textwrap
from dataclasses import dataclass, replace
from typing import Callable, Mapping, Sequence

from nslab_lab.bench.session import Bench
from nslab_lab.build.kernel import Kernel
from nslab_lab.guest import boot_errors, boots
from nslab_lab.guest.machine import Machine, ordinary
from nslab_lab.guest.results import Measured
from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import shown
from nslab_lab.host.progress import say
from nslab_lab.plans import plan, profiles, strategies, subject
from nslab_lab.report import table

ROUNDS = 9
NOTHING = 0.02  # so much more or less is no difference worth a word

# By what was measured, a figure for each round.
Figures = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Ratio:
    """How one design stands to another, by the boots of each round, which are next to each other."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def is_clear(self) -> bool:
        """Whether the rounds agree which is more, but for one in eight: a sign test at 5 percent."""
        more = sum(one > 1 for one in self.rounds)
        less = sum(one < 1 for one in self.rounds)
        return max(more, less) >= len(self.rounds) - len(self.rounds) // 8

    @property
    def matters(self) -> bool:
        """Whether it is also more than the lab's hooks, or where code happens to lie, may make."""
        return self.is_clear and abs(self.median - 1) > NOTHING


def ratio(of: Sequence[float], to: Sequence[float]) -> Ratio:
    """@of divided by @to, round by round."""
    return Ratio(tuple(one / other for one, other in zip(of, to, strict=True)))


def figures(measured: Sequence[Measured]) -> dict[str, float]:
    """What a boot measured, as the rows have it. Raises LabError(3) if it measured something else."""
    of = {one.what: one for one in measured}
    rows = subject.benchmark().rows
    if of.keys() != {row.what for row in rows}:
        raise lab_failed(f"the guest measured {', '.join(of) or 'nothing'}: remove build/scenarios")
    return {row.what: _figure(of[row.what], row.is_time) for row in rows}


def _figure(one: Measured, is_time: bool) -> float:
    """Microseconds of a call, or calls in a second."""
    return one.ns / one.calls / 1000 if is_time else one.calls / one.ns * 1e9


def compare(bench: Bench, rounds: int, designs: Mapping[str, tuple[Machine, Kernel]]) -> None:
    """What the subject's calls cost with each of the designs."""
    measured = {name: functools.partial(_costs, bench, *design) for name, design in designs.items()}
    bench.tell(*text(measure(rounds, measured)))


def _costs(bench: Bench, machine: Machine, kernel: Kernel) -> dict[str, float]:
    """The figures of one boot, by what was measured."""
    made = plan.make(
        kernel.name, kernel.id, profiles.load("none"), (bench.scenario,), variant=plan.NO_VARIANT,
        strategy=strategies.UNSTEERED, seed=1, executions=1, findings=1, inputs=(1,),
        series=kernel.series,
    )  # fmt: skip
    boot_plan = replace(made.boot(bench.scenario, 1, 1), measure=True)
    boot = boots.boot(ordinary(machine), boot_plan, bench.place(), bench.stop)
    boot_errors.check_boot(boot)
    if not boot.ended:
        raise lab_failed(f"the guest ended before all was measured; see {shown(boot.console)}")
    return figures(boot.measured)


def measure(rounds: int, boot_of: Mapping[str, Callable[[], Mapping[str, float]]]) -> dict[str, Figures]:
    """By series, the figures of all rounds. @boot_of: boots a guest and gives the figures of it."""
    found: dict[str, dict[str, list[float]]] = {
        name: {row.what: [] for row in subject.benchmark().rows} for name in boot_of
    }
    for number in range(rounds):
        say(f"designs, round {number + 1} of {rounds}")
        for name, boot in boot_of.items():
            for what, one in boot().items():
                found[name][what].append(one)
    return dict(found)


def text(found: Mapping[str, Figures]) -> list[str]:
    """The table, and what it says, in 80 columns: the first series is set against the others."""
    first, *others = found
    rounds = len(next(iter(found[first].values())))
    rows = [("", *found, *(f"{first}/{other}" for other in others))]
    for row in subject.benchmark().rows:
        medians = [f"{statistics.median(figures[row.what]):,.0f}" for figures in found.values()]
        ratios = [_times(ratio(found[first][row.what], found[other][row.what])) for other in others]
        rows.append((row.about, *medians, *ratios))
    heading, rule, *lines = table.lines(rows, left=1)
    said = [sentence for other in others for sentence in _conclusions(found, first, other)]
    about = (
        f"Medians of {rounds} rounds; ~: they do not agree on which is more. An ordinary "
        "grace period goes by the ticks of the clock. There is one CPU, so no task ever waits for a "
        "lock that somebody else holds: readers pay for taking it, not for contention. KASAN and "
        "lockdep are on in all of them and make each of these calls slower."
    )
    return [
        "what the designs cost", "", heading, rule, *lines, "",
        *textwrap.wrap(about, table.WIDTH), "", *textwrap.wrap(" ".join(said), table.WIDTH), "",
    ]  # fmt: skip


def _times(one: Ratio) -> str:
    """ "1,250", "3.4", "~1.02"."""
    return _number(one) if one.is_clear else f"~{_number(one)}"


def _number(one: Ratio) -> str:
    return f"{one.median:,.0f}" if one.median >= 100 else f"{one.median:.3g}"


def _conclusions(found: Mapping[str, Figures], first: str, other: str) -> list[str]:
    """In words, from the figures that the subject has a word for."""
    said = []
    for row in subject.benchmark().rows:
        of, to = found[first][row.what], found[other][row.what]
        if row.called and row.is_time:
            more = statistics.median(of) - statistics.median(to)
            said.append(
                f"{row.called} takes {_compared(ratio(of, to), 'as long')}: {abs(more):,.0f} us "
                f"{'more' if more >= 0 else 'less'}."
            )
        elif row.called:
            fast = _compared(ratio(of, to), "as fast")
            said.insert(0, f"{row.called} with {first} are {fast} as with {other}.")
    return said


def _compared(one: Ratio, what: str) -> str:
    """ "1.05 times as fast"; what is no difference is not called one."""
    if not one.matters:
        return f"{what} ({_number(one)} times; from {min(one.rounds):.2f} to {max(one.rounds):.2f})"
    return f"{_number(one)} times {what}"

# SPDX-License-Identifier: GPL-2.0
"""`nslab bench --part design`: what each design of the nsproxy rules costs, and what it gains.

All series of a kernel are measured in one run, a boot of one between those of the others. The
figures are those of the two commits: cf7b708c8d (2007) wanted cheaper reads of another task's
namespaces, 728dba3a39 (2014) cheaper setns(). scenarios/nsproxy/lib/measure.c makes the calls.
"""

from __future__ import annotations

import statistics
import textwrap
from dataclasses import dataclass
from typing import Callable, Mapping, Sequence

from nslab_lab.guest.results import Measured
from nslab_lab.host.errors import lab_failed
from nslab_lab.host.progress import say
from nslab_lab.report import table

ROUNDS = 9
NOTHING = 0.02  # so much more or less is no difference worth a word

# What is measured: the guest's name for it, the row's, and whether a single call's time counts
# (microseconds, less is better) or calls in a second.
ROWS = (
    ("unshare", "unshare(CLONE_NEWUTS), us", True),
    ("unshare, expedited", "  with expedited grace periods, us", True),
    ("setns", "setns() to a UTS namespace, us", True),
    ("setns, expedited", "  with expedited grace periods, us", True),
    ("reads", "readlink /proc/PID/ns/uts, per s", False),
    ("reads of a switcher", "  while PID calls unshare(), per s", False),
    ("its unshare", "  and as often it did so, per s", False),
)

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
    if of.keys() != {what for what, *_ in ROWS}:
        raise lab_failed(f"the guest measured {', '.join(of) or 'nothing'}: remove build/scenarios")
    return {what: _figure(of[what], is_time) for what, _, is_time in ROWS}


def _figure(one: Measured, is_time: bool) -> float:
    """Microseconds of a call, or calls in a second."""
    return one.ns / one.calls / 1000 if is_time else one.calls / one.ns * 1e9


def measure(rounds: int, boots: Mapping[str, Callable[[], Mapping[str, float]]]) -> dict[str, Figures]:
    """By series, the figures of all rounds. @boots: boots a guest and gives the figures of it."""
    found: dict[str, dict[str, list[float]]] = {
        name: {what: [] for what, *_ in ROWS} for name in boots
    }
    for number in range(rounds):
        say(f"designs, round {number + 1} of {rounds}")
        for name, boot in boots.items():
            for what, one in boot().items():
                found[name][what].append(one)
    return dict(found)


def text(found: Mapping[str, Figures]) -> list[str]:
    """The table, and what it says, in 80 columns: the first series is set against the others."""
    first, *others = found
    rounds = len(found[first]["setns"])
    rows = [("", *found, *(f"{first}/{other}" for other in others))]
    for what, name, _ in ROWS:
        medians = [f"{statistics.median(figures[what]):,.0f}" for figures in found.values()]
        ratios = [_times(ratio(found[first][what], found[other][what])) for other in others]
        rows.append((name, *medians, *ratios))
    heading, rule, *lines = table.lines(rows, left=1)
    said = [sentence for other in others for sentence in _conclusions(found, first, other)]
    about = (
        f"Medians of {rounds} rounds; ~: they do not agree on which is more. An ordinary "
        "grace period goes by the ticks of the clock. There is one CPU, so nobody ever waits for a "
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
    """In words, from the figures: reads, which were to become cheaper; setns(), which was too slow."""
    reads = ratio(found[first]["reads"], found[other]["reads"])
    setns = ratio(found[first]["setns"], found[other]["setns"])
    more = statistics.median(found[first]["setns"]) - statistics.median(found[other]["setns"])
    return [
        f"Reads with {first} are {_compared(reads, 'as fast')} as with {other}.",
        f"setns() takes {_compared(setns, 'as long')}: {abs(more):,.0f} us "
        f"{'more' if more >= 0 else 'less'}.",
    ]


def _compared(one: Ratio, what: str) -> str:
    """ "1.05 times as fast"; what is no difference is not called one."""
    if not one.matters:
        return f"{what} ({_number(one)} times; from {min(one.rounds):.2f} to {max(one.rounds):.2f})"
    return f"{_number(one)} times {what}"

# SPDX-License-Identifier: GPL-2.0
"""Strategies with their parameters, as tokens name them.

    none, random, pos
    unsteered            the baseline of `nslab bench`
    pct-DEPTH-LENGTH     depth of the bug; steps of an execution
    bounded-PREEMPTIONS  every schedule with up to so many
    replay-SCHEDULE      "a12bb3a-a7", see scenarios/lib/protocol/schedule.c
    replayall-SCHEDULE   with points numbered that touch no shared word, too
    replayreuse-SCHEDULE, replayallreuse-SCHEDULE   freed memory is used again at once
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nslab_lab.host.errors import bad_input

NONE = "none"
UNSTEERED = "unsteered"
QUIET = "0"  # the schedule without a switch
DEFAULT_DEPTH = 3
MAX_DEPTH = 16
DEFAULT_PREEMPTIONS = 2
MAX_PREEMPTIONS = 8

# No execution has as many points, nor allocations, as nine digits say.
_SWITCH = r"(?:[a-h]|z)\d{1,9}[a-h]"
_FAILURE = r"[a-h]\d{1,9}"
SCHEDULE = re.compile(
    rf"(?P<switches>0|(?:{_SWITCH})+)(?:-(?P<failures>(?:{_FAILURE})+))?", re.ASCII
)
_TEXT = re.compile(
    r"(?P<name>none|unsteered|random|pos)|pct-(?P<depth>\d{1,2})-(?P<length>\d{1,6})"
    r"|bounded-(?P<preemptions>\d)|replay(?P<all>all)?(?P<reuse>reuse)?-(?P<schedule>[a-hz0-9-]+)",
    re.ASCII,
)


@dataclass(frozen=True, order=True)
class Switch:
    """One decision that is not made by default: at point @local of actor @at, @next runs."""

    at: str  # a letter; z: the start
    local: int
    next: str

    def __str__(self) -> str:
        return f"{self.at}{self.local}{self.next}"


@dataclass(frozen=True)
class Schedule:
    """Who is to run where, and which allocations are to fail."""

    switches: tuple[Switch, ...] = ()
    failures: tuple[str, ...] = ()  # "a7"

    def __str__(self) -> str:
        switches = "".join(map(str, self.switches)) or "0"
        return f"{switches}-{''.join(self.failures)}" if self.failures else switches


def parse_schedule(text: str) -> Schedule:
    """The schedule @text stands for. Raises LabError(2)."""
    found = SCHEDULE.fullmatch(text)
    if not found:
        raise bad_input(f"'{text[:60]}' is no schedule: it reads like a12bb3a, or a12bb3a-a7")
    switches = [] if found["switches"] == "0" else re.findall(_SWITCH, found["switches"])
    failures = re.findall(_FAILURE, found["failures"] or "")
    return Schedule(tuple(Switch(one[0], int(one[1:-1]), one[-1]) for one in switches), tuple(failures))


@dataclass(frozen=True)
class Strategy:
    """How the next actor is chosen."""

    name: str
    depth: int = 0  # pct
    length: int = 0  # pct; steps
    preemptions: int = 0  # bounded
    schedule: str = ""  # replay
    all_points: bool = False  # replay; of any other strategy the profile says it
    reuse: bool = False  # replay; likewise

    def __str__(self) -> str:
        match self.name:
            case "pct":
                return f"pct-{self.depth}-{self.length}"
            case "bounded":
                return f"bounded-{self.preemptions}"
            case "replay":
                return f"replay{'all' * self.all_points}{'reuse' * self.reuse}-{self.schedule}"
        return self.name

    @property
    def steers(self) -> bool:
        """Whether it decides at every scheduling point."""
        return self.name not in (NONE, UNSTEERED)

    @property
    def searches(self) -> bool:
        """Whether one input takes many executions, each told by its schedule."""
        return self.name in ("bounded", "replay")


def parse(text: str) -> Strategy:
    """The strategy @text stands for. Raises LabError(2)."""
    found = _TEXT.fullmatch(text)
    if not found:
        raise bad_input(f"'{text[:60]}' is no strategy as a token names it, such as pct-3-400")
    if found["name"]:
        return Strategy(found["name"])
    if found["depth"]:
        return Strategy("pct", depth=int(found["depth"]), length=int(found["length"]))
    if found["preemptions"]:
        return Strategy("bounded", preemptions=int(found["preemptions"]))
    parse_schedule(found["schedule"])
    return Strategy(
        "replay", schedule=found["schedule"], all_points=bool(found["all"]), reuse=bool(found["reuse"])
    )

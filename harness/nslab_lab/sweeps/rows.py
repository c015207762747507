# SPDX-License-Identifier: GPL-2.0
"""What the results file holds, as the rest of the lab sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple

RUNNING, DONE, LEFT = "running", "done", "left"  # states of a sweep


@dataclass(frozen=True)
class CellRow:
    """A cell as the file has it."""

    cell: int
    scenario: str
    strategy: str
    profile: str
    digest: str
    variant: str
    kernel: str
    kernel_id: str
    seed: int


@dataclass(frozen=True)
class SweepRow:
    """A sweep as the file has it."""

    sweep: int
    id: str
    name: str
    seeds: str
    about: str
    executions: int | None
    budget: float | None
    batch: int
    search: int
    ahead: int
    state: str
    started: str
    seconds: float


@dataclass(frozen=True)
class BatchRow:
    """A batch; executions is None while it is not through."""

    n: int
    cell: int
    number: int
    planned: int
    executions: int | None
    failed: int | None
    error: int | None


class Key(NamedTuple):
    """What tells failures apart: why, and how it showed. Both with the variant before them, if it is one."""

    cause: str  # see guest/cause.py
    signature: str


@dataclass(frozen=True)
class Found:
    """An execution that failed."""

    execution: int
    cause: str
    signature: str
    oracle: str
    headline: str
    token: str
    hash: str | None
    reproduced: str
    console: str

    @property
    def key(self) -> Key:
        return Key(self.cause, self.signature)


@dataclass(frozen=True)
class Outcome:
    """What came of a batch."""

    executions: int
    points: int  # hit, all executions together
    faults: int
    seconds: float  # host time its guests ran
    traces: tuple[int, ...] = ()  # hashes of sketch.py
    reached: Mapping[str, int] | None = None  # executions by named point
    readers: Mapping[str, int] | None = None
    found: tuple[Found, ...] = ()
    words: str | None = None  # what the actors share: JSON, see races.packed()
    error: str | None = None  # it could not be run


@dataclass(frozen=True)
class Smaller:
    """What came of making a finding smaller."""

    minimal: bool
    token: str
    headline: str
    preemptions: int | None
    picture: str  # SVG
    interleaving: str
    report: str

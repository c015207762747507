# SPDX-License-Identifier: GPL-2.0
"""Which cell a sweep runs next.

    The cell with the fewest executions; of several the one that found something last; of
    those the first in the description.

Executions are counted as planned: a batch that a finding cut short counts in full, or a cell that
always fails would have all the time. A cell that is finished, or could not be run, is left
out.

So that the choice is the same with any number of guests, and after a crash, batch n knows what came
of batches 1 to n - AHEAD, and no more: it is chosen when those are in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

NEVER = 0  # batches are counted from 1


@dataclass(frozen=True)
class Limits:
    """What the rule has to know of a cell."""

    planned: int  # executions a batch
    batches: int | None = None  # there are no more of them; None: as many as wanted


@dataclass(frozen=True)
class Choice:
    """One batch."""

    n: int  # in the sweep, from 1
    cell: int  # from 0
    number: int  # in the cell, from 0
    planned: int  # executions


@dataclass(frozen=True)
class Outcome:
    """What the rule wants to know of a batch that was run."""

    found: bool
    error: bool = False


class Chooser:
    """Chooses batch after batch."""

    def __init__(self, cells: Sequence[Limits], ahead: int) -> None:
        self._cells = cells
        self._ahead = ahead
        self._planned = [0] * len(cells)
        self._batches = [0] * len(cells)
        self._found = [NEVER] * len(cells)  # the last batch that found something
        self._open = [True] * len(cells)
        self._chosen: dict[int, int] = {}  # cells of batches of which nothing is known
        self._outcomes: dict[int, Outcome] = {}  # not yet to be known
        self._known = 0  # this batch and those before it are taken into account
        self._whole = 0  # this batch and those before it are in
        self.n = 0  # chosen so far
        self.planned = 0  # executions chosen so far

    def again(self, choice: Choice) -> None:
        """What was chosen before a crash, in order."""
        self._take(choice)

    def outcome(self, n: int, outcome: Outcome) -> None:
        """What came of batch @n; in any order."""
        self._outcomes[n] = outcome
        while self._whole + 1 in self._outcomes:
            self._whole += 1

    @property
    def whole(self) -> int:
        """This batch, and every one before it, has an outcome."""
        return self._whole

    @property
    def ready(self) -> bool:
        """Whether enough is known to choose the next one."""
        return self.n + 1 - self._ahead <= self._whole

    @property
    def untouched(self) -> int:
        """Cells that are open and had no batch yet."""
        return sum(is_open and not batches for is_open, batches in zip(self._open, self._batches))

    def next(self) -> Choice | None:
        """The next batch; None where every cell is at its end. To be asked when it is ready."""
        n = self.n + 1
        self._learn(n - self._ahead)
        able = [cell for cell in range(len(self._cells)) if self._is_open(cell)]
        if not able:
            return None
        cell = min(able, key=lambda one: (self._planned[one], -self._found[one], one))
        choice = Choice(n, cell, self._batches[cell], self._cells[cell].planned)
        self._take(choice)
        return choice

    def _take(self, choice: Choice) -> None:
        assert choice.n == self.n + 1
        self.n = choice.n
        self.planned += choice.planned
        self._planned[choice.cell] += choice.planned
        self._batches[choice.cell] += 1
        self._chosen[choice.n] = choice.cell

    def _learn(self, last: int) -> None:
        """Take the outcomes into account, up to that of batch @last."""
        while self._known < last:
            self._known += 1
            outcome, cell = self._outcomes.pop(self._known), self._chosen.pop(self._known)
            if outcome.found:
                self._found[cell] = self._known
            if outcome.error:
                self._open[cell] = False

    def _is_open(self, cell: int) -> bool:
        most = self._cells[cell].batches
        return self._open[cell] and (most is None or self._batches[cell] < most)

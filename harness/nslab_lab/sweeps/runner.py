# SPDX-License-Identifier: GPL-2.0
"""One sweep from its beginning, or from where it was left, to its end.

Batches are chosen by rule.py, run by an executor, and committed as they come in. A finding is made
smaller once every batch before it is in: then it is known which of its cause and signature is the first.
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Callable, Sequence

from nslab_lab.guest.boots import Stop
from nslab_lab.search.pool import Either
from nslab_lab.sweeps import rule, work
from nslab_lab.sweeps.rows import DONE, CellRow, Key, Outcome, Smaller, SweepRow
from nslab_lab.sweeps.rule import Choice, Chooser
from nslab_lab.sweeps.sketch import Sketch
from nslab_lab.sweeps.store import Store
from nslab_lab.sweeps.view import State, View

# How often a wish to stop is looked for, host seconds.
_POLL_S = 0.2

TaskOf = Callable[[CellRow, int], work.Task]


@dataclass(frozen=True)
class _Batch:
    choice: Choice


@dataclass(frozen=True)
class _Small:
    key: Key


class Runner:
    """Runs the sweep @row of @store.

    @limits: by cell, for the rule. @task_of: the task of a cell's batch. @new_finding: is called
    once no more is made of a finding.
    """

    def __init__(
        self, store: Store, row: SweepRow, limits: Sequence[rule.Limits], task_of: TaskOf,
        stop: Stop, view: View, new_finding: Callable[[Key], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._row = row
        self._task_of = task_of
        self._stop = Either(stop)
        self._view = view
        self._new_finding = new_finding
        self._cells = store.cells(row.sweep)
        self._chooser = Chooser(limits, row.ahead)
        self._sketches = store.sketches(row.sweep)
        self._again: list[Choice] = []  # begun before, and not through
        self._executions = 0
        self._running: dict[Future[Any], _Batch | _Small] = {}
        for batch in store.batches(row.sweep):
            choice = Choice(batch.n, batch.cell, batch.number, batch.planned)
            self._chooser.again(choice)
            if batch.executions is None:
                self._again.append(choice)
            else:
                self._executions += batch.executions
                self._outcome(batch.n, bool(batch.failed), bool(batch.error))
        # Still to be made smaller, with batch, token, and how they came again.
        self._pending = {Key(*one[:2]): one[2:] for one in store.pending(row.sweep)}
        self._found = {Key(*one) for one in store.rows(
            "SELECT cause, signature FROM findings WHERE sweep = ?", row.sweep
        )}  # fmt: skip
        self._start = time.monotonic()
        self._at_end = False

    @property
    def spent(self) -> float:
        """Seconds of the sweep so far."""
        return self._row.seconds + time.monotonic() - self._start

    def run(self, executor: Executor, jobs: int) -> bool:
        """Run it with @jobs guests at a time. Returns whether it is finished.

        Raises what went wrong, once every guest has ended.
        """
        try:
            while True:
                self._fill(executor, jobs)
                if not self._running:
                    break
                done = wait(self._running, _POLL_S, FIRST_COMPLETED).done
                for future in done:
                    self._take(self._running.pop(future), future)
                self._view.update(self._state())
        finally:
            self._stop.set()
            wait(self._running)
        if self._at_end and not self._again and not self._pending:
            self._moment()
            self._store.end(self._row.sweep, DONE, self.spent)
            return True
        return False

    # === Handing out ===

    def _fill(self, executor: Executor, jobs: int) -> None:
        while len(self._running) < jobs and not self._stop.is_set():
            if key := self._next_pending():
                n, finding, reproduced = self._pending[key]
                cell, number = self._cell_of(n)
                future = executor.submit(
                    work.make_smaller, self._task_of(cell, number), finding, reproduced, self._stop
                )
                self._running[future] = _Small(key)
            elif choice := self._next_choice():
                task = self._task_of(self._cells[choice.cell], choice.number)
                self._running[executor.submit(work.run_batch, task, self._stop)] = _Batch(choice)
            else:
                return

    def _next_pending(self) -> Key | None:
        """A finding whose first batch can be no other one any more."""
        busy = {one.key for one in self._running.values() if isinstance(one, _Small)}
        able = [
            (n, key)
            for key, (n, *_) in self._pending.items()
            if n <= self._chooser.whole and key not in busy
        ]
        return min(able)[1] if able else None

    def _next_choice(self) -> Choice | None:
        if self._again:
            return self._again.pop(0)
        if self._at_end or not self._chooser.ready:
            return None
        over = bool(self._row.executions and self._chooser.planned >= self._row.executions)
        over = over or bool(self._row.budget and self.spent >= self._row.budget)
        choice = None if over else self._chooser.next()
        if choice is None:
            self._at_end = True
            return None
        one = (choice.n, choice.cell, choice.number, choice.planned)
        self._store.chosen(self._row.sweep, [one])
        return choice

    def _cell_of(self, n: int) -> tuple[CellRow, int]:
        ((cell, number),) = self._store.rows(
            "SELECT cell, number FROM batches WHERE sweep = ? AND n = ?", self._row.sweep, n
        )
        return self._cells[cell], number

    # === Taking in ===

    def _take(self, what: _Batch | _Small, future: Future[Any]) -> None:
        result = future.result()
        if isinstance(what, _Small):
            if not self._stop.is_set():
                self._smaller(what.key, result)
        elif result is not None:
            self._commit(what.choice, result)

    def _commit(self, choice: Choice, outcome: Outcome) -> None:
        cell = self._cells[choice.cell]
        known = self._sketches.setdefault(cell.scenario, Sketch())
        known.add(outcome.traces)
        self._store.commit(self._row.sweep, cell, choice.n, outcome, known, self.spent)
        self._executions += outcome.executions
        for one in outcome.found:
            before = self._pending.get(one.key)
            if one.key not in self._found or (before and choice.n < before[0]):
                self._found.add(one.key)
                self._pending[one.key] = (choice.n, one.token, one.reproduced)
        self._outcome(choice.n, bool(outcome.found), outcome.error is not None)
        self._moment()

    def _outcome(self, n: int, found: bool, error: bool) -> None:
        self._chooser.outcome(n, rule.Outcome(found, error))

    def _smaller(self, key: Key, small: Smaller | None) -> None:
        self._store.smaller(self._row.sweep, key, small, self.spent)
        del self._pending[key]
        self._new_finding(key)

    # === Telling ===

    def _moment(self) -> None:
        traces = sum(one.count for one in self._sketches.values())
        self._store.moment(self._row.sweep, self.spent, traces)

    def _state(self) -> State:
        row, parts = self._row, [0.0]
        if row.budget:
            parts.append(self.spent / row.budget)
        if row.executions:
            parts.append(self._chooser.planned / row.executions)
        causes = {one.cause for one in self._found}
        return State(
            self._executions, len(causes), self._chooser.untouched, max(parts), self.spent
        )

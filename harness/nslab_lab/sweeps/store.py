# SPDX-License-Identifier: GPL-2.0
"""The results file: one SQLite database for all sweeps.

Each batch that is through is one transaction, on the disk before the next one is begun; a batch
has one row, so nothing can be counted twice. Only one sweep writes at a time: see one_writer.py.
"""

from __future__ import annotations

import zlib
from dataclasses import astuple, fields, replace
from typing import Any, Mapping, Sequence

from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import BUILD, shown
from nslab_lab.sweeps.database import Database, guarded
from nslab_lab.sweeps.rows import BatchRow, CellRow, Found, Key, Outcome, Smaller, SweepRow
from nslab_lab.sweeps.sketch import Sketch

SWEEPS = BUILD / "sweeps"
DEFAULT = SWEEPS / "results.sqlite"
# How finely the course of a sweep is kept: a minute of it; of a short one, a second.
_SLOT_S = 60
_SHORT_S = 900


class Store(Database):
    """The sweeps of a results file, with their cells, batches and findings."""

    # === Reading ===

    @guarded
    def sweeps(self) -> list[SweepRow]:
        """All sweeps, the oldest first."""
        return [
            SweepRow(*row)
            for row in self.rows(f"SELECT {_of(SweepRow)} FROM sweeps ORDER BY sweep")
        ]

    @guarded
    def cells(self, sweep: int) -> list[CellRow]:
        """The cells of a sweep, in order."""
        query = f"SELECT {_of(CellRow)} FROM cells WHERE sweep = ? ORDER BY cell"
        return [CellRow(*row) for row in self.rows(query, sweep)]

    @guarded
    def batches(self, sweep: int) -> list[BatchRow]:
        """The batches of a sweep, in order."""
        query = f"SELECT {_of(BatchRow)} FROM batches WHERE sweep = ? ORDER BY n"
        return [BatchRow(*row) for row in self.rows(query, sweep)]

    @guarded
    def sketches(self, sweep: int) -> dict[str, Sketch]:
        """By scenario."""
        rows = self.rows("SELECT scenario, lowest FROM sketches WHERE sweep = ?", sweep)
        return {name: Sketch.unpack(data) for name, data in rows}

    @guarded
    def pending(self, sweep: int) -> list[tuple[Any, ...]]:
        """Findings still to be made smaller: cause, signature, batch, token, how it came again."""
        return self.rows(
            "SELECT cause, signature, n, token, reproduced FROM findings "
            "WHERE sweep = ? AND NOT through ORDER BY n", sweep,
        )  # fmt: skip

    # === Writing ===

    @guarded
    def begin(self, row: SweepRow, cells: Sequence[CellRow]) -> SweepRow:
        """A new sweep; @row.sweep is set, and @row.id made of its name."""
        with self.transaction():
            number = 1 + max(
                (int(id.rpartition("-")[2]) for (id,) in self._db.execute(
                    "SELECT id FROM sweeps WHERE name = ?", (row.name,)
                )), default=0,
            )  # fmt: skip
            sweep = 1 + (self._one("SELECT max(sweep) FROM sweeps") or 0)
            id = f"{row.name}-{number}"
            row = replace(row, sweep=sweep, id=id, seeds=row.seeds or id)
            self._insert("sweeps", _of(SweepRow), [astuple(row)])
            self._insert(
                "cells", f"sweep, {_of(CellRow)}", [(sweep, *astuple(cell)) for cell in cells]
            )
        return row

    @guarded
    def keep_kernel(self, id: str, name: str, config: str, versions: str, patches: str) -> None:
        """A kernel that findings may come from; @patches: the user's, with blanks between."""
        values = (id, name, zlib.compress(config.encode()), versions, patches)
        self._db.execute("INSERT OR REPLACE INTO kernels VALUES (?, ?, ?, ?, ?)", values)

    @guarded
    def chosen(self, sweep: int, batches: Sequence[tuple[int, int, int, int]]) -> None:
        """Batches that begin: n, cell, number in the cell, planned executions."""
        with self.transaction():
            self._insert(
                "batches", "sweep, n, cell, number, planned", [(sweep, *one) for one in batches]
            )

    @guarded
    def commit(
        self, sweep: int, cell: CellRow, n: int, outcome: Outcome, sketch: Sketch, spent: float
    ) -> None:
        """A batch that is through; @spent: seconds of the sweep so far."""
        with self.transaction():
            done = self._db.execute(
                "UPDATE batches SET executions = ?, failed = ?, error = ? "
                "WHERE sweep = ? AND n = ? AND executions IS NULL",
                (outcome.executions, len(outcome.found), outcome.error is not None, sweep, n),
            )  # fmt: skip
            if done.rowcount != 1:
                raise lab_failed(f"{shown(self.path)}: batch {n} of sweep {sweep} is there already")
            self._db.execute(
                "UPDATE cells SET batches = batches + 1, executions = executions + ?, "
                "points = points + ?, faults = faults + ?, failures = failures + ?, "
                "seconds = seconds + ?, error = coalesce(error, ?) WHERE sweep = ? AND cell = ?",
                (
                    outcome.executions, outcome.points, outcome.faults, len(outcome.found),
                    outcome.seconds, outcome.error, sweep, cell.cell,
                ),
            )  # fmt: skip
            for one in outcome.found:
                self._add_failure(sweep, n, cell, one)
            self._add_coverage(sweep, "point", outcome.reached or {})
            self._add_coverage(sweep, "reader", outcome.readers or {})
            if outcome.words:
                # Of the lowest cell, in whatever order they end.
                self._db.execute(
                    "INSERT INTO words VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                    "cell = excluded.cell, words = excluded.words WHERE excluded.cell < cell",
                    (
                        sweep, cell.scenario, cell.kernel_id, cell.cell,
                        zlib.compress(outcome.words.encode()),
                    ),
                )  # fmt: skip
            self._db.execute(
                "INSERT INTO sketches VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET lowest = excluded.lowest",
                (sweep, cell.scenario, sketch.pack()),
            )  # fmt: skip
            self._spend(sweep, spent)

    def _add_failure(self, sweep: int, n: int, cell: CellRow, one: Found) -> None:
        self._insert(
            "failures", "sweep, n, execution, cell, cause, signature, token, hash, reproduced",
            [(
                sweep, n, one.execution, cell.cell, *one.key, one.token, one.hash, one.reproduced,
            )],
        )  # fmt: skip
        # The batch with the lowest number stands for all of its cause and signature, in whatever order they end.
        self._db.execute(
            "INSERT INTO findings "
            "(sweep, cause, signature, n, oracle, headline, token, reproduced, console) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = excluded.n, "
            "oracle = excluded.oracle, headline = excluded.headline, token = excluded.token, "
            "reproduced = excluded.reproduced, console = excluded.console WHERE excluded.n < n",
            (
                sweep, *one.key, n, one.oracle, one.headline, one.token, one.reproduced,
                zlib.compress(one.console.encode()),
            ),
        )  # fmt: skip

    def _add_coverage(self, sweep: int, kind: str, executions: Mapping[str, int]) -> None:
        self._db.executemany(
            "INSERT INTO coverage VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET executions = executions + excluded.executions",
            [(sweep, kind, name, count) for name, count in executions.items()],
        )  # fmt: skip

    def _spend(self, sweep: int, spent: float) -> None:
        self._db.execute(
            "UPDATE sweeps SET seconds = max(seconds, ?) WHERE sweep = ?", (spent, sweep)
        )

    @guarded
    def moment(self, sweep: int, spent: float, traces: int) -> None:
        """How far the sweep has come; the last in a slot of time is the one that stays."""
        slot = int(spent) if spent < _SHORT_S else _SHORT_S + int(spent / _SLOT_S)
        self._db.execute(
            "INSERT INTO moments VALUES (?1, ?2, ?3, "
            "(SELECT coalesce(sum(executions), 0) FROM cells WHERE sweep = ?1), "
            "(SELECT count(DISTINCT cause) FROM findings WHERE sweep = ?1), ?4, "
            "(SELECT count(*) FROM coverage WHERE sweep = ?1 AND kind = 'point' AND executions), "
            "(SELECT count(*) FROM coverage WHERE sweep = ?1 AND kind = 'reader' AND executions)) "
            "ON CONFLICT DO UPDATE SET seconds = excluded.seconds, executions = excluded.executions, "
            "findings = excluded.findings, traces = excluded.traces, points = excluded.points, "
            "readers = excluded.readers",
            (sweep, slot, spent, traces),
        )  # fmt: skip

    @guarded
    def smaller(self, sweep: int, key: Key, small: Smaller | None, spent: float) -> None:
        """A finding that was made smaller, or could not be: None."""
        with self.transaction():
            if small:
                self._db.execute(
                    "UPDATE findings SET minimal = ?, small = ?, headline = ?, preemptions = ?, "
                    "picture = ?, interleaving = ?, report = ? "
                    "WHERE sweep = ? AND cause = ? AND signature = ?",
                    (
                        small.minimal, small.token, small.headline, small.preemptions,
                        zlib.compress(small.picture.encode()), small.interleaving, small.report,
                        sweep, *key,
                    ),
                )  # fmt: skip
            self._db.execute(
                "UPDATE findings SET through = 1 WHERE sweep = ? AND cause = ? AND signature = ?",
                (sweep, *key),
            )
            self._spend(sweep, spent)

    @guarded
    def told(self, sweep: int, cause: str) -> None:
        """The user's command has been told of what is through of a cause."""
        self._db.execute(
            "UPDATE findings SET told = 1 WHERE sweep = ? AND cause = ? AND through", (sweep, cause)
        )

    @guarded
    def end(self, sweep: int, state: str, spent: float) -> None:
        """The sweep is through, or cannot go on."""
        with self.transaction():
            self._db.execute("UPDATE sweeps SET state = ? WHERE sweep = ?", (state, sweep))
            self._spend(sweep, spent)


def _of(row: type) -> str:
    """The columns of a row's class."""
    return ", ".join(one.name for one in fields(row))

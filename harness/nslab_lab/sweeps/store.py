# SPDX-License-Identifier: GPL-2.0
"""The results file: one SQLite database for all sweeps.

Each batch that is through is one transaction, on the disk before the next one is begun; a batch
has one row, so nothing can be counted twice. Only one sweep writes at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import sqlite3
import zlib
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import Any, Callable, Concatenate, Iterator, Mapping, ParamSpec, Sequence, TypeVar

import filelock

from nslab_lab.host.errors import LabError, bad_input, lab_failed
from nslab_lab.host.paths import BUILD, shown
from nslab_lab.sweeps import schema
from nslab_lab.sweeps.rows import BatchRow, CellRow, Found, Key, Outcome, Smaller, SweepRow
from nslab_lab.sweeps.sketch import Sketch

SWEEPS = BUILD / "sweeps"
DEFAULT = SWEEPS / "results.sqlite"
# A process that was killed a moment ago may still hold its lock, host seconds.
_LOCK_S = 2.0
# How finely the course of a sweep is kept: a minute of it; of a short one, a second.
_SLOT_S = 60
_SHORT_S = 900


_P = ParamSpec("_P")
_T = TypeVar("_T")


def guarded(method: Callable[Concatenate[Store, _P], _T]) -> Callable[Concatenate[Store, _P], _T]:
    """SQLite's errors as one line that says what to do. For methods of Store."""

    @functools.wraps(method)
    def wrapped(self: Store, /, *args: _P.args, **more: _P.kwargs) -> _T:
        try:
            return method(self, *args, **more)
        except sqlite3.Error as error:
            raise explained(self.path, error) from None

    return wrapped


def explained(path: Path, error: sqlite3.Error) -> LabError:
    """What SQLite says about the file at @path, for people."""
    text, name = str(error), shown(path)
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith("SQLITE_FULL"):
        return lab_failed(
            f"{name}: no space left; what was committed is safe: free some and go on with RESUME=1"
        )
    if code.startswith("SQLITE_NOTADB"):
        return bad_input(f"{name} is no results file of nslab's: give another one, DB=FILE")
    if code.startswith("SQLITE_CORRUPT"):
        return lab_failed(
            f"{name} is damaged ({text}): move it away to begin a new one, or try "
            f"sqlite3 {name} .recover"
        )
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return lab_failed(f"{name} cannot be written: make its folder writable, or give DB=FILE")
    if code.startswith("SQLITE_IOERR"):
        return lab_failed(
            f"{name}: the disk fails ({code}), or is full; what was committed is safe: "
            "go on with RESUME=1"
        )
    return lab_failed(f"{name}: {text}")


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the only sweep that writes to the file at @path. Raises LabError(2) if another one does."""
    if path.is_dir():
        raise bad_input(f"{shown(path)} is a folder: give a file, DB=FILE")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(_lock_of(path))
        lock.acquire(timeout=_LOCK_S)
    except filelock.Timeout:
        raise bad_input(
            f"another sweep is writing to {shown(path)}: wait for its end, or give DB=FILE"
        ) from None
    except OSError as error:
        raise lab_failed(
            f"{shown(path)} cannot be written ({error.strerror}): make its folder writable, "
            "or give DB=FILE"
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_written(path: Path) -> bool:
    """Whether a sweep is writing to the file at @path now. A sweep that was killed is not."""
    try:
        # Without making the file, and without waiting.
        with _lock_of(path).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


class Store:
    """An open results file. Raises LabError where it is of something else, newer, or damaged."""

    def __init__(self, path: Path, writable: bool = True) -> None:
        self.path = path
        if path.is_dir():
            raise bad_input(f"{shown(path)} is a folder: give a file, DB=FILE")
        if not writable and not path.is_file():
            raise bad_input(f"there is no results file {shown(path)}: make sweep makes one")
        try:
            # Immutable would be wrong: a sweep may be writing.
            self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._open(writable)
        except sqlite3.Error as error:
            raise explained(path, error) from None

    def _open(self, writable: bool) -> None:
        db = self._db
        db.execute("PRAGMA foreign_keys = ON")
        version = self._one("PRAGMA user_version")
        identity = self._one("PRAGMA application_id")
        is_empty = not self._one("SELECT count(*) FROM sqlite_schema")
        if not is_empty and identity != schema.APPLICATION_ID:
            raise bad_input(
                f"{shown(self.path)} is a database of something else: give another file, DB=FILE"
            )
        newest = len(schema.MIGRATIONS)
        if version > newest:
            raise bad_input(
                f"{shown(self.path)} was written by a newer nslab (schema {version}, this one knows "
                f"{newest}): update this one, or give DB=FILE"
            )
        if not writable:
            if is_empty:
                raise bad_input(f"there is no sweep in {shown(self.path)}: make sweep makes one")
            if version < newest:
                self._migrate(version)
            return
        # Damage is to be seen before a night is spent.
        if not is_empty and (problem := self._one("PRAGMA quick_check(1)")) != "ok":
            raise sqlite3_corrupt(self.path, problem)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # a commit outlives a power failure
        if version < newest or is_empty:
            self._migrate(version)

    def _migrate(self, version: int) -> None:
        """All steps or none of them."""
        for name, (arguments, function) in schema.FUNCTIONS.items():
            self._db.create_function(name, arguments, function, deterministic=True)
        with self.transaction():
            for number, script in enumerate(schema.MIGRATIONS[version:], version + 1):
                for statement in _statements(script):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {number}")
            self._db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")

    def close(self) -> None:
        """No more use of it."""
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that the body does, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # After a full disk SQLite may have rolled back by itself.
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # === Reading ===

    def _one(self, query: str, *values: object) -> Any:
        row = self._db.execute(query, values).fetchone()
        return row[0] if row else None

    @guarded
    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return self._db.execute(query, values).fetchall()

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

    @guarded
    def execute(self, statement: str, *values: object) -> int:
        """One statement more; the rows it changed."""
        return self._db.execute(statement, values).rowcount

    def _insert(self, table: str, columns: str, rows: Sequence[Sequence[object]]) -> None:
        marks = ", ".join("?" * (columns.count(",") + 1))
        self._db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def sqlite3_corrupt(path: Path, problem: str) -> LabError:
    """What quick_check says about the file at @path."""
    error = sqlite3.DatabaseError(" ".join(problem.split())[:120])
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return explained(path, error)


def _of(row: type) -> str:
    """The columns of a row's class."""
    return ", ".join(one.name for one in fields(row))


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; executescript() would commit before it begins."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""

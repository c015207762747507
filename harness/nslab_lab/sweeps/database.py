# SPDX-License-Identifier: GPL-2.0
"""The results file as an SQLite database: opening and migrating it, transactions, and SQLite's errors."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from pathlib import Path
from typing import Any, Callable, Concatenate, Iterator, ParamSpec, Self, Sequence, TypeVar

from nslab_lab.host.errors import LabError, bad_input, lab_failed
from nslab_lab.host.paths import shown
from nslab_lab.sweeps import schema

_P = ParamSpec("_P")
_T = TypeVar("_T")
_D = TypeVar("_D", bound="Database")


def guarded(method: Callable[Concatenate[_D, _P], _T]) -> Callable[Concatenate[_D, _P], _T]:
    """SQLite's errors as one line that says what to do. For methods of a Database."""

    @functools.wraps(method)
    def wrapped(self: _D, /, *args: _P.args, **more: _P.kwargs) -> _T:
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


class Database:
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
            raise _corrupt(self.path, problem)
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

    def __enter__(self) -> Self:
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

    def _one(self, query: str, *values: object) -> Any:
        row = self._db.execute(query, values).fetchone()
        return row[0] if row else None

    @guarded
    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return self._db.execute(query, values).fetchall()

    @guarded
    def execute(self, statement: str, *values: object) -> int:
        """One statement more; the rows it changed."""
        return self._db.execute(statement, values).rowcount

    def _insert(self, table: str, columns: str, rows: Sequence[Sequence[object]]) -> None:
        marks = ", ".join("?" * (columns.count(",") + 1))
        self._db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def _corrupt(path: Path, problem: str) -> LabError:
    """What quick_check says about the file at @path."""
    error = sqlite3.DatabaseError(" ".join(problem.split())[:120])
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return explained(path, error)


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; executescript() would commit before it begins."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""

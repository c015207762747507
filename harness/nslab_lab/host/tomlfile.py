# SPDX-License-Identifier: GPL-2.0
"""Tables of a TOML file with getters that check, whose errors name file, line and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterable

from nslab_lab.host.tomllines import TomlLines


class Table:
    """One table of a TOML file that knows where it stands.

    Each getter raises LabError (status 2) when the key is missing or of another type.
    """

    def __init__(self, lines: TomlLines, keys: tuple[str, ...], values: dict[str, Any]) -> None:
        self.keys = keys
        self.values = values
        self._lines = lines

    def wrong(self, key: str, what: str) -> Exception:
        """The error to raise about @key of this table."""
        keys = (*self.keys, key)
        return self._lines.error(keys, f"{'.'.join(keys)}: {what}")

    def allow(self, keys: Iterable[str]) -> None:
        """Every other key is an error."""
        known = sorted(keys)
        for key in self.values:
            if key not in known:
                raise self.wrong(key, f"no such key, there are: {', '.join(known)}")

    def string(self, key: str) -> str:
        """A string that is not empty."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "has to be a string")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "has to be a list of strings")
        return tuple(value)

    def boolean(self, key: str) -> bool:
        """true or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise self.wrong(key, "has to be true or false")
        return value

    def tables(self, key: str) -> dict[str, Table]:
        """The tables inside a table, in the file's order."""
        inner = self.table(key)
        return {name: inner.table(name) for name in inner.values}

    def table(self, key: str) -> Table:
        """A table that is not empty."""
        value = self._get(key)
        if not isinstance(value, dict) or not value:
            raise self.wrong(key, "has to be a table with something in it")
        return Table(self._lines, (*self.keys, key), value)

    def _get(self, key: str) -> Any:
        if key not in self.values:
            raise self.wrong(key, "is missing")
        return self.values[key]


def load(path: Path) -> Table:
    """The file's top table. Raises LabError when it cannot be read or is no TOML."""
    lines = TomlLines(path)
    return Table(lines, (), lines.data)

# SPDX-License-Identifier: GPL-2.0
"""TOML read so that every error can name its line.

tomllib tells no positions, so a line is found by asking it again: a key stands where the
shortest readable beginning of the file that has the key ends.  That holds for
dotted keys, inline tables and values over several lines alike, and costs time only on error.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Sequence

from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import shown

Key = str | int


class TomlLines:
    """A TOML file: its data, and the line of each key.

    Raises LabError(2) where the file cannot be read or is no TOML.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_bytes().decode()
        except OSError as error:
            raise bad_input(f"{shown(path)}: {error.strerror}") from None
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise bad_input(f"{shown(path)}:{line}: not UTF-8 text") from None
        # TOML takes LF and CRLF only; splitlines() would also split at form feeds.
        self.lines = self.text.split("\n")
        try:
            self.data = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise self._syntax_error(str(error)) from None

    def error(self, where: Sequence[Key], message: str) -> Exception:
        """The LabError for the key @where (names and indices from the root)."""
        return bad_input(f"{shown(self.path)}:{self.line(where)}: {message}")

    def line(self, where: Sequence[Key]) -> int:
        """The line (from 1) where @where begins; its table's where it does not exist."""
        start = 0
        for end in range(1, len(self.lines) + 1):
            try:
                data = tomllib.loads("\n".join(self.lines[:end]) + "\n")
            except tomllib.TOMLDecodeError:
                continue  # in the middle of a value
            if _has(data, where):
                return start + 1
            start = end
        return self.line(where[:-1]) if where else 1

    def _syntax_error(self, message: str) -> Exception:
        found = re.search(r" \(at line (\d+), column \d+\)$", message)
        line = int(found[1]) if found else len(self.text.rstrip().split("\n"))
        what = re.sub(r" \(at [^)]*\)$", "", message)
        return bad_input(f"{shown(self.path)}:{line}: not TOML: {what}")


def _has(data: Any, where: Sequence[Key]) -> bool:
    for key in where:
        if isinstance(key, int):
            if not isinstance(data, list) or key >= len(data):
                return False
        elif not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True

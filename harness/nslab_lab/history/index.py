# SPDX-License-Identifier: GPL-2.0
"""The bugs of a kernel's history/history.toml, each a patch beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nslab_lab.host import tomlfile
from nslab_lab.host.tomlfile import Table
from nslab_lab.plans import plan

FILE = "history/history.toml"

_KEYS = (
    "what", "where", "scenario", "profile", "fix", "cve", "year", "version", "found", "reason",
)  # fmt: skip
_FIX = re.compile(r"[0-9a-f]{12}(?: [0-9a-f]{12})*", re.ASCII)
_CVE = re.compile(r"CVE-\d{4}-\d{4,7}", re.ASCII)
_VERSION = re.compile(r"v\d+\.\d+(?:\.\d+)?", re.ASCII)
_ID = re.compile(r"[a-z][a-z0-9-]{0,23}", re.ASCII)


@dataclass(frozen=True)
class Bug:
    """One bug."""

    id: str  # its patch is ID.patch
    what: str  # a line
    where: str  # the file that it was in
    scenario: str  # that reaches it
    profile: str  # faults that it needs
    fixes: tuple[str, ...]  # commits, the first 12 digits
    cve: str  # "" if it has none
    year: int  # of the fix
    version: str  # the first with the fix
    found: bool  # whether the lab can find it
    reason: str  # why not; "" if it can
    patch: Path

    @property
    def title(self) -> str:
        """ "an-id (CVE-2016-1234, fixed in v4.5, 2016)"."""
        cve = f"{self.cve}, " if self.cve else ""
        return f"{self.id} ({cve}fixed in {self.version}, {self.year})"


def read(path: Path) -> tuple[Bug, ...]:
    """The bugs of the index @path, in its order. Raises LabError(2) saying what is wrong with it."""
    top = tomlfile.load(path)
    return tuple(_bug(name, table, path, top) for name, table in _tables(top))


def _tables(top: Table) -> list[tuple[str, Table]]:
    return [(name, top.table(name)) for name in top.values]


def _bug(name: str, table: Table, path: Path, top: Table) -> Bug:
    if not _ID.fullmatch(name):
        raise top.wrong(name, "an id is of small letters, digits and -, at most 24")
    table.allow(_KEYS)
    found = table.boolean("found")
    reason = table.string("reason") if "reason" in table.values or not found else ""
    if found and reason:
        raise table.wrong("reason", "is for what cannot be found")
    year = table.values.get("year")
    if not isinstance(year, int) or not 1991 <= year < 2100:
        raise table.wrong("year", "has to be the year of the fix")
    patch = path.with_name(f"{name}.patch")
    if not patch.is_file():
        raise top.wrong(name, f"there is no {patch.name} beside it")
    return Bug(
        id=name,
        what=table.string("what"),
        where=table.string("where"),
        scenario=table.string("scenario"),
        profile=table.string("profile")
        if "profile" in table.values
        else plan.DEFAULT_STEERED_PROFILE,
        fixes=tuple(_like(table, "fix", _FIX, "commits, 12 digits each").split()),
        cve=_like(table, "cve", _CVE, "a CVE") if "cve" in table.values else "",
        year=year,
        version=_like(table, "version", _VERSION, "a release, such as v4.5"),
        found=found,
        reason=reason,
        patch=patch,
    )


def _like(table: Table, key: str, pattern: re.Pattern[str], what: str) -> str:
    text = table.string(key)
    if not pattern.fullmatch(text):
        raise table.wrong(key, f"has to be {what}")
    return text

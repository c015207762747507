# SPDX-License-Identifier: GPL-2.0
"""uml/kernels.toml: the kernels that can be built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nslab_lab.host import tomlfile
from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import PATCHES, UML, shown

KERNELS_TOML = UML / "kernels.toml"


@dataclass(frozen=True)
class Engine:
    """How a kernel is configured and started."""

    name: str
    fragments: tuple[Path, ...]
    cmdline: tuple[str, ...]


@dataclass(frozen=True)
class Series:
    """The patches of one design."""

    name: str
    about: str
    file: Path  # names the patches in order, in the folder that they are in


@dataclass(frozen=True)
class Entry:
    """One kernel."""

    name: str
    about: str
    package: str
    suite: str
    series: dict[str, Series]  # by name, the default first
    cflags: tuple[str, ...]  # for every file of the kernel, after its own
    engines: dict[str, Engine]

    def engine(self, name: str | None = None) -> Engine:
        """The engine of that name, or the first one. Raises LabError."""
        if name is None:
            return next(iter(self.engines.values()))
        if name not in self.engines:
            known = ", ".join(self.engines)
            raise bad_input(f"kernel {self.name} has no engine {name}, it has: {known}")
        return self.engines[name]

    def one_series(self, name: str | None = None) -> Series:
        """The series of that name, or the first one. Raises LabError."""
        if name is None:
            return next(iter(self.series.values()))
        if name not in self.series:
            known = ", ".join(self.series)
            raise bad_input(f"kernel {self.name} has no series {name}, it has: {known} (make list)")
        return self.series[name]


@dataclass(frozen=True)
class Kernels:
    """All of them."""

    default: str
    entries: dict[str, Entry]

    def entry(self, name: str | None = None) -> Entry:
        """The kernel of that name, or the default one. Raises LabError."""
        name = self.default if name is None else name
        if name not in self.entries:
            known = ", ".join(self.entries)
            raise bad_input(f"no kernel {name}, there are: {known} ({shown(KERNELS_TOML)})")
        return self.entries[name]


def load(path: Path = KERNELS_TOML, patches: Path = PATCHES) -> Kernels:
    """Read and check the file; @patches holds the series. Raises LabError (status 2)."""
    top = tomlfile.load(path)
    top.allow(("default", "kernels"))
    entries = {
        name: _entry(name, table, path.parent, patches)
        for name, table in top.tables("kernels").items()
    }
    default = top.string("default")
    if default not in entries:
        raise top.wrong("default", f"no kernel {default}, there are: {', '.join(entries)}")
    return Kernels(default, entries)


def _entry(name: str, table: tomlfile.Table, uml: Path, patches: Path) -> Entry:
    table.allow(("about", "source", "suite", "patches", "series", "cflags", "engines"))
    return Entry(
        name=name,
        about=table.string("about"),
        package=table.string("source"),
        suite=table.string("suite"),
        series=_series(table, patches / table.string("patches")),
        cflags=table.strings("cflags") if "cflags" in table.values else (),
        engines={
            engine: _engine(engine, inner, uml) for engine, inner in table.tables("engines").items()
        },
    )


def _series(table: tomlfile.Table, folder: Path) -> dict[str, Series]:
    if "series" not in table.values:
        return {"default": Series("default", "the only one", folder / "series")}
    found = {}
    for name, inner in table.tables("series").items():
        inner.allow(("about", "file"))
        found[name] = Series(name, inner.string("about"), folder / inner.string("file"))
        if not found[name].file.is_file():
            raise inner.wrong("file", f"no such file {shown(found[name].file)}")
    return found


def _engine(name: str, table: tomlfile.Table, uml: Path) -> Engine:
    table.allow(("config", "cmdline"))
    fragments = tuple(uml / "config" / fragment for fragment in table.strings("config"))
    for fragment in fragments:
        if not fragment.is_file():
            raise table.wrong("config", f"no such file {shown(fragment)}")
    return Engine(name, fragments, table.strings("cmdline"))

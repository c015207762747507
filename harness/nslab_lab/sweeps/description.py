# SPDX-License-Identifier: GPL-2.0
"""What a sweep is to run, as TOML says it.

    about = "one line"
    budget = "8h"           # until then new batches are begun; or
    executions = 100_000    # as many as planned
    batch = 200             # executions a boot

    [cells.NAME]            # each combination is a cell; several such tables add up
    scenarios = ["all"]     # names, and files of your own: "./mine.c"
    strategies = ["none"]
    profiles = ["delay"]
    variants = ["none"]
    kernels = ["6.12"]
    seeds = 1               # cells that differ by their seed only

`search` says how many schedules `bounded` tries of an input, `ahead` how many batches may be begun
before the first of them is taken into account, and so how many guests there may be at a time.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from nslab_lab.build import catalog, kernels, own_scenarios, scenarios
from nslab_lab.build.guest_program import Guest
from nslab_lab.cli import options
from nslab_lab.host import tomlfile
from nslab_lab.host.errors import LabError, bad_input
from nslab_lab.host.paths import REPO, shown
from nslab_lab.matrix.cells import Way
from nslab_lab.plans import plan, profiles
from nslab_lab.plans.profiles import NAME
from nslab_lab.sweeps import durations

DESCRIPTIONS = REPO / "harness" / "sweeps"
BATCH = 200  # executions
SEARCH = 4000  # schedules of an input at the most, for bounded
AHEAD = 16  # batches begun before one is known, see rule.py; and guests at a time at the most
MOST_CELLS = 100_000

_KEYS = ("about", "budget", "executions", "batch", "search", "ahead", "cells")
_CELL_KEYS = ("scenarios", "strategies", "profiles", "variants", "kernels", "seeds")


@dataclass(frozen=True)
class CellOf:
    """One combination."""

    scenario: str
    strategy: str  # its name
    profile: str  # its name, or the path of the user's own
    variant: str
    kernel: str
    seed: int  # 1-based index

    @property
    def way(self) -> Way:
        """How it is run."""
        return Way(self.strategy, self.profile)


@dataclass(frozen=True)
class Description:
    """One file."""

    name: str
    about: str
    budget_s: int | None
    executions: int | None  # planned
    batch: int  # executions
    search: int  # schedules
    ahead: int
    cells: tuple[CellOf, ...]


def names() -> list[str]:
    """The names of harness/sweeps, sorted."""
    return sorted(path.stem for path in DESCRIPTIONS.glob("*.toml"))


def items() -> list[catalog.Item]:
    """Those of harness/sweeps, for `nslab list`. Raises LabError(2) for a broken one."""
    return [
        catalog.Item(name, tomlfile.load(DESCRIPTIONS / f"{name}.toml").string("about"))
        for name in names()
    ]


def path_of(name: str) -> Path:
    """The description of that name in harness/sweeps, or the file at that path. Raises LabError(2)."""
    if "/" in name or name.endswith(".toml"):
        return Path(name).resolve()
    path = DESCRIPTIONS / f"{name}.toml"
    if not NAME.fullmatch(name) or not path.is_file():
        raise bad_input(
            f"no sweep '{name}' in {shown(DESCRIPTIONS)}: there is {', '.join(names())}, "
            "or give the path of a file of your own"
        )
    return path


def guest(path: Path) -> Guest:
    """The guest program for the sweep of that file, with its scenarios of the user's own.

    Raises LabError.
    """
    top = tomlfile.load(path)
    tables = top.tables("cells").values() if "cells" in top.values else ()
    own = [
        name
        for table in tables
        if "scenarios" in table.values
        for name in table.strings("scenarios")
        if own_scenarios.is_path(name)
    ]
    return scenarios.with_files([_beside(path, name) for name in dict.fromkeys(own)])


def _beside(path: Path, name: str) -> Path:
    """A file that is named relative to the description at @path."""
    return (path.parent / name).resolve()


def read(path: Path, guest: Guest) -> Description:
    """Read and check one file. Raises LabError(2) with file, line and key."""
    if not NAME.fullmatch(path.stem):
        raise bad_input(
            f"{shown(path)}: a sweep is named after its file, "
            "so that has to be of letters, digits, '-' and '_', at most 32"
        )
    top = tomlfile.load(path)
    top.allow(_KEYS)
    about = top.string("about")
    batch = _whole(top, "batch", BATCH, 10**6)
    search = _whole(top, "search", SEARCH, 10**6)
    ahead = _whole(top, "ahead", AHEAD, 1024)
    budget = top.string("budget") if "budget" in top.values else None
    if budget and (problem := durations.problem_of(budget)):
        raise top.wrong("budget", problem)
    executions = _whole(top, "executions", 0, 10**12)
    if not budget and not executions:
        raise top.wrong("budget", "is missing, and so is executions: say how long it is to go on")
    cells: list[CellOf] = []
    for table in top.tables("cells").values():
        cells += _cells(table, path, guest)
        if len(cells) > MOST_CELLS:
            raise top.wrong("cells", f"more than {MOST_CELLS:,} combinations")
    return Description(
        path.stem,
        about,
        durations.seconds(budget) if budget else None,
        executions or None,
        batch,
        search,
        ahead,
        tuple(dict.fromkeys(cells)),
    )


def _cells(table: tomlfile.Table, path: Path, guest: Guest) -> list[CellOf]:
    table.allow(_CELL_KEYS)
    strategies = _names(
        table, "strategies", "strategy", guest.program.strategies, [plan.DEFAULT_STRATEGY]
    )
    for name in strategies:
        if name in ("replay", "unsteered"):
            raise table.wrong("strategies", f"{name} is no strategy for a sweep")
    default = [item.name for item in catalog.all_kernels()]
    entries = kernels.load()
    axes = {
        "scenarios": _scenarios(table, path, guest),
        "variants": _names(table, "variants", "variant", catalog.variants(), [plan.NO_VARIANT]),
        "kernels": _names(
            table,
            "kernels",
            "kernel",
            [catalog.Item(name, "") for name in default],
            [entries.default],
        ),
    }
    seeds = _whole(table, "seeds", 1, 10_000)
    found = []
    for strategy, profile in _ways(table, strategies, path.parent):
        for kernel, variant, scenario in itertools.product(
            axes["kernels"], axes["variants"], axes["scenarios"]
        ):
            found += [
                CellOf(scenario, strategy, profile, variant, kernel, seed)
                for seed in range(1, seeds + 1)
            ]
    return found


def _scenarios(table: tomlfile.Table, path: Path, guest: Guest) -> tuple[str, ...]:
    """Names; "all" are those of scenarios/, to which files of the user's own are added."""
    wanted = table.strings("scenarios") if "scenarios" in table.values else ("all",)
    files = {own.path: name for name, own in guest.own.items()}
    own = tuple(files[_beside(path, name)] for name in wanted if own_scenarios.is_path(name))
    named = [name for name in wanted if not own_scenarios.is_path(name)]
    if own and not named:
        return own
    items = [one for one in guest.program.scenarios if one.name not in guest.own]
    return (*_chosen(table, "scenarios", "scenario", items, named), *dict.fromkeys(own))


def _ways(table: tomlfile.Table, strategies: Sequence[str], folder: Path) -> list[tuple[str, str]]:
    """Strategies with profiles, each of which goes with the other."""
    found = []
    for strategy in strategies:
        steers = Way(strategy).full.steers
        default = plan.DEFAULT_STEERED_PROFILE if steers else plan.DEFAULT_PROFILE
        given = table.strings("profiles") if "profiles" in table.values else (default,)
        for name in given:
            is_path = "/" in name or name.endswith(".toml")
            named = str((folder / name).resolve()) if is_path else name
            try:
                options.check_profile(profiles.load(named), Way(strategy).full)
            except LabError as error:
                raise table.wrong("profiles", error.message) from None
            found.append((strategy, named))
    return found


def _names(
    table: tomlfile.Table,
    key: str,
    kind: str,
    items: Sequence[catalog.Item],
    default: Sequence[str],
) -> tuple[str, ...]:
    wanted = table.strings(key) if key in table.values else tuple(default)
    return _chosen(table, key, kind, items, wanted)


def _chosen(
    table: tomlfile.Table, key: str, kind: str, items: Sequence[catalog.Item], wanted: Sequence[str]
) -> tuple[str, ...]:  # fmt: skip
    if not wanted:
        raise table.wrong(key, "is empty")
    try:
        if "all" in wanted:
            return tuple(item.name for item in items)
        return tuple(dict.fromkeys(catalog.choose(kind, name, items) for name in wanted))
    except LabError as error:
        raise table.wrong(key, error.message) from None


def _whole(table: tomlfile.Table, key: str, default: int, most: int) -> int:
    """A whole number from 1."""
    value = table.values.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise table.wrong(key, "has to be a whole number")
    if key in table.values and not 1 <= value <= most:
        raise table.wrong(key, f"{value} is not between 1 and {most:,}")
    return value

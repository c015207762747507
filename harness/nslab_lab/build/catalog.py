# SPDX-License-Identifier: GPL-2.0
"""What there is to choose from, each with one line about it."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Iterable, Sequence

from nslab_lab.build import kernels, series
from nslab_lab.host.errors import bad_input, lab_failed
from nslab_lab.host.paths import FAULTS_KERNEL, shown
from nslab_lab.plans import profiles, subject
from nslab_lab.plans.plan import NO_VARIANT
from nslab_lab.plans.subject import SUBJECTS

CORE_POINTS = FAULTS_KERNEL / "core" / "points.def"

_STRING = r'"(?:[^"\\]|\\.)*"'
_ENTRY = re.compile(
    rf"^(?P<kind>NSLAB_POINT|NSLAB_VARIANT)\(\s*\w+\s*,\s*(?P<name>{_STRING})\s*,"
    rf"(?:\s*\w+\s*,)*\s*(?P<about>{_STRING}(?:\s*{_STRING})*)\s*\)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Item:
    """One thing to choose."""

    name: str
    about: str


@dataclass(frozen=True)
class Point(Item):
    """A named point."""

    subject: str = ""  # "": any kernel code has it


@dataclass(frozen=True)
class Scenario(Item):
    """A scenario."""

    actors: tuple[str, ...] = ()
    inputs: int = 1  # how many it has, see INPUTS() in scenario.h
    reaches: tuple[str, ...] = ()  # readers and named points, see REACHES()
    subject: str = ""  # whose points and oracles count; "": those of all
    file: str = ""  # its source, relative to scenarios/
    carries_on: bool = False  # executions do not start from the same state, see CARRIES_ON()


@dataclass(frozen=True)
class Program:
    """What the guest program can do."""

    scenarios: list[Scenario]
    strategies: list[Item]


def from_init(init: Path) -> Program:
    """The scenarios, subject by subject, and strategies that the guest program knows. Raises LabError(3)."""
    try:
        done = subprocess.run([init, "--list"], capture_output=True, text=True, timeout=60)
        data = json.loads(done.stdout)
        scenarios = [
            Scenario(
                one["name"], one["about"], tuple(one["actors"]), one["inputs"],
                tuple(one["reaches"]), one["subject"], one["file"],
                bool(one.get("carries_on")),
            )  # fmt: skip
            for one in data["scenarios"]
        ]
        strategies = [Item(one["name"], one["about"]) for one in data["strategies"]]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        raise lab_failed(
            f"{shown(init)} --list does not list its scenarios ({error}); "
            "remove build/scenarios and build again"
        ) from None
    order = in_order(one.subject for one in scenarios)
    return Program(sorted(scenarios, key=lambda one: order.index(one.subject)), strategies)


def subjects() -> list[str]:
    """The subjects that are compiled into the kernel, in the order of their numbers. Raises LabError(2)."""
    folders = [path.parent for path in SUBJECTS.glob("*/subject.c")]
    return [folder.name for folder in sorted(folders, key=subject.number_of)]


def in_order(names: Iterable[str]) -> list[str]:
    """Names of subjects, each once, in the order of their numbers; those of none, such as "", are last."""
    given = set(names)
    known = [name for name in subjects() if name in given]
    return known + sorted(given - set(known), key=lambda name: (not name, name))


def points(*paths: Path) -> list[Point]:
    """The named scheduling points, those that all subjects have first; of @paths if there are any."""
    return [
        Point(item.name, item.about, path.parent.name if path.parent.parent.name == "subjects" else "")
        for path in paths or (CORE_POINTS, *_of_subjects("points.def"))
        for item in _definitions([path], "NSLAB_POINT")
    ]


def points_of(names: Sequence[str]) -> list[Point]:
    """The named points of a kernel that has those of these names; what no list has is from a patch."""
    known = points()
    listed = {one.name for one in known}
    own = [Point(name, "a point of your patch") for name in names if name not in listed]
    return [one for one in known if one.name in names] + own


def variants(*paths: Path) -> list[Item]:
    """The kernel as it should be, and its deliberate defects, subject by subject."""
    found = _definitions(paths or tuple(_of_subjects("variants.def")), "NSLAB_VARIANT")
    return [Item(NO_VARIANT, "the kernel as it should be"), *found]


def _of_subjects(name: str) -> list[Path]:
    return [SUBJECTS / one / name for one in subjects()]


def all_profiles() -> list[Item]:
    """The profiles of faults/profiles. Raises LabError(2) for a broken one."""
    return [Item(name, profiles.load(name).about) for name in profiles.names()]


def all_kernels() -> list[Item]:
    """The kernels of uml/kernels.toml."""
    return [Item(entry.name, entry.about) for entry in kernels.load().entries.values()]


def all_series() -> list[Item]:
    """The designs that kernels of uml/kernels.toml come in. Raises LabError."""
    entries = kernels.load().entries.values()
    known = {one.name: one for entry in entries for one in entry.series.values()}
    return [Item(name, one.about) for name, one in known.items()]


def placed(items: Sequence[Item], design: kernels.Series, hook: str) -> list[Item]:
    """Those points or variants that the patches of a design place with calls of @hook."""
    return called(items, series.calls(series.read_series(design.file), hook))


def called(items: Sequence[Item], ids: Collection[str]) -> list[Item]:
    """Those of which the identifier in C is among @ids: it is the name in capitals."""
    return [item for item in items if item.name.upper().replace("-", "_") in ids]


def choose(kind: str, name: str, items: Sequence[Item]) -> str:
    """@name if it is one of @items. Raises LabError(2) saying what there is."""
    names = [item.name for item in items]
    if name in names:
        return name
    close = difflib.get_close_matches(name, names, 1)
    hint = f"is '{close[0]}' meant?" if close else f"there is {', '.join(names)}"
    raise bad_input(f"no {kind} '{name}': {hint} (make list)")


def choose_names(kind: str, wanted: str | None, items: Sequence[Item]) -> tuple[str, ...]:
    """Those asked for, names with commas between, in the order given, each once; all for None or "".

    Raises LabError(2) saying what there is.
    """
    names = (wanted or "all").replace(",", " ").split()
    if not names:
        raise bad_input(f"{kind} '{wanted}' names none: give names (make list), or leave it out")
    if names == ["all"]:
        return tuple(item.name for item in items)
    return tuple(dict.fromkeys(choose(kind, name, items) for name in names))


def _definitions(paths: Sequence[Path], kind: str) -> list[Item]:
    return [
        Item(_unquoted(found["name"]), _unquoted(found["about"]))
        for path in paths
        for found in _ENTRY.finditer(_text(path))
        if found["kind"] == kind
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise lab_failed(f"{shown(path)}: {error.strerror}") from None


def _unquoted(text: str) -> str:
    """The text of C string literals, joined as the compiler does it."""
    return "".join(json.loads(part) for part in re.findall(_STRING, text))

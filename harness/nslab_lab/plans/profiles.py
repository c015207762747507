# SPDX-License-Identifier: GPL-2.0
"""Fault profiles: TOML in, knobs of the guest's debugfs out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import REPO, shown
from nslab_lab.host.tomllines import TomlLines
from nslab_lab.plans import profile_schema, subject
from nslab_lab.plans.profile_schema import FAIL_NTH, KNOBS
from nslab_lab.plans.watch import SHARED

PROFILES = REPO / "faults" / "profiles"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")  # it goes into tokens

# What is written although the profile does not say it, so that a profile means the same
# whatever the kernel's own defaults are.  The kernel stops after one fault (times=1), and
# would fail allocations of every task.
_DEFAULTS: dict[str, int | bool] = {
    "task_filter": True,
    "verbose": 0,
    "interval": 1,
    "times": -1,
    "space": 0,
}

# All allocations are asked for, whatever their flags, as /proc/PID/fail-nth does it: the kernel's
# part of the lab then says which one fails.
_EVERY_ALLOCATION: dict[str, dict[str, int | bool]] = {
    "failslab": {**_DEFAULTS, "ignore_gfp_wait": False, "cache_filter": False, "probability": 100},
    "fail_page_alloc": {
        **_DEFAULTS, "ignore_gfp_wait": False, "ignore_gfp_highmem": False, "min_order": 0,
        "probability": 100,
    },
    "fail_percpu": {**_DEFAULTS, "probability": 100},
}  # fmt: skip


@dataclass(frozen=True)
class Knob:
    """One file of the guest's debugfs and what is written to it."""

    path: str  # below /sys/kernel/debug: "failslab/probability"
    value: str  # "10", "Y"

    def __str__(self) -> str:
        return f"{self.path}={self.value}"


# Only a kernel in which the detector is on takes this; the guest then asks it for leaks.
KMEMLEAK = Knob("kmemleak", "scan=off")


@dataclass(frozen=True)
class Profile:
    """A named set of faults."""

    name: str
    about: str
    knobs: tuple[Knob, ...]  # in the order they are written
    path: Path
    named_points: bool = True  # whether they are scheduling points; accesses always are
    watch: tuple[str, ...] | None = None  # None: what is usual, see watch_of()
    points: str = ""  # which of them are scheduling points: "shared", "all"; "": the strategy's own
    fail_nth: bool = False  # each allocation of each marked call fails once
    reuse: bool = False  # freed memory is used again at once

    @property
    def delays(self) -> bool:
        """Whether it holds actors back, which a strategy that decides itself does not want."""
        return any(knob.path.startswith("delay_") for knob in self.knobs)

    def watch_of(self, name: str) -> tuple[str, ...]:
        """What is watched in a scenario of the subject @name, "" if it has none."""
        return (SHARED, *subject.watch_of(name)) if self.watch is None else self.watch

    @property
    def digest(self) -> str:
        """Six hex digits of what the profile means, however it is written down."""
        lines = sorted(map(str, self.knobs))
        if self.fail_nth:
            lines.append("fail nth")
        if not self.named_points:
            lines.append("no named points")
        if self.watch is not None:
            lines.append(" ".join(["watch", *sorted(self.watch)]))  # of none too
        if self.points:
            lines.append(f"points {self.points}")
        if self.reuse:
            lines.append("reuse")
        text = "".join(f"{line}\n" for line in lines)
        return hashlib.sha256(text.encode()).hexdigest()[:6]

    @property
    def is_own(self) -> bool:
        """Whether it is a file of the user's, not one of faults/profiles."""
        return self.path.parent != PROFILES


def load(name: str) -> Profile:
    """The profile of that name in faults/profiles, or the file at that path.

    Raises LabError(2).
    """
    if "/" in name or name.endswith(".toml"):
        return read(Path(name).resolve())
    path = PROFILES / f"{name}.toml"
    if not NAME.fullmatch(name) or not path.is_file():
        raise bad_input(
            f"no profile '{name}' in {shown(PROFILES)}: there is {', '.join(names())}, "
            "or give the path of a file of your own"
        )
    return read(path)


def names() -> list[str]:
    """The names of faults/profiles, sorted."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def read(path: Path) -> Profile:
    """Read and check one file. Raises LabError(2) with file, line and key."""
    if not NAME.fullmatch(path.stem):
        raise bad_input(
            f"{shown(path)}: a profile is named after its file, "
            "so that has to be of letters, digits, '-' and '_', at most 32"
        )
    file = TomlLines(path)
    # Of several errors the first in the file is the one to tell.
    errors = [(file.line(where), message) for where, message in profile_schema.errors(file.data)]
    if errors:
        line, message = min(errors)
        raise bad_input(f"{shown(path)}:{line}: {message}")
    faults = file.data.get("faults", {})
    for name, fault in faults.items():
        _check_range(file, name, fault, "min_delay_ns", "max_delay_ns")
        _check_range(file, name, fault, "require_start", "require_end")
        _check_range(file, name, fault, "reject_start", "reject_end")
        if FAIL_NTH in faults and name in _EVERY_ALLOCATION:
            raise file.error(
                ("faults", name),
                f"faults.{name}: allocations fail one by one already, by faults.{FAIL_NTH}: take one",
            )
    if FAIL_NTH in faults:
        faults = {**faults, **_EVERY_ALLOCATION}
    knobs = tuple(
        knob for name in KNOBS if name in faults for knob in _knobs(name, faults[name])
    )
    if file.data.get("kmemleak"):
        knobs = (KMEMLEAK, *knobs)
    return Profile(
        path.stem, file.data["about"], knobs, path,
        named_points=file.data.get("named_points", True),
        watch=_watch(file.data.get("watch")),
        points=file.data.get("points", ""),
        fail_nth=FAIL_NTH in faults,
        reuse=file.data.get("reuse", False),
    )  # fmt: skip


def _watch(given: str | list[str] | None) -> tuple[str, ...] | None:
    return (given,) if isinstance(given, str) else given if given is None else tuple(given)


def _knobs(name: str, fault: dict[str, int | bool]) -> list[Knob]:
    values = {**_DEFAULTS, **fault}
    if name.startswith("delay_"):
        low = values.setdefault("min_delay_ns", 0)
        values.setdefault("max_delay_ns", low)
    # probability comes last: nothing fires while the rest is still being set.
    order = [*(key for key in KNOBS[name] if key != "probability"), "probability"]
    return [
        Knob(f"{name}/{key.replace('_', '-')}", _written(values[key]))
        for key in order
        if key in values
    ]


def _written(value: int | bool) -> str:
    if isinstance(value, bool):
        return "Y" if value else "N"
    return str(value)


def _check_range(file: TomlLines, name: str, fault: dict[str, int], low: str, high: str) -> None:
    if fault.get(low, 0) > fault.get(high, 2**64):
        raise file.error(
            ("faults", name, low),
            f"faults.{name}.{low}: {fault[low]} is more than {high}, {fault[high]}",
        )

# SPDX-License-Identifier: GPL-2.0
"""Fault profiles: TOML in, knobs of the guest's debugfs out."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import REPO, shown
from nslab_lab.host.tomllines import TomlLines

PROFILES = REPO / "faults" / "profiles"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")  # it goes into tokens

_ULONG = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
_FLAG = {"type": "boolean"}
_DELAY_NS = {"type": "integer", "minimum": 0, "maximum": 10**10}

# struct fault_attr, as Documentation/fault-injection/fault-injection.rst describes it.
_ATTR: dict[str, dict[str, Any]] = {
    "task_filter": _FLAG,
    "verbose": {"type": "integer", "minimum": 0, "maximum": 2},
    "interval": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "times": {"type": "integer", "minimum": -1, "maximum": 2**31 - 1},
    "space": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    "stacktrace_depth": {"type": "integer", "minimum": 0, "maximum": 32},
    "require_start": _ULONG,
    "require_end": _ULONG,
    "reject_start": _ULONG,
    "reject_end": _ULONG,
    "probability": {"type": "integer", "minimum": 0, "maximum": 100},
}
# Faults that are no struct fault_attr: each allocation of each marked call fails once.
FAIL_NTH = "fail_nth"
_DELAY = {**_ATTR, "min_delay_ns": _DELAY_NS, "max_delay_ns": _DELAY_NS}

_KNOBS: dict[str, dict[str, dict[str, Any]]] = {
    "delay_rcu_read_lock": _DELAY,
    "delay_switch_task_namespaces": _DELAY,
    "delay_exit": _DELAY,
    "failslab": {**_ATTR, "ignore_gfp_wait": _FLAG, "cache_filter": _FLAG},
    "fail_page_alloc": {
        **_ATTR,
        "ignore_gfp_wait": _FLAG,
        "ignore_gfp_highmem": _FLAG,
        "min_order": {"type": "integer", "minimum": 0, "maximum": 10},
    },
}

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
}  # fmt: skip

# Where accesses are scheduling points: slab caches, or "struct.member".
DEFAULT_WATCH = ("nsproxy", "task_struct.nsproxy")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["about"],
    "properties": {
        "about": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"\A[^\n]*\Z"},
        "named_points": _FLAG,
        "kmemleak": _FLAG,
        "watch": {
            "type": "array",
            "maxItems": 16,
            "uniqueItems": True,
            "items": {"type": "string", "minLength": 1, "maxLength": 60},
        },
        "faults": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                **{
                    fault: {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["probability"],
                        "properties": knobs,
                    }
                    for fault, knobs in _KNOBS.items()
                },
                FAIL_NTH: {"type": "object", "additionalProperties": False, "properties": {}},
            },
        },
    },
}
# Draft 4 is the last one in which 10.0 is no integer.
_VALIDATOR = jsonschema.Draft4Validator(SCHEMA)


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
    watch: tuple[str, ...] = DEFAULT_WATCH
    fail_nth: bool = False  # each allocation of each marked call fails once

    @property
    def delays(self) -> bool:
        """Whether it holds actors back, which a strategy that decides itself does not want."""
        return any(knob.path.startswith("delay_") for knob in self.knobs)

    @property
    def digest(self) -> str:
        """Six hex digits of what the profile means, however it is written down."""
        lines = sorted(map(str, self.knobs))
        if self.fail_nth:
            lines.append("fail nth")
        if not self.named_points:
            lines.append("no named points")
        if sorted(self.watch) != sorted(DEFAULT_WATCH):
            lines.append(" ".join(["watch", *sorted(self.watch)]))  # of none too
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
    errors = [
        (file.line(where), message)
        for error in _VALIDATOR.iter_errors(file.data)
        for where, message in _explain(error)
    ]
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
        knob for name in _KNOBS if name in faults for knob in _knobs(name, faults[name])
    )
    if file.data.get("kmemleak"):
        knobs = (KMEMLEAK, *knobs)
    return Profile(
        path.stem, file.data["about"], knobs, path,
        named_points=file.data.get("named_points", True),
        watch=tuple(file.data.get("watch", DEFAULT_WATCH)),
        fail_nth=FAIL_NTH in faults,
    )  # fmt: skip


def _knobs(name: str, fault: dict[str, int | bool]) -> list[Knob]:
    values = {**_DEFAULTS, **fault}
    if name.startswith("delay_"):
        low = values.setdefault("min_delay_ns", 0)
        values.setdefault("max_delay_ns", low)
    # probability comes last: nothing fires while the rest is still being set.
    order = [*(key for key in _KNOBS[name] if key != "probability"), "probability"]
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


def _explain(error: jsonschema.ValidationError) -> list[tuple[tuple[str | int, ...], str]]:
    """The keys a schema error is about, and what to say of each."""
    where = tuple(error.absolute_path)
    at = _dotted(where)
    value = error.instance
    limit = error.validator_value
    match error.validator:
        case "additionalProperties":
            known = error.schema["properties"]
            return [
                ((*where, key), f"{_dotted((*where, key))}: no such key{_hint(key, known)}")
                for key in value
                if key not in known
            ]
        case "required":
            return [
                (where, f"{_dotted((*where, key))}: missing, and there is no default")
                for key in limit
                if key not in value
            ]
        case "type":
            return [(where, f"{at}: {_toml(value)} is not {_TYPES[limit]}")]
        case "minimum":
            return [(where, f"{at}: {value} is less than the minimum of {limit}")]
        case "maximum":
            return [(where, f"{at}: {value} is more than the maximum of {limit}")]
        case "minLength" | "maxLength" | "pattern":
            return [(where, f"{at}: not one line of 1 to {error.schema['maxLength']} characters")]
        case "maxItems" | "uniqueItems":
            return [(where, f"{at}: more than 16 entries, or one of them twice")]
    raise AssertionError(error.validator)


_TYPES = {
    "integer": "a whole number",
    "boolean": "true or false",
    "string": "a string",
    "object": "a table",
    "array": "an array",
}


def _dotted(where: tuple[str | int, ...]) -> str:
    return ".".join(map(str, where))


def _toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case dict():
            return "a table"
        case list():
            return "an array"
    return str(value)


def _hint(key: str, known: dict[str, Any]) -> str:
    close = difflib.get_close_matches(key.replace("-", "_"), known, 1)
    return f"; is '{close[0]}' meant?" if close else f"; there is {', '.join(known)}"

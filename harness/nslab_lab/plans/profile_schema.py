# SPDX-License-Identifier: GPL-2.0
"""How a fault profile is written: its keys, their values, and what is said of a wrong one."""

from __future__ import annotations

import difflib
from typing import Any

import jsonschema

from nslab_lab.plans import subject

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

KNOBS: dict[str, dict[str, dict[str, Any]]] = {
    "delay_rcu_read_lock": _DELAY,
    **dict.fromkeys(subject.delays(), _DELAY),
    "delay_exit": _DELAY,
    "failslab": {**_ATTR, "ignore_gfp_wait": _FLAG, "cache_filter": _FLAG},
    "fail_page_alloc": {
        **_ATTR,
        "ignore_gfp_wait": _FLAG,
        "ignore_gfp_highmem": _FLAG,
        "min_order": {"type": "integer", "minimum": 0, "maximum": 10},
    },
    "fail_percpu": _ATTR,
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["about"],
    "properties": {
        "about": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"\A[^\n]*\Z"},
        "named_points": _FLAG,
        "kmemleak": _FLAG,
        "watch": {
            "type": ["string", "array"],
            "minLength": 1,
            "maxLength": 100,
            "maxItems": 16,
            "uniqueItems": True,
            "items": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"\A[^\n]*\Z"},
        },
        "points": {"enum": ["shared", "all"]},
        "reuse": _FLAG,
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
                    for fault, knobs in KNOBS.items()
                },
                FAIL_NTH: {"type": "object", "additionalProperties": False, "properties": {}},
            },
        },
    },
}
# Draft 4 is the last one in which 10.0 is no integer.
_VALIDATOR = jsonschema.Draft4Validator(SCHEMA)


def errors(data: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a profile: the keys, from the root, and what to say of each."""
    return [one for error in _VALIDATOR.iter_errors(data) for one in _explain(error)]


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
            types = [limit] if isinstance(limit, str) else limit
            return [(where, f"{at}: {_toml(value)} is not {' or '.join(_TYPES[one] for one in types)}")]
        case "enum":
            return [(where, f"{at}: {_toml(value)} is not {' or '.join(map(_toml, limit))}")]
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

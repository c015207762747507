# SPDX-License-Identifier: GPL-2.0
"""The results file, read while it grows."""

from __future__ import annotations

from collections import Counter
import json
from pathlib import Path
from typing import Any

import pytest

from nslab_lab.guest.results import (
    Execution, Note, Points, Reader, Refused, Round, Search, Site, Stack, Step,
)  # fmt: skip
from nslab_lab.host.errors import LabError

EXECUTION = {
    "event": "execution", "n": 3, "seed": "00000000000000aa", "verdict": "pass", "oracle": None,
    "message": None, "points": 4, "faults": 1, "virtual_ns": 99, "hash": "00000000000000bb",
}  # fmt: skip
STEP = {
    "event": "step", "n": 3, "step": 1, "actor": "reader", "point": "rcu_read_lock",
    "where": "utsns_get+0x1a/0x80", "nesting": 1, "delay_ns": 0,
}  # fmt: skip

POINTS = {
    "event": "points", "hits": {"exit_notify": 2}, "executions": {"exit_notify": 1},
    "places": [{"where": "a+0x1/0x9", "executions": 4, "callers": {"b+0x1/0x9": 4, "c+0x1/0x9": 3}}],
}  # fmt: skip

SEARCH = {
    "event": "search", "n": 2, "complete": 1, "redundant": 7, "pruned": 30, "points": 143,
    "unexplained": 0, "cut": "schedules", "diverged": None, "schedules": [2, 210, 9000],
}  # fmt: skip


def test_events_come_as_lines_are_completed(tmp_path: Path) -> None:
    path = tmp_path / "results"
    line = json.dumps(EXECUTION)
    path.write_text(line[:20])
    reader = Reader(path)
    assert reader.read() == []
    with path.open("a") as file:
        file.write(line[20:] + "\n" + json.dumps(STEP) + "\n" + '{"event":')
    execution, step = reader.read()
    assert isinstance(execution, Execution) and execution.n == 3 and not execution.failed
    assert isinstance(step, Step) and step.actor == "reader"
    with path.open("a") as file:
        file.write('"end"}\n' + json.dumps(POINTS) + "\n")
    end, points = reader.read()
    assert end == Note("end") and isinstance(points, Points)
    assert reader.read() == []


def test_what_a_newer_guest_says_more_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.write_text(json.dumps({**EXECUTION, "more": 1}) + '\n{"event":"hello","x":1}\n')
    assert [type(event) for event in Reader(path).read()] == [Execution, Note]


def test_the_line_of_an_execution_has_no_more_than_the_plan_decides() -> None:
    event: dict[str, Any] = {key: value for key, value in EXECUTION.items() if key != "event"}
    assert Execution(**event).line("a") == (
        '{"faults":1,"hash":"00000000000000bb","message":null,"n":3,"oracle":null,"points":4,'
        '"scenario":"a","seed":"00000000000000aa","verdict":"pass","virtual_ns":99}'
    )


@pytest.mark.parametrize(
    "line", ["{", "[]", "1", "{}", '{"event":"execution"}', '{"event":"points","hits":[]}', "\xff"]
)
def test_lines_that_make_no_sense(tmp_path: Path, line: str) -> None:
    path = tmp_path / "results"
    path.write_bytes(json.dumps(STEP).encode() + b"\n" + line.encode("latin-1") + b"\n")
    with pytest.raises(LabError, match="results:2: the guest wrote what") as caught:
        Reader(path).read()
    assert caught.value.status == 3


def read(tmp_path: Path, *events: dict[str, Any]) -> list[Any] | None:
    path = tmp_path / "results"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return Reader(path).read()


def test_what_a_search_came_to(tmp_path: Path) -> None:
    (search,) = read(tmp_path, SEARCH)
    assert search == Search(2, 1, [2, 210, 9000], 7, 30, 143, 0, "schedules", None)
    assert search.total == 9212
    (diverged,) = read(tmp_path, {**SEARCH, "cut": "divergence", "diverged": "at a4b", "more": 1})
    assert (diverged.cut, diverged.diverged) == ("divergence", "at a4b")


@pytest.mark.parametrize("key", sorted(SEARCH.keys() - {"event"}))
def test_a_search_that_does_not_say_all(tmp_path: Path, key: str) -> None:
    data = {name: value for name, value in SEARCH.items() if name != key}
    with pytest.raises(LabError, match=f"results:1: the guest wrote what .*'{key}'") as caught:
        read(tmp_path, data)
    assert caught.value.status == 3


def test_steps_of_a_strategy(tmp_path: Path) -> None:
    more = {
        "kind": "access", "local": 9, "next": "target", "enabled": 3, "free": True, "object": 2,
        "watch": 1, "of": "target", "offset": 1360, "size": 8, "write": True, "value": 4,
    }  # fmt: skip
    plain, step = read(tmp_path, STEP, {**STEP, **more})
    assert {key: getattr(step, key) for key in more} == more
    # Those of an older guest say less.
    assert (plain.kind, plain.local, plain.next, plain.enabled, plain.watch) == ("point", 0, "", 0, -1)


def test_the_line_of_an_execution_says_which_schedule_it_was(tmp_path: Path) -> None:
    drawn, followed = read(tmp_path, {**EXECUTION, "schedule": None}, {**EXECUTION, "schedule": "a5b-c2"})
    assert json.loads(followed.line("a")) == {**json.loads(drawn.line("a")), "schedule": "a5b-c2"}
    assert "schedule" not in json.loads(drawn.line("a"))


SITE = {"actor": "target", "call": 2, "name": "unshare(0)", "nth": 3, "again": 1, "stack": "ab"}


def test_allocations_in_marked_calls(tmp_path: Path) -> None:
    refused: dict[str, Any] = {**SITE, "errno": "ENOMEM"}
    site, stack, round, failed, passed = read(
        tmp_path, {"event": "site", "n": 4, "counted": True, **SITE},
        {"event": "stack", "id": "ab", "fault": "failslab", "frames": ["a+0x1/0x2"]},
        {"event": "round", "executions": 12, "points": 99},
        {**EXECUTION, "refused": refused}, {**EXECUTION, "refused": None},
    )  # fmt: skip
    assert site == Site(4, "target", 2, "unshare(0)", 3, 1, "ab", True)
    assert site.key(setups=3) == (0, "target", 2, "ab", 1)
    assert stack == Stack("ab", "failslab", ["a+0x1/0x2"]) and round == Round(12, 99)
    assert failed.refused == Refused(**refused) and passed.refused is None
    assert json.loads(failed.line("a"))["refused"] == refused and "refused" not in passed.line("a")


@pytest.mark.parametrize("key", ["stack", "errno", "again"])
def test_an_allocation_that_is_not_told_in_full(tmp_path: Path, key: str) -> None:
    refused: dict[str, Any] = {**SITE, "errno": None}
    del refused[key]
    with pytest.raises(LabError, match="the guest wrote what the lab cannot read"):
        read(tmp_path, {**EXECUTION, "refused": refused})


def test_what_was_met(tmp_path: Path) -> None:
    (points,) = read(tmp_path, POINTS)
    assert points == Points(
        Counter(exit_notify=2), Counter(exit_notify=1), Counter({"a+0x1/0x9": 4}),
        Counter({("a+0x1/0x9", "b+0x1/0x9"): 4, ("a+0x1/0x9", "c+0x1/0x9"): 3}),
    )  # fmt: skip
    together = Points()
    together.add(points)
    together.add(points)
    assert together.hits == {"exit_notify": 4} and together.executions == {"exit_notify": 2}
    assert together.places == {"a+0x1/0x9": 8} and together.calls["a+0x1/0x9", "c+0x1/0x9"] == 6


@pytest.mark.parametrize(
    "more",
    [
        {"hits": None}, {"executions": []}, {"executions": {"a": "x"}}, {"places": {"a": 1}},
        {"places": [1]}, {"places": [{}]}, {"places": [{"where": "a", "executions": 1}]},
        {"places": [{"where": "a", "executions": None, "callers": {}}]},
        {"places": [{"where": "a", "executions": 1, "callers": {"b": []}}]},
    ],
)  # fmt: skip
def test_what_was_met_that_makes_no_sense(tmp_path: Path, more: dict[str, Any]) -> None:
    with pytest.raises(LabError, match="results:1: the guest wrote what"):
        read(tmp_path, {**POINTS, **more})

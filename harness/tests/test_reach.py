# SPDX-License-Identifier: GPL-2.0
"""Who came where, and what nobody reached."""

from __future__ import annotations

from typing import Any

import pytest

from nslab_lab.build.catalog import Scenario
from nslab_lab.report.reach import Coverage

SCENARIOS = [
    Scenario("a", "", reaches=("utsns_get", "exit_notify")), Scenario("b", "", reaches=("utsns_get",)),
    Scenario("c", ""),
]  # fmt: skip


def coverage(
    readers: dict[str, dict[str, int]],
    points: dict[str, dict[str, int]],
    scenarios: list[Scenario] = SCENARIOS,
) -> Coverage:
    return Coverage(scenarios, {one.name: 1200 for one in scenarios}, readers, points)


ALL = {"utsns_get": {"a": 5, "b": 6, "c": 7}, "netns_get": {"c": 1}}
POINTS = {"exit_notify": {"a": 1000, "b": 500}}


def test_all_is_reached() -> None:
    one = coverage(ALL, POINTS)
    assert one.failures() == []
    assert one.summary() == ["1 of 1 points and 2 of 2 readers reached"]


def test_what_is_never_reached_is_named() -> None:
    one = coverage({**ALL, "timens_get": {}}, {**POINTS, "release_task": {}})
    assert one.failures() == [
        "reader timens_get: never reached; some scenario has to come there",
        "point release_task: never reached; some scenario has to come there",
    ]
    assert one.summary() == ["1 of 2 points and 2 of 3 readers reached; not release_task, timens_get"]


def test_a_scenario_is_held_to_what_it_says() -> None:
    one = coverage({"utsns_get": {"a": 5}}, {"exit_notify": {"b": 5}})
    assert one.failures() == [
        "a: REACHES names 'exit_notify', but in 1,200 executions it did not come there",
        "b: REACHES names 'utsns_get', but in 1,200 executions it did not come there",
    ]


@pytest.mark.parametrize(
    "name, hint",
    [("utsns_gte", "; is 'utsns_get' meant?"), ("exit_ntfy", "; is 'exit_notify' meant?"), ("x", "")],
)
def test_a_scenario_says_what_there_is_not(name: str, hint: str) -> None:
    one = coverage(ALL, POINTS, [*SCENARIOS, Scenario("d", "", reaches=(name,))])
    assert one.failures() == [
        f"d: REACHES names '{name}', no reader of this kernel and no named point{hint}"
    ]


def test_tables() -> None:
    more: dict[str, Any] = {**ALL, "timens_get": {}, "ipcns_get": {"a": 1, "c": 2}}
    assert coverage(more, POINTS).text() == (
        "reader      executions  by\n"
        f"----------  ----------  {'-' * 56}\n"
        "utsns_get           18  all\n"
        "netns_get            1  c\n"
        "timens_get           0  NOBODY\n"
        "ipcns_get            3  all but b\n"
        "\n"
        "point        executions  by\n"
        f"-----------  ----------  {'-' * 55}\n"
        "exit_notify       1,500  all but c"
    )


def test_no_line_is_wider_than_80() -> None:
    scenarios = [Scenario(f"a-scenario-with-a-long-name-{n}", "") for n in range(30)]
    some = {one.name: 10**7 for one in scenarios[:14]}
    most = {one.name: 10**7 for one in scenarios[:17]}
    text = coverage({"a_rather_long_name_of_one_get": some}, {"point": most}, scenarios).text()
    assert max(map(len, text.splitlines())) <= 80
    assert "all but" in text

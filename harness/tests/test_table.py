# SPDX-License-Identifier: GPL-2.0
"""The table a run ends with."""

from __future__ import annotations

from typing import Any

import pytest

from lab import run_plan
from nslab_lab.report import table
from nslab_lab.search.pool import ScenarioResult


def result(
    name: str, executions: int = 2000, findings: int = 0, **more: Any
) -> ScenarioResult:
    more = {"points": 411_873, "faults": 9_204, "guest_seconds": 3.0} | more
    return ScenarioResult(name, 2000, executions=executions, findings=[None] * findings, **more)


def test_table() -> None:
    results = [result("ns-readlink-vs-unshare"), result("zombie-read", 17, 1, enough=True)]
    assert table.table(run_plan("a"), results) == (
        "scenario                profile  executions   points  faults  findings  per s\n"
        "----------------------  -------  ----------  -------  ------  --------  -----\n"
        "ns-readlink-vs-unshare  none          2,000  411,873   9,204         0    667\n"
        "zombie-read             none             17  411,873   9,204         1      6\n"
    )


@pytest.mark.parametrize("name", ["a", "ns-readlink-vs-unshare", "x" * 60])
@pytest.mark.parametrize("number", [0, 1, 999_999, 12_345_678, 10**12])
def test_no_line_is_wider_than_80(name: str, number: int) -> None:
    one = result(name, min(number, 10**9), points=number, faults=number, guest_seconds=0.1)
    lines = table.table(run_plan("a"), [one]).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) == 3


def test_totals() -> None:
    assert table.totals([result(str(n)) for n in range(5)]) == (
        "10,000 executions of 5 scenarios, 0 findings"
    )
    assert table.totals([result("a", 1, 1)]) == "1 execution of 1 scenario, 1 finding"
    assert table.totals([result("a", 1), result("b", 0)]).endswith("of 1 scenario, 0 findings")


def test_one_line() -> None:
    assert table.one_line(result("a")) == "a: 2,000 executions, 0 findings"
    stopped = result("a", 17, 1, enough=True)
    assert table.one_line(stopped) == "a: 17 executions of 2,000, 1 finding"


def test_what_was_not_reached_is_named() -> None:
    assert table.reached("a", {"one": 1, "two": 3}, {"a_get": 2}) == [
        "a: 2 of 2 points and 1 of 1 readers reached"
    ]
    assert table.reached("a", {"one": 1, "two": 0}, {"a_get": 0, "b_get": 2}) == [
        "a: 1 of 2 points and 1 of 2 readers reached; not two, a_get"
    ]
    assert table.reached("b", {}, {}) == []
    assert table.reached("a", {"one": 1}, {}) == ["a: 1 of 1 points reached"]
    lines = table.reached("a", {f"point_of_some_length_{n}": 0 for n in range(20)}, {"a_get": 0})
    assert max(map(len, lines)) <= 80

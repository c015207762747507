# SPDX-License-Identifier: GPL-2.0
"""Who came where, and what nobody reached."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nslab_lab.build import catalog
from nslab_lab.build.catalog import Point, Scenario
from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import readers
from nslab_lab.guest.results import Points
from nslab_lab.host.errors import LabError
from nslab_lab.report import reach
from nslab_lab.report.reach import Coverage

SCENARIOS = [
    Scenario("a", "", reaches=("utsns_get", "exit_notify")), Scenario("b", "", reaches=("utsns_get",)),
    Scenario("c", ""),
]  # fmt: skip


def coverage(
    readers: dict[str, dict[str, int]],
    points: dict[str, dict[str, int]],
    scenarios: list[Scenario] = SCENARIOS,
    **more: Any,
) -> Coverage:
    return Coverage(scenarios, {one.name: 1200 for one in scenarios}, readers, points, **more)


ALL = {"utsns_get": {"a": 5, "b": 6, "c": 7}, "netns_get": {"c": 1}}
POINTS = {"exit_notify": {"a": 1000, "b": 500}}


def test_all_is_reached() -> None:
    one = coverage(ALL, POINTS)
    assert one.failures() == []


def test_what_is_never_reached_is_named() -> None:
    one = coverage({**ALL, "timens_get": {}}, {**POINTS, "release_task": {}})
    assert one.failures() == [
        "reader timens_get: never reached by any scenario",
        "point release_task: never reached by any scenario",
    ]
    # Scenarios that were named need not reach it all.
    asked = coverage({**ALL, "timens_get": {}}, {**POINTS, "release_task": {}}, asked=True)
    assert asked.failures() == [] and "none" in asked.text()


def test_a_scenario_is_held_to_what_it_says() -> None:
    one = coverage({"utsns_get": {"a": 5}}, {"exit_notify": {"b": 5}})
    assert one.failures() == [
        "a: REACHES names 'exit_notify', but in 1,200 executions it was not reached",
        "b: REACHES names 'utsns_get', but in 1,200 executions it was not reached",
    ]


@pytest.mark.parametrize(
    "name, hint",
    [("utsns_gte", "; is 'utsns_get' meant?"), ("exit_ntfy", "; is 'exit_notify' meant?"), ("x", "")],
)
def test_a_scenario_says_what_there_is_not(name: str, hint: str) -> None:
    one = coverage(ALL, POINTS, [*SCENARIOS, Scenario("d", "", reaches=(name,))])
    assert one.failures() == [
        f"d: REACHES names '{name}', which is neither a reader of this kernel nor a named point{hint}"
    ]


def test_a_scenario_names_what_is_of_another_subject() -> None:
    one = Scenario("d", "", reaches=("utsns_get",), subject="widgets")
    found = coverage({}, POINTS, [one], asked=True, others={"utsns_get": "nsproxy"})
    assert found.failures() == [
        "d: REACHES names 'utsns_get' of nsproxy, which is not its subject"
    ]


def test_tables() -> None:
    more: dict[str, Any] = {**ALL, "timens_get": {}, "ipcns_get": {"a": 1, "c": 2}}
    assert coverage(more, POINTS).text() == (
        "reader      executions  by\n"
        f"----------  ----------  {'-' * 56}\n"
        "utsns_get           18  all\n"
        "netns_get            1  c\n"
        "timens_get           0  none\n"
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


# === Subjects ===

NAMED = [
    Point("rcu_read_lock", ""), Point("publish", "", "nsproxy"), Point("find", "", "widgets"),
    Point("elsewhere", "", "widgets"),
]  # fmt: skip
OF = {
    "a": Scenario("a", "", reaches=("publish",), subject="nsproxy", file="nsproxy/a.c"),
    "b": Scenario("b", "", reaches=("find",), subject="widgets", file="widgets/b.c"),
    "mine": Scenario("mine+0123abcd", "", reaches=("find",)),
}
MET = {
    "a": Points(executions=Counter(rcu_read_lock=5, publish=2)),
    "b": Points(executions=Counter(rcu_read_lock=5)),
    "mine+0123abcd": Points(executions=Counter(rcu_read_lock=5)),
}


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """One with points of two subjects, and readers of one."""
    known = readers._Known(["utsns_get"], {})
    monkeypatch.setattr(readers, "_known", lambda linux, places: known)
    monkeypatch.setattr(catalog, "points", lambda: NAMED)
    return Kernel(
        "6.12", "0123abcd", "det", tmp_path, tmp_path, tmp_path / "linux", tmp_path, {}, (),
        points=("rcu_read_lock", "publish", "find"),
    )  # fmt: skip


def evaluated(kernel: Any, *names: Any, asked: Any = False) -> Any:
    scenarios = [OF[name] for name in names]
    met = {one.name: MET[one.name] for one in scenarios}
    ran = {one.name: 7 for one in scenarios}
    found = reach.evaluate(kernel, scenarios, ran, met, asked)
    return found, reach.summary(kernel, scenarios, met.values())


def test_a_scenario_is_not_told_of_another_subject(kernel: Kernel) -> None:
    found, lines = evaluated(kernel, "a")
    assert lines == [
        "nsproxy: 1 of 1 points and 0 of 1 readers reached; not utsns_get",
        "any subject: 1 of 1 points reached",
    ]
    assert found.failures() == ["reader utsns_get: never reached by any scenario"]
    assert "find" not in found.text()
    found, lines = evaluated(kernel, "b")
    assert lines == [
        "widgets: 0 of 1 points reached; not find", "any subject: 1 of 1 points reached",
    ]  # fmt: skip
    assert [line.split(":")[0] for line in found.failures()] == ["point find", "b"]
    assert "publish" not in found.text() and "utsns_get" not in found.text()


def test_all_subjects_that_take_part(kernel: Kernel) -> None:
    _, lines = evaluated(kernel, "b", "a")
    assert [line.split(":")[0] for line in lines] == ["nsproxy", "widgets", "any subject"]


def test_a_scenario_of_no_subject(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """All take part in it, and it is told of those that it reaches something of."""
    found, lines = evaluated(kernel, "mine", asked=True)
    assert lines == ["any subject: 1 of 1 points reached"]
    assert found.failures() == [
        "mine+0123abcd: REACHES names 'find', but in 7 executions it was not reached"
    ]
    there = Points(executions=Counter(rcu_read_lock=5, find=1))
    monkeypatch.setitem(MET, "mine+0123abcd", there)
    found, lines = evaluated(kernel, "mine", asked=True)
    assert lines[0] == "widgets: 1 of 1 points reached" and found.failures() == []


# === What REACHES() names is known before anything runs ===

TYPO = Scenario("d", "", reaches=("publish", "utsns_gte"), subject="nsproxy", file="nsproxy/d.c")
PROBLEM = (
    "scenarios/nsproxy/d.c: REACHES names 'utsns_gte', which is neither a reader of this kernel nor a "
    "named point; is 'utsns_get' meant?"
)


def test_a_typo_is_refused(kernel: Kernel) -> None:
    with pytest.raises(LabError) as caught:
        reach.check(kernel, [TYPO, OF["a"], TYPO])
    assert (caught.value.status, caught.value.message) == (2, PROBLEM + " (and 1 more)")
    # A point that this kernel has not is none.
    reach.check(kernel, [OF["a"], Scenario("e", "", reaches=("elsewhere",))])


def test_a_patched_kernel_may_be_without(kernel: Kernel) -> None:
    reach.check(replace(kernel, patched=True), [TYPO])


def test_where_no_readers_are_known_nothing_is_said(kernel: Kernel) -> None:
    assert reach.unknown([TYPO], ["utsns_get"]) == [PROBLEM]
    assert reach.unknown([TYPO], []) == []

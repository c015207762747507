# SPDX-License-Identifier: GPL-2.0
"""Batches: deaths survived, findings judged and confirmed. No kernel here."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any, Callable

import pytest

from lab import fake_machine, hour_passes, run_plan
from nslab_lab.host.errors import LabError
from nslab_lab.search import batch


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    """Runs executions 1 to @last of one of the fake guest's scenarios."""

    def start(
        scenario: str, last: int = 10, limit: int = 0, **more: str
    ) -> batch.Batch | None:
        machine = fake_machine(tmp_path)
        plan = run_plan(scenario, **more).boot(scenario, 1, last)
        return batch.run(machine, plan, tmp_path, limit, threading.Event())

    return start


def verdicts(result: batch.Batch) -> list[str]:
    return [one.oracle or "pass" for one in result.executions]


def test_nothing_found(run: Callable[..., Any]) -> None:
    result = run("passes")
    assert verdicts(result) == ["pass"] * 10
    assert [one.n for one in result.executions] == list(range(1, 11))
    assert not result.findings and not result.stopped
    assert result.met.hits["rcu_read_lock"] == 50
    assert result.met.executions["rcu_read_lock"] == 10


def test_after_a_death_the_rest_goes_on_in_a_new_boot(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    result = run("dies", last=30)
    assert [one.n for one in result.executions] == list(range(1, 31))
    assert [one.n for one in result.executions if one.failed] == [7, 23]
    assert sorted(path.name for path in tmp_path.glob("console-*")) == [
        "console-dies-1.log", "console-dies-24.log", "console-dies-8.log",
    ]  # fmt: skip
    dead = result.executions[6]
    assert (dead.oracle, dead.hash, dead.points) == ("kasan", "0000000000000007", 3)
    assert dead.message == "KASAN: slab-use-after-free in utsns_get+0x5e/0xb0"


def test_a_finding_that_comes_again_alone(run: Callable[..., Any], tmp_path: Path) -> None:
    (finding,) = run("dies", limit=1).findings
    assert finding.reproduced == batch.SOLO
    assert str(finding.failure.token).endswith(".none.1.7.7")
    assert [step.actor for step in finding.steps] == ["reader", "switcher"]
    assert finding.console.parent == tmp_path / "findings" / "dies-7" / "solo"


def test_a_finding_that_needs_the_executions_before_it(run: Callable[..., Any]) -> None:
    (finding,) = run("dies-after-others").findings
    assert finding.reproduced == batch.PREFIX and not finding.late
    # Of those before it, only as many as it takes.
    assert str(finding.failure.token).endswith(".none.1.6.7")
    assert [step.n for step in finding.steps] == [7, 7]


def test_a_finding_that_comes_again_alone_in_another_way(run: Callable[..., Any]) -> None:
    result = run("dies-differently", limit=1)
    (finding,) = result.findings
    assert finding.reproduced == batch.ALONE
    assert str(finding.failure.token).endswith(".none.1.7.7")
    # The replay shows the trace of the execution alone, so that is the finding's.
    assert result.executions[-1].hash == f"{1:016x}"
    assert finding.failure.execution.hash == f"{7:016x}"


def test_alone_has_to_be_the_same_each_time(run: Callable[..., Any]) -> None:
    (finding,) = run("dies-at-random", limit=1).findings
    assert finding.reproduced == batch.PREFIX
    assert str(finding.failure.token).endswith(".none.1.1.7")


def test_a_finding_that_does_not_come_again(run: Callable[..., Any]) -> None:
    (finding,) = run("dies-once").findings
    assert finding.reproduced == batch.NOT_REPRODUCED
    assert str(finding.failure.token).endswith(".none.1.1.7")
    assert finding.steps == ()


@pytest.mark.parametrize("leaves, reports", [(6, 7), (4, 7), (1, 9), (2, 9), (1, 2), (5, 10), (3, 10)])
@pytest.mark.parametrize("limit", [0, 1])
def test_a_late_report_is_traced_back(
    run: Callable[..., Any], leaves: int, reports: int, limit: int
) -> None:
    result = run(f"blames-{leaves}-{reports}", limit=limit)
    (finding,) = result.findings
    assert finding.reproduced == batch.SOLO and finding.late == reports - leaves
    assert str(finding.failure.token).endswith(f".none.1.{leaves}.{leaves}")
    # The trace is that of the execution that is to blame.
    assert {step.n for step in finding.steps} == {leaves}
    assert [one.n for one in result.executions if one.failed] == [reports]
    assert [one.n for one in result.executions] == list(range(1, reports + 1 if limit else 11))


def test_where_the_execution_to_blame_needs_the_one_that_reports(run: Callable[..., Any]) -> None:
    (finding,) = run("blames-only-4-7").findings
    assert finding.reproduced == batch.PREFIX and not finding.late
    assert str(finding.failure.token).endswith(".none.1.4.7")


@pytest.mark.parametrize("n", [1, 4, 9])
def test_what_kmemleak_finds_at_the_end_is_traced_back(run: Callable[..., Any], n: int) -> None:
    (finding,) = run(f"forgets-{n}").findings
    assert finding.failure.verdict.oracle == "kmemleak"
    assert finding.reproduced == batch.SOLO and finding.late == 10 - n
    assert str(finding.failure.token).endswith(f".none.1.{n}.{n}")


def test_what_the_last_one_leaves_is_its_own(run: Callable[..., Any]) -> None:
    (finding,) = run("forgets-10").findings
    assert finding.reproduced == batch.SOLO and not finding.late


def test_the_limit_ends_the_batch_at_that_finding(run: Callable[..., Any]) -> None:
    result = run("dies", last=30, limit=1)
    assert [one.n for one in result.executions] == list(range(1, 8))
    assert len(result.findings) == 1 and not result.stopped


def test_assertions_do_not_end_the_boot(run: Callable[..., Any], tmp_path: Path) -> None:
    result = run("asserts")
    assert [one.n for one in result.executions] == list(range(1, 11))
    assert [one.failure.execution.n for one in result.findings] == [3, 5]
    assert {one.failure.verdict.oracle for one in result.findings} == {"assertion"}
    assert all(one.reproduced == batch.SOLO for one in result.findings)
    assert len(list(tmp_path.glob("console-*"))) == 1


def test_the_limit_also_holds_where_the_boot_goes_on(run: Callable[..., Any]) -> None:
    result = run("asserts", limit=1)
    assert [one.n for one in result.executions] == [1, 2, 3]
    assert len(result.findings) == 1


def test_a_splat_that_does_not_kill(run: Callable[..., Any]) -> None:
    result = run("splats", last=6)
    assert verdicts(result) == ["pass"] * 3 + ["rcu"] + ["pass"] * 2
    assert result.executions[3].message == "suspicious RCU usage"


def test_a_hang_in_the_guests_time(run: Callable[..., Any]) -> None:
    result = run("guest-hang", last=6)
    assert verdicts(result) == ["pass"] * 3 + ["hang"] + ["pass"] * 2
    assert result.executions[3].message == "reader did not come back"


def test_a_guest_that_vanishes(run: Callable[..., Any]) -> None:
    result = run("vanishes", last=4)
    assert verdicts(result) == ["pass", "crash", "pass", "pass"]
    assert result.executions[1].message == "the guest ended without a report (signal 11)"


def test_a_guest_that_ends_too_early(run: Callable[..., Any]) -> None:
    result = run("ends", last=3)
    assert verdicts(result) == ["pass", "crash", "pass"]
    assert result.executions[1].message == "the guest ended without a report (status 0)"


def test_a_guest_that_stops_answering(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour_passes(monkeypatch, tmp_path)
    result = run("hangs", last=4)
    assert verdicts(result) == ["pass", "pass", "no-answer", "pass"]
    assert result.findings[0].reproduced == batch.SOLO


def test_a_report_after_the_last_execution_is_not_lost(run: Callable[..., Any]) -> None:
    result = run("late", last=4)
    assert verdicts(result) == ["pass"] * 3 + ["kasan"]
    assert result.findings[0].reproduced == batch.SOLO


def test_a_guest_that_does_not_boot_is_no_finding(run: Callable[..., Any]) -> None:
    with pytest.raises(LabError) as caught:
        run("no-boot")
    assert caught.value.status == 3


# === Searches: one boot, many executions of one number ===


@pytest.fixture
def search(tmp_path: Path) -> Callable[..., Any]:
    """Searches with up to @count schedules of one input."""

    def start(
        scenario: str,
        count: int = 1000,
        preemptions: int = 2,
        n: int = 1,
        limit: int = 1,
        **more: Any,
    ) -> batch.Batch | None:
        machine = fake_machine(tmp_path)
        plan = run_plan(scenario, strategy=f"bounded-{preemptions}", **more).boot(scenario, n, n)
        plan = dataclasses.replace(plan, count=count)
        return batch.run(machine, plan, tmp_path, limit, threading.Event())

    return start


def test_a_search_says_what_it_came_to(search: Callable[..., Any], tmp_path: Path) -> None:
    result = search("passes")
    assert len(result.executions) == 1 + 15 + 15 * 15
    assert {one.n for one in result.executions} == {1}
    assert [one.schedule for one in result.executions[:3]] == ["0", "a1b", "b1a"]
    assert not result.findings and not result.stopped
    assert (result.search.complete, result.search.schedules) == (2, [1, 15, 225])
    assert (result.search.cut, result.search.diverged) == (None, None)
    assert len(list(tmp_path.glob("console-*"))) == 1


def test_a_search_that_is_cut(search: Callable[..., Any]) -> None:
    result = search("passes", count=10)
    assert [len(result.executions), result.search.complete, result.search.cut] == [10, 0, "schedules"]
    assert not result.stopped


def test_a_search_ends_with_the_guest_that_died(search: Callable[..., Any], tmp_path: Path) -> None:
    result = search("needs-a5b-b3a", n=3)
    (finding,) = result.findings
    assert str(finding.failure.token).endswith(".replay-b3aa5b.1.3.3")
    assert finding.reproduced == batch.SOLO
    assert finding.failure.execution.schedule == "b3aa5b"
    assert finding.console.parent == tmp_path / "findings" / "needs-a5b-b3a-3" / "solo"
    assert result.executions[-1].failed and result.search is None and not result.stopped
    assert finding.failure.execution.n == 3 and {one.n for one in result.executions} == {3}


@pytest.mark.parametrize("limit", [0, 1])
def test_a_search_ends_with_an_assertion(search: Callable[..., Any], limit: int) -> None:
    result = search("asserts-needs-a5b", limit=limit)
    (finding,) = result.findings
    assert str(finding.failure.token).endswith(".replay-a5b.1.1.1")
    assert finding.reproduced == batch.SOLO and result.search.total == len(result.executions)


def test_failures_that_are_part_of_a_search(search: Callable[..., Any]) -> None:
    result = search("needs-a5b-c2")
    assert not result.findings and result.search.complete == 2


def test_a_search_that_dies_without_a_word(
    search: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour_passes(monkeypatch, tmp_path)
    result = search("hangs-in-search")
    (finding,) = result.findings
    assert finding.failure.verdict.oracle == "no-answer"
    # Nobody knows which schedule it was.
    assert str(finding.failure.token).endswith(".bounded-2.1.1.1")
    assert finding.failure.execution.schedule is None


def test_a_search_that_diverged_ends_the_run(search: Callable[..., Any]) -> None:
    with pytest.raises(LabError) as caught:
        search("diverges")
    assert caught.value.status == 3 and "\n" not in caught.value.message
    assert caught.value.message.startswith(
        "diverges: the search diverged, execution 3: a4b is not possible: the kernel did not do the "
        "same again; see "
    )
    assert caught.value.message.endswith("console-diverges-1.log")


def test_a_late_report_in_a_search_is_traced_back(search: Callable[..., Any]) -> None:
    (finding,) = search("late-needs-a3b").findings
    # The one that failed is the next: b3a.
    assert str(finding.failure.token).endswith(".replay-a3b.1.1.1")
    assert finding.reproduced == batch.SOLO and finding.late == 1
    assert finding.failure.execution.schedule == "a3b"


# === Strategies that draw, and schedules ===


def test_what_strategies_draw_has_their_token(run: Callable[..., Any]) -> None:
    (finding,) = run("needs-a5b-b3a-c2", strategy="pct-3-400").findings
    assert str(finding.failure.token).endswith(".pct-3-400.1.7.7")
    assert finding.reproduced == batch.SOLO and finding.failure.execution.schedule is None


@pytest.mark.parametrize(
    "schedule, fails", [("b3aa5b-c2", True), ("b3aa5b-c3", False), ("b3aa5ba9c-a1c2", True), ("0", False)]
)
@pytest.mark.parametrize("scenario", ["needs-a5b-b3a-c2", "cuts-needs-a5b-b3a-c2"])
def test_a_schedule_is_replayed(tmp_path: Path, scenario: str, schedule: str, fails: bool) -> None:
    plan = run_plan(scenario, strategy="random").boot(scenario, 1, 10)
    token = dataclasses.replace(plan.token_of(7).solo, strategy=f"replay-{schedule}")
    failure, boot = batch.replay(
        fake_machine(tmp_path), token, plan, tmp_path / "x", threading.Event()
    )
    assert [one.n for one in boot.executions] == ([] if fails else [7])
    assert all(step.n == 7 for step in boot.steps) and boot.steps
    assert (failure is not None) == fails
    if failure:
        assert failure.token == token and failure.execution.schedule == schedule

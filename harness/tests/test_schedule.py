# SPDX-License-Identifier: GPL-2.0
"""Many batches at a time: what comes out depends on the plan alone. No kernel here."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import pytest

from lab import run_plan
from nslab_lab.guest.results import Execution, Search
from nslab_lab.guest.verdict import assertion
from nslab_lab.host.errors import LabError, lab_failed
from nslab_lab.plans.plan import RunPlan
from nslab_lab.search import batch, pool
from nslab_lab.search.batch import Batch, Finding
from nslab_lab.search.failures import Failure


class View:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.findings: list[Any] = []
        self.scenarios: list[Any] = []
        self.seen = 0

    def execution(self, scenario: Any, execution: Any) -> None:
        self.seen += 1

    def batch(self, scenario: str, executions: list[Execution]) -> None:
        self.lines += [one.line(scenario) for one in executions]

    def finding(self, finding: Finding) -> None:
        self.findings.append(str(finding.failure.token))

    def scenario(self, result: pool.ScenarioResult) -> None:
        self.scenarios.append(result.name)


def fake_batch(failing: set[str], delays: Callable[..., Any] = lambda: 0.0) -> Callable[..., Any]:
    """A batch runner whose executions in @failing ("a-3") fail."""

    def run(plan: Any, stop: Any, on_execution: Any) -> Any:
        time.sleep(delays())
        result = Batch(plan, seconds=1.0)
        for n in range(plan.first, plan.last + 1):
            if stop.is_set():
                result.stopped = True
                break
            bad = f"{plan.token.scenario}-{n}" in failing
            execution = Execution(n, "0", "fail" if bad else "pass", None, None, 2, 1, 1, f"{n:x}")
            result.executions.append(execution)
            if bad:
                failure = Failure(plan.token_of(n), execution, assertion("x"))
                result.findings.append(Finding(failure, batch.SOLO))
            on_execution(execution)
        return result

    return run


def execute(
    plan: RunPlan,
    run_batch: Callable[..., Any],
    jobs: int = 3,
    stop: threading.Event | None = None,
    view: View | None = None,
) -> tuple[list[pool.ScenarioResult], View] | None:
    view = view or View()
    with ThreadPoolExecutor(jobs) as executor:
        results = pool.execute(plan, executor, jobs, run_batch, stop or threading.Event(), view)
    return results, view


@pytest.mark.parametrize("findings", [0, 1, 2])
def test_results_do_not_depend_on_timing_or_jobs(findings: int) -> None:
    plan = run_plan("a", "b", "c", executions=95, findings=findings)
    failing = {"a-12", "a-37", "a-38", "b-95"}
    told = set()
    for seed in range(6):
        dice = random.Random(seed)
        run_batch = fake_batch(failing, lambda: dice.choice([0, 0, 0.003, 0.01]))
        results, view = execute(plan, run_batch, jobs=seed + 1)
        told.add(("\n".join(view.lines), tuple(view.findings), tuple(view.scenarios)))
        counts = {result.name: (result.executions, len(result.findings)) for result in results}
        assert counts == {
            0: {"a": (95, 3), "b": (95, 1), "c": (95, 0)},
            1: {"a": (12, 1), "b": (95, 1), "c": (95, 0)},
            2: {"a": (37, 2), "b": (95, 1), "c": (95, 0)},
        }[findings]
    assert len(told) == 1


def test_sums() -> None:
    (result,), view = execute(run_plan("a"), fake_batch(set()))
    assert (result.executions, result.points, result.faults) == (30, 60, 30)
    assert result.guest_seconds == 3.0 and result.complete and not result.enough
    assert view.seen == 30


def test_what_follows_the_last_wanted_finding_is_not_started() -> None:
    plan = run_plan("a", executions=10_000)
    _, view = execute(plan, fake_batch({"a-1"}), jobs=2)
    assert view.seen < 200


def test_a_stop_keeps_what_there_is() -> None:
    stop = threading.Event()
    view = View()
    run_batch = fake_batch(set(), lambda: 0.01)

    def stopping(plan: Any, inner_stop: Any, on_execution: Any) -> Any:
        if plan.first > 50:
            stop.set()
        return run_batch(plan, inner_stop, on_execution)

    (result,), view = execute(run_plan("a", executions=10_000), stopping, 2, stop, view)
    assert 0 < result.executions < 200 and not result.complete
    assert len(view.lines) == result.executions


def test_an_error_ends_the_run_after_telling_what_there_is() -> None:
    good = fake_batch({"a-21"})

    def failing(plan: Any, stop: Any, on_execution: Any) -> Any:
        if plan.first == 11:
            time.sleep(0.1)
            raise lab_failed("no boot")
        return good(plan, stop, on_execution)

    view = View()
    with pytest.raises(LabError, match="no boot"):
        execute(run_plan("a"), failing, 3, view=view)
    assert view.findings and len(view.lines) == 10 + 1


# === Searches: a batch is an input ===


def fake_search(failing: dict[tuple[str, int], int], cut: None = None) -> Callable[..., Any]:
    """A runner of searches; @failing: {(scenario, input): schedules until it fails}."""

    def run(plan: Any, stop: Any, on_execution: Any) -> Any:
        result = Batch(plan, seconds=1.0)
        n, scenario = plan.first, plan.token.scenario
        dies = failing.get((scenario, n))
        for number in range(dies or plan.count):
            bad = number + 1 == dies
            execution = Execution(
                n, "0", "fail" if bad else "pass", None, None, 2, 1, 1, "0", f"a{number}b"
            )
            result.executions.append(execution)
            on_execution(execution)
            if bad:
                failure = Failure(plan.token_of(n), execution, assertion("x"))
                result.findings.append(Finding(failure, batch.SOLO))
        if not dies:
            result.search = Search(n, 2, [1, plan.count - 1], 0, 0, 5, 0, cut, None)
        return result

    return run


def test_every_input_is_searched() -> None:
    plan = run_plan("a", "b", strategy="bounded-2", inputs=(3, 1), executions=50)
    results, view = execute(plan, fake_search({}))
    assert [(one.name, one.executions, one.wanted) for one in results] == [("a", 150, 0), ("b", 50, 0)]
    assert [search.n for search in results[0].searches] == [1, 2, 3]
    assert all(one.complete and not one.enough for one in results)
    assert view.scenarios == ["a", "b"] and view.seen == 200


@pytest.mark.parametrize("limit, executions, searches", [(1, 50 + 20, [1]), (0, 50 + 20 + 50, [1, 3])])
def test_a_search_that_finds_something(limit: int, executions: int, searches: list[int]) -> None:
    plan = run_plan("a", strategy="bounded-2", inputs=(3,), executions=50, findings=limit)
    (result,), view = execute(plan, fake_search({("a", 2): 20}), jobs=3)
    assert result.executions == executions == len(view.lines)
    assert [search.n for search in result.searches] == searches
    assert len(view.findings) == 1 and result.complete and result.enough == bool(limit)

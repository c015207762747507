# SPDX-License-Identifier: GPL-2.0
"""Words that are found to be shared later: watched by the next boot, and part of tokens."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import fake_machine, run_plan
from nslab_lab.guest.results import Execution
from nslab_lab.guest.words import Word
from nslab_lab.plans import token, watch
from nslab_lab.plans.plan import PILOT, BootPlan, RunPlan
from nslab_lab.plans.watch import ALL_SHARED, Watching
from nslab_lab.search import batch, growth, pool
from nslab_lab.search.pool import ScenarioResult

SHARED = Watching((ALL_SHARED,))


def plan_of(*scenarios: str, watching: Watching = SHARED, **more: Any) -> RunPlan:
    values: dict[str, Any] = dict(strategy="random", executions=PILOT + 20, batch=PILOT + 6) | more
    return run_plan(*scenarios, watching=(watching,) * len(scenarios), **values)


def boot_of(plan: RunPlan) -> BootPlan:
    return next(plan.batches(plan.scenarios[0]))


def word(name: str, offset: int, new: bool = True, kind: str = "cache") -> Word:
    return Word(0, kind, name, offset, 4, new=new)


# === What is watched besides ===


def test_what_is_new_is_watched_in_granules() -> None:
    boot = boot_of(plan_of("a"))
    words = [
        word("cred", 12), word("cred", 16), word("cred", 40), word("cred", 80, new=False),
        word("newary", 8, kind="kmalloc"), word("hits", 0, kind="static"), word("x", 0, kind="vmalloc"),
    ]  # fmt: skip
    more = growth.wider(boot, words)
    assert more is not None
    assert more.token.grown == ("cred:8:16", "cred:40:8", "@newary:8:8", "=hits:0:8")
    assert token.parse(str(more.token)) == more.token
    assert growth.wider(more, words) is None  # nothing that is not there
    assert growth.wider(boot, words[3:4]) is None


def test_a_token_stays_short() -> None:
    many = [word(f"cache_number_{n}", 8) for n in range(100)]
    more = growth.wider(boot_of(plan_of("a")), many)
    assert more is not None and 5 < len(more.token.grown) < 20 and len(str(more.token)) < 400


@pytest.mark.parametrize("more", [{"strategy": "none"}, {"watching": Watching((watch.parse("cred:0:8"),))}])
def test_where_not_all_that_is_shared_is_watched_nothing_grows(more: dict[str, Any]) -> None:
    plan = plan_of("a", **more)
    assert not any(one.grows for one in plan.batches("a")) and not plan.has_pilot("a")


# === A batch ===


def run(tmp_path: Path, plan: BootPlan) -> batch.Batch:
    machine = fake_machine(tmp_path)
    folder = tmp_path / "run"
    folder.mkdir(exist_ok=True)
    return batch.run(machine, plan, folder, 1, threading.Event())


def test_the_pilot_begins_again_until_the_set_holds(tmp_path: Path) -> None:
    boot = boot_of(plan_of("later-2"))
    assert (boot.first, boot.count, boot.grows) == (1, PILOT, True)
    done = run(tmp_path, boot)
    assert done.grown == ("late0:16:8", "late1:16:8")
    assert [one.n for one in done.executions] == list(range(1, PILOT + 1))
    (last,) = done.profiled
    assert last.held and last.words == 4 and not any(one.new for one in done.words)
    # What was watched is in the names of files, so that no boot's are lost.
    assert sorted(path.name for path in (tmp_path / "run").glob("console-*")) == [
        "console-later-2-1+1.log", "console-later-2-1+2.log", "console-later-2-1.log",
    ]  # fmt: skip


def test_it_does_so_three_times_at_most(tmp_path: Path) -> None:
    done = run(tmp_path, boot_of(plan_of("later-9")))
    assert done.grown == ("late0:16:8", "late1:16:8", "late2:16:8")
    assert not done.profiled[0].held and [one.name for one in done.words if one.new] == ["late3"]


def test_a_search_begins_again_from_its_first_schedule(tmp_path: Path) -> None:
    plan = plan_of("alike-3", strategy="bounded-1", executions=1000)
    done = run(tmp_path, boot_of(plan))
    assert done.grown == ("late:0:24",)
    schedules = [one.schedule for one in done.executions]
    assert done.search and done.search.total == len(schedules) == len(set(schedules))


def test_words_by_hand_are_nothing_new(tmp_path: Path) -> None:
    hand = Watching((ALL_SHARED, watch.parse("late0:0:64")))
    done = run(tmp_path, boot_of(plan_of("later-1", watching=hand)))
    assert done.grown == () and done.profiled[0].held


# === A run ===


class View:
    def __init__(self) -> None:
        self.batches: list[tuple[str, int]] = []

    def execution(self, scenario: str, execution: Execution) -> None:
        pass

    def batch(self, scenario: str, executions: list[Execution]) -> None:
        self.batches.append((scenario, executions[0].n))

    def finding(self, finding: Any) -> None:
        pass

    def scenario(self, result: ScenarioResult) -> None:
        pass


@pytest.mark.parametrize("jobs", [1, 4])
def test_other_boots_watch_what_the_pilot_found(tmp_path: Path, jobs: int) -> None:
    plan = plan_of("later-1", "passes")
    machine = fake_machine(tmp_path)
    booted: list[tuple[str, int, tuple[str, ...]]] = []

    def run_batch(boot: BootPlan, stop: Any, on_execution: Any) -> batch.Batch:
        booted.append((boot.token.scenario, boot.first, boot.token.grown))
        return batch.run(machine, boot, tmp_path, 1, stop, on_execution)

    view = View()
    with ThreadPoolExecutor(jobs) as executor:
        first, second = pool.execute(plan, executor, jobs, run_batch, threading.Event(), view)
    # The order does not depend on how many boots there are at a time.
    assert view.batches == [("later-1", 1), ("passes", 1), ("later-1", PILOT + 1), ("passes", PILOT + 1)]
    assert sorted(booted) == [
        ("later-1", 1, ()), ("later-1", PILOT + 1, ("late0:16:8",)), ("passes", 1, ()), ("passes", PILOT + 1, ()),
    ]  # fmt: skip
    assert first.grown == ("late0:16:8",) and all(one.held for one in first.profiled)
    assert first.executions == second.executions == PILOT + 20


def test_a_finding_says_what_was_watched(tmp_path: Path) -> None:
    boot = boot_of(plan_of("dies"))
    boot = replace(boot, token=replace(boot.token, grown=("late0:16:8",)))
    (finding,) = run(tmp_path, boot).findings
    assert finding.failure.token.grown == ("late0:16:8",) and finding.reproduced == batch.SOLO

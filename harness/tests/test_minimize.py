# SPDX-License-Identifier: GPL-2.0
"""Findings made as small as they get. No kernel here: see fake_guest.py for what fails when."""

from __future__ import annotations

import dataclasses
import re
import threading
from pathlib import Path
from typing import Any, Callable

import pytest

from lab import ACTORS, fake_machine, run_plan
from nslab_lab.findings import minimize, retrace, trials
from nslab_lab.guest import verdict
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Execution, Step
from nslab_lab.plans import strategies
from nslab_lab.plans.plan import BootPlan
from nslab_lab.search import batch
from nslab_lab.search.failures import Failure


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return fake_machine(tmp_path)


@pytest.fixture
def find(machine: Machine, tmp_path: Path) -> Callable[..., Any]:
    """The first finding of a scenario under a strategy, and the boot that showed it."""

    def start(
        scenario: str, strategy: str = "random", **more: Any
    ) -> tuple[batch.Finding, BootPlan]:
        folder = tmp_path / "run"
        folder.mkdir()
        boot = run_plan(scenario, strategy=strategy, **more).boot(scenario, 1, 10)
        (finding,) = batch.run(machine, boot, folder, 1, threading.Event()).findings
        return finding, boot

    return start


@pytest.fixture
def small(machine: Machine, tmp_path: Path) -> Callable[..., Any]:
    """What comes of making a finding smaller; the schedule, as it stands in its token."""

    def start(finding: batch.Finding, boot: BootPlan, stop: Any = None) -> batch.Finding | None:
        place = tmp_path / "small"
        return minimize.minimize(machine, finding, boot, place, stop or threading.Event(), ACTORS)

    return start


def schedule(finding: batch.Finding) -> str:
    return strategies.parse(finding.failure.token.strategy).schedule


def boots(folder: Path) -> int:
    return len(list(folder.glob("small/*/results-*.jsonl")))


@pytest.mark.parametrize("how", ["", "asserts-", "cuts-"])
@pytest.mark.parametrize(
    "needs, left, at_most",
    [
        # Those of two switches and fewer are tried in one boot; two confirm.
        ("", "0", 4), ("a5b", "a5b", 4), ("b5a", "b5a", 4), ("a5b-b3a", "b3aa5b", 4),
        ("a3b-a5b", "a3ba5b", 4),
        # One boot for each failed allocation that can be left out, one to see that no more can.
        ("a5b-c2", "a5b-c2", 7), ("a5b-b3a-c2", "b3aa5b-c2", 7), ("a2", "0-a2", 7),
        ("a5b-b3a-a1-b2-c2", "b3aa5b-a1b2c2", 7),
    ],
)  # fmt: skip
def test_what_is_left_is_what_it_takes(
    find: Callable[..., Any],
    small: Callable[..., Any],
    tmp_path: Path,
    needs: str,
    left: str,
    at_most: int,
    how: str,
) -> None:
    finding, boot = find(f"{how}needs-{needs}")
    assert len(minimize.schedule_of(finding.steps, ACTORS).switches) >= 40
    found = small(finding, boot)
    assert schedule(found) == left
    n = 7 if needs else 1
    assert str(found.failure.token).endswith(f".replayall-{left}.1.{n}.{n}")
    assert found.failure.verdict.signature == finding.failure.verdict.signature
    assert found.reproduced == batch.SOLO and found.console.exists()
    assert boots(tmp_path) <= at_most
    # The trace is the smaller one's.
    assert str(minimize.schedule_of(found.steps, ACTORS)) == left


@pytest.mark.parametrize("needs, left", [("a5b", "a5b"), ("a5b-b3a-c2", "b3aa5b-c2")])
def test_what_reports_late_is_made_smaller(
    find: Callable[..., Any], small: Callable[..., Any], needs: str, left: str
) -> None:
    finding, boot = find(f"late-needs-{needs}")
    assert finding.late == 1 and finding.failure.execution.n == 7
    found = small(finding, boot)
    assert schedule(found) == left
    assert str(found.failure.token).endswith(f".replayall-{left}.1.7.7")
    assert str(minimize.schedule_of(found.steps, ACTORS)) == left


def test_more_than_two_switches_are_found_from_above(
    find: Callable[..., Any], small: Callable[..., Any], tmp_path: Path
) -> None:
    finding, boot = find("needs-a5b-b15c-c31a-b45a-c2")
    # They may stand anywhere between those that do not matter.
    found = small(finding, boot)
    assert schedule(found) == "a5bb15cc31ab45a-c2"
    assert boots(tmp_path) <= 40


def test_two_switches_that_can_only_go_together(
    find: Callable[..., Any], small: Callable[..., Any]
) -> None:
    finding, boot = find("needs-a5b-b15c-c31a-b45a-pair-a7b-b8a")
    found = small(finding, boot)
    assert schedule(found) == "a5bb15cc31ab45a"


def test_a_long_schedule_is_not_tried_pair_by_pair(
    find: Callable[..., Any],
    small: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(minimize, "MAX_PAIRS_OF", 30)
    finding, boot = find("needs-a5b-b3a-c2")
    assert schedule(small(finding, boot)) == "b3aa5b-c2"
    assert boots(tmp_path) <= 40


def test_a_plan_of_many_candidates_takes_several_boots(
    find: Callable[..., Any],
    small: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trials, "MAX_CANDIDATES", 25)
    finding, boot = find("needs-a5b-b3a-c2")
    assert schedule(small(finding, boot)) == "b3aa5b-c2"


def test_another_failure_on_the_way_is_passed_over(
    find: Callable[..., Any], small: Callable[..., Any]
) -> None:
    # a4b alone fails in another way, and ends the boot in which a5b would have been next.
    finding, boot = find("needs-a5b-other-a4b")
    assert schedule(small(finding, boot)) == "a5b"


def test_a_finding_of_no_schedule_is_searched_for(
    find: Callable[..., Any], small: Callable[..., Any], tmp_path: Path
) -> None:
    finding, boot = find("needs-a5b-b3a-c13", "none")
    found = small(finding, boot)
    assert schedule(found) == "b3aa5b-c13"
    assert boots(tmp_path) <= 6


def test_the_same_place_is_the_same_failure_for_a_search(
    find: Callable[..., Any], small: Callable[..., Any]
) -> None:
    finding, boot = find("varies-needs-a5b-b3a", "none")
    found = small(finding, boot)
    assert schedule(found).startswith("b3aa5b")
    assert finding.failure.verdict.headline.startswith("KASAN: slab-use-after-free in utsns_get")
    assert found.failure.verdict.headline.startswith("KASAN: null-ptr-deref in utsns_get")


def test_a_use_after_free_may_show_at_another_place(
    find: Callable[..., Any], small: Callable[..., Any]
) -> None:
    finding, boot = find("wanders-needs-a5b-b3a", "none")
    found = small(finding, boot)
    assert schedule(found).startswith("b3aa5b")
    assert "use-after-free in free_nsproxy" in found.failure.verdict.headline


def test_another_failure_at_another_place_is_another(
    find: Callable[..., Any], small: Callable[..., Any]
) -> None:
    finding, boot = find("strays-needs-a5b-b3a", "none")
    assert small(finding, boot) is None


def test_what_no_search_finds_is_drawn(find: Callable[..., Any], small: Callable[..., Any]) -> None:
    finding, boot = find("needs-a5b-b33a", "none")
    found = small(finding, boot)
    assert set(re.findall(r"[a-z]\d+[a-z]", schedule(found))) == {"a5b", "b33a"}
    assert found.failure.token.n == finding.failure.token.n
    assert found.failure.verdict.signature == finding.failure.verdict.signature


def test_what_no_search_finds_stays_as_it_is(
    find: Callable[..., Any], small: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minimize, "DRAWN_BY", ())
    finding, boot = find("needs-a5b-b33a", "none")
    assert small(finding, boot) is None
    assert boots(tmp_path) == 2  # and its turns are not taken again, either


def test_what_does_not_come_again_stays_as_it_is(
    find: Callable[..., Any], small: Callable[..., Any]
) -> None:
    finding, boot = find("dies")  # whatever its schedule is
    assert finding.reproduced == batch.SOLO
    assert small(finding, boot) is None


def test_a_guest_that_cannot_use_the_plan_costs_no_finding(
    find: Callable[..., Any], small: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    finding, boot = find("needs-a5b")
    token = dataclasses.replace(finding.failure.token, scenario="bad-plan")
    finding = dataclasses.replace(finding, failure=dataclasses.replace(finding.failure, token=token))
    assert small(finding, boot) is None


def test_no_more_boots_than_allowed(
    find: Callable[..., Any],
    small: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trials, "MAX_BOOTS", 3)
    finding, boot = find("needs-a5b-b15c-c31a-b45a-c2")
    small(finding, boot)
    # And those that confirm it, and one search.
    assert boots(tmp_path) <= 3 + 2 + 1


@pytest.mark.parametrize("after", range(4))
def test_a_stop_leaves_the_finding_as_it_is(
    find: Callable[..., Any], small: Callable[..., Any], tmp_path: Path, after: int
) -> None:
    class Stop:
        def is_set(self) -> bool:
            return boots(tmp_path) > after

    finding, boot = find("slow-needs-a5b-b3a-c2")
    assert small(finding, boot, Stop()) is None
    assert boots(tmp_path) == after + 1


# === Schedules of traces ===


def step(
    actor: str,
    local: int = 0,
    next: str = "",
    enabled: int = 0b111,
    kind: str = "point",
    **more: Any,
) -> Step:
    return Step(1, 1, actor, "p", "", 0, 0, kind=kind, local=local, next=next, enabled=enabled, **more)


@pytest.mark.parametrize(
    "steps, text",
    [
        ([], "0"),
        # Who runs goes on, whoever is the first begins.
        ([step("", next="reader", kind="begin", free=True), step("reader", 1, "reader")], "0"),
        ([step("", next="third", kind="begin", free=True)], "z0c"),
        ([step("", next="switcher", enabled=0b110, kind="begin", free=True)], "0"),
        ([step("reader", 4, "switcher"), step("switcher", 2, "reader")], "a4bb2a"),
        # Who cannot go on is followed by the first that can.
        ([step("switcher", 9, "reader", 0b101, "end", free=True)], "0"),
        ([step("switcher", 9, "third", 0b101, "end", free=True)], "b9c"),
        # Where nothing was decided.
        ([step("reader", 3), step("third", kind="start")], "0"),
        ([step("reader", 3, kind="fault"), step("third", 12, kind="fault")], "0-a3c12"),
        ([step("reader", 3, kind="fault"), step("reader", 1, "third")], "a1c-a3"),
    ],
)
def test_only_what_is_not_decided_by_default(steps: list[Step], text: str) -> None:
    assert str(minimize.schedule_of(steps, ACTORS)) == text


def test_preemptions() -> None:
    assert minimize.preemptions([]) == 0
    steps = [
        step("", next="third", kind="begin", free=True), step("third", 1, "third"),
        step("third", 2, "reader"), step("reader", 1, "third", free=True), step("third", 3),
        step("third", 4, "switcher"),
    ]  # fmt: skip
    assert minimize.preemptions(steps) == 2


def test_what_no_search_finds_is_made_from_its_trace(
    find: Callable[..., Any], small: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    finding, boot = find("needs-a5b-b33a", "none")
    monkeypatch.setattr(
        retrace, "schedule",
        lambda steps, actors, failures, replay: strategies.parse_schedule("a5bb9aa20bb33a-a11"),
    )  # fmt: skip
    assert schedule(small(finding, boot)) == "a5bb33a"


@pytest.mark.parametrize(
    ("headline", "actor"),
    [
        ("actor looper spins in __rcu_read_lock+0x24b/0x330", "looper"),
        ("actor looper does not go on in __task_pid_nr_ns+0x16f/0x480", "looper"),
        ("actor other spins", "other"),
        ("the execution does not end", ""),
    ],
)
def test_who_loops(headline: str, actor: str) -> None:
    """A search that finds the same actor in a loop has found the same, wherever it is then."""
    judged = verdict.Verdict("hang", headline, "hang:x")
    token = run_plan("hangs").token("hangs", 1, 1)
    execution = Execution(1, None, "fail", None, None, None, None, None, None)
    failure = Failure(token, execution, judged)
    assert trials._loops(failure) == actor
    elsewhere = dataclasses.replace(failure, verdict=dataclasses.replace(judged, oracle="kasan"))
    assert trials._loops(elsewhere) == ""

# SPDX-License-Identifier: GPL-2.0
"""What was tried of the failure sites, as the executions tell it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from lab import run_plan
from nslab_lab.debuginfo import symbols
from nslab_lab.guest.results import Execution, Refused, Site, Stack
from nslab_lab.report import claims
from nslab_lab.search import failsites
from nslab_lab.search.failsites import Call, FailSites
from nslab_lab.search.pool import ScenarioResult

UNSHARE = "unshare(CLONE_NEWUTS)"
A = Site(1, "target", 1, UNSHARE, 1, 1, "aa", True)
B = dataclasses.replace(A, nth=2, stack="bb")
OTHER = Site(1, "reader", 1, "open(path,\n\tO_RDONLY)", 1, 1, "cc", True)
FRAMES = ["kmem_cache_alloc+0x1/0x2", "copy_utsname+0x3/0x4", "handle_syscall+0x5/0x6", "userspace+0x7/0x8"]
STACK = Stack("aa", "failslab", FRAMES)


def execution(n: int, site: Site | None = None, errno: str | None = "ENOMEM") -> Execution:
    refused = None
    if site:
        refused = Refused(site.actor, site.call, site.name, site.nth, site.again, site.stack, errno)
    return Execution(n, "0", "pass", None, None, 1, 1, 1, "0", refused=refused)


def found(
    *executions: Execution, sites: tuple[Site, ...] = (A, B, OTHER), setups: int = 1, round: int = 4
) -> FailSites:
    result = FailSites(setups, round=round)
    result.add(sites, [STACK], list(executions))
    return result


def claim(sites: FailSites, **more: Any) -> str:
    plan = run_plan("a", **more)
    result = ScenarioResult("a", 0, sites=sites)
    lines = claims.of(plan, [result])
    assert all(len(line) <= 80 for line in lines)
    return " ".join(line.strip() for line in lines)


WHOLE = (execution(1, A), execution(2, B, None), execution(3), execution(4, OTHER))


def test_a_complete_round() -> None:
    sites = found(*WHOLE)
    assert sites.complete and sites.finished and sites.untried == {}
    assert sites.allocations == (3, 3) and sites.total == 3
    assert claim(sites) == (
        "a: complete for the schedules run: 3 failure sites, each was tried, 3 allocations; target "
        "unshare(CLONE_NEWUTS): 2; reader open(path, O_RDONLY): 1"
    )


def test_what_was_seen_and_not_tried_is_told() -> None:
    sites = found(*WHOLE[:3], execution(4))
    assert not sites.complete
    assert sites.untried == {Call("reader", "open(path, O_RDONLY)"): 1}
    assert claim(sites) == (
        "a: not complete: 2 of 3 failure sites tried, 2 of 3 allocations; target "
        "unshare(CLONE_NEWUTS): 2; reader open(path, O_RDONLY): 1 (1 NOT TRIED)"
    )


def test_less_than_a_round_is_not_complete() -> None:
    sites = found(execution(1, A), sites=(A,), round=2)
    assert not sites.complete
    assert "a: not complete: 1 of 1 failure site tried, 1 of 1 allocations; a round has 2 executions" in claim(sites)
    assert not found(execution(1, A), sites=(A,), round=0).complete


def test_one_site_of_many_allocations() -> None:
    again = dataclasses.replace(A, again=2, nth=3)
    sites = found(execution(1, A), execution(2), sites=(A, again), round=2)
    # The place was tried, but not each time that a call comes there.
    assert sites.complete and not sites.finished and sites.total == 1
    assert sites.allocations == (1, 2)
    assert claim(sites).startswith(
        "a: complete for the schedules run: 1 failure site, it was tried, 1 of 2 allocations; "
    )


def test_setups_are_told_apart() -> None:
    second = dataclasses.replace(A, n=2)
    sites = found(execution(1, A), execution(2), sites=(A, second), setups=2, round=2)
    assert sites.allocations == (1, 2)
    sites.add([], [], [execution(4, A)])
    assert sites.allocations == (2, 2) and sites.finished


def test_what_nobody_counted_has_to_be_tried_too() -> None:
    rare = dataclasses.replace(B, counted=False, stack="dd", n=2)
    assert not found(*WHOLE, sites=(A, B, OTHER, rare)).complete
    tried = found(*WHOLE, execution(5, rare), sites=(A, B, OTHER, rare))
    assert tried.finished and tried.allocations == (3, 3)


def test_a_guest_that_was_ahead_does_not_count() -> None:
    rare = dataclasses.replace(B, counted=False, stack="dd", n=9)
    assert found(*WHOLE, sites=(A, B, OTHER, rare)).complete


def test_no_marked_call() -> None:
    assert claim(found(execution(1), sites=())) == "a: no marked call allocates memory, or none was made"


def test_claims_of_a_strategy_come_first() -> None:
    sites = found(*WHOLE)
    plan = run_plan("a", strategy="pct-2-10", lengths=(10,))
    lines = claims.of(plan, [ScenarioResult("a", 0, executions=4, sites=sites)])
    assert lines[0].startswith("a: no bound") and "a: complete for the schedules run: 3 failure sites" in lines[-2]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbols, "look_up", lambda linux, frames: None)
    monkeypatch.setattr(
        symbols, "line_of", lambda linux, frame: "kernel/utsname.c:9" if "copy" in frame else None
    )


def test_the_document(lines: None, tmp_path: Path) -> None:
    text = failsites.document(tmp_path, "a", found(*WHOLE[:3], execution(4, A, "none")))
    assert text == (
        "a: 3 failure sites, 2 of 3 allocations failed once\n"
        "\n"
        "  target unshare(CLONE_NEWUTS)\n"
        "    1  failslab, first tried in execution 1: ENOMEM (1), it did not return (1)\n"
        "         kmem_cache_alloc\n"
        "         copy_utsname (kernel/utsname.c:9)\n"
        "    2  first tried in execution 2: it did not fail (1)\n"
        "         the stack is not known\n"
        "\n"
        "  reader open(path, O_RDONLY)\n"
        "    1  NOT TRIED\n"
        "         the stack is not known\n"
    )

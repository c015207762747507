# SPDX-License-Identifier: GPL-2.0
"""`nslab coverage` from end to end, but for the kernel: see test_e2e.py."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any, Callable

import pytest

from lab import PLACES, Command
from nslab_lab.build import catalog, scenarios
from nslab_lab.build.catalog import Point
from nslab_lab.debuginfo import readers
from test_run import interrupted, nslab


@pytest.fixture(autouse=True)
def two_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mere process has no more."""
    items = [Point("rcu_read_lock", ""), Point("exit_notify", "", "nsproxy")]
    monkeypatch.setattr(catalog, "points", lambda: items)


@pytest.fixture
def coverage(nslab: Command) -> Callable[..., Any]:
    def run(*scenarios: str, executions: int = 20) -> tuple[int, str, str]:
        return nslab("coverage", "--scenario", ",".join(scenarios), "--executions", str(executions))

    return run


def has_readers(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """The kernel has these."""
    known = readers._Known(list(names), PLACES)
    monkeypatch.setattr(readers, "_known", lambda linux, places: known)


def lines_of(out: str) -> list[str]:
    return out.split("\n\n")[-1].splitlines()


def everything(monkeypatch: Any, *names: Any) -> None:
    """These are all the scenarios that there are."""
    choose = scenarios.choose
    monkeypatch.setattr(scenarios, "choose", lambda wanted: choose(wanted or names))


def test_what_nobody_reaches_is_a_failure(
    nslab: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    everything(monkeypatch, "passes", "exits")
    status, out, _ = nslab("coverage", "--executions", "20")
    assert status == 1
    assert "kernel 6.12-0123abcd, 80 executions of 2 scenarios\n" in out
    rows = [line.split() for line in out.splitlines() if line.startswith(("utsns", "valid", "exit"))]
    assert rows == [
        ["utsns_get", "80", "all"], ["validate_nsset", "40", "exits"], ["exit_notify", "40", "exits"],
    ]  # fmt: skip
    failure, summary, rest, kept = lines_of(out)
    assert failure == "reader pidfd_ioctl: never reached by any scenario"
    assert summary == "nsproxy: 1 of 1 points and 2 of 3 readers reached; not pidfd_ioctl"
    assert rest == "any subject: 1 of 1 points reached"
    assert max(map(len, out.splitlines()[:-1])) <= 80
    folder = tmp_path / "coverage" / "latest"
    assert (folder / "coverage.txt").read_text() in out and kept.startswith("kept in ")
    plans = [json.loads(path.read_text()) for path in sorted(folder.glob("*/plan.json"))]
    assert [one["strategy"] for one in plans] == ["none", "random"]


def test_everything_is_reached(
    coverage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    has_readers(monkeypatch, "utsns_get", "validate_nsset")
    status, out, _ = coverage("passes", "exits")
    assert status == 0
    assert lines_of(out)[:2] == [
        "nsproxy: 1 of 1 points and 2 of 2 readers reached", "any subject: 1 of 1 points reached",
    ]  # fmt: skip


def test_one_scenario_need_not_reach_it_all(coverage: Any) -> None:
    """What others cover is told, and is no failure."""
    status, out, _ = coverage("passes")
    assert status == 0
    assert lines_of(out)[:-1] == [
        "nsproxy: 0 of 1 points and 1 of 3 readers reached; not exit_notify, pidfd_ioctl,",
        "  validate_nsset",
        "any subject: 1 of 1 points reached",
    ]
    assert "none" in out


def test_a_scenario_that_says_what_is_not_so(
    coverage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    has_readers(monkeypatch, "utsns_get", "validate_nsset", "pidfd_ioctl", "utsns_gte")
    status, out, _ = coverage("exits", "late")
    assert status == 1
    # What it dies of was nothing to keep silent about either.
    assert "FINDING late, execution 20\nKASAN: slab-use-after-free" in out
    assert "late: REACHES names 'exit_notify', but in 40 executions it was not reached" in out


@pytest.mark.parametrize("command", ["coverage", "run", "matrix"])
def test_a_typo_in_reaches_is_refused_before_anything_runs(
    nslab: Command, command: Any
) -> None:
    status, out, err = nslab(command, "--scenario", "exits,late", "--executions", "20")
    assert (status, out) == (2, "")
    assert err == (
        "nslab: scenarios/nsproxy/late.c: REACHES names 'utsns_gte', which is neither a reader of "
        "this kernel nor a named point; is 'utsns_get' meant?\n"
    )


def test_findings_alone_are_status_1(
    coverage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    has_readers(monkeypatch, "utsns_get", "validate_nsset")
    status, out, _ = coverage("exits", "asserts")
    assert status == 1
    assert out.count("FINDING asserts, execution 3\n") == 2 and "make replay TOKEN=" in out
    assert lines_of(out)[:2] == [
        "nsproxy: 1 of 1 points and 2 of 2 readers reached", "any subject: 1 of 1 points reached",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "options, message",
    [
        (["--executions", "0"], "executions=0: not between 1 and 1000000"),
        (["--seed", "x"], "seed=x: not a whole number"),
        (["--scenario", "pass"], "no scenario 'pass': is 'passes' meant?"),
    ],
)
def test_wrong_usage(
    nslab: Command, tmp_path: Path, options: list[str], message: str
) -> None:
    status, out, err = nslab("coverage", *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"nslab: {message}") and err.count("\n") == 1
    assert not (tmp_path / "coverage").exists()


def test_a_kernel_without_readers(
    nslab: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_readers(monkeypatch)
    status, out, err = nslab("coverage")
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert "no function calls task_nsproxy(), so there are no readers to count" in err


def test_interrupted(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    out = interrupted(
        folder, signal.SIGINT, lambda: list(folder.glob("coverage/0001/none/results-*")),
        "coverage", "--scenario", "slow",
    )  # fmt: skip
    assert out == "INTERRUPTED: the coverage is not complete\n"

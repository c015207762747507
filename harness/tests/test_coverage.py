# SPDX-License-Identifier: GPL-2.0
"""`nslab coverage` from end to end, but for the kernel: see test_e2e.py."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any, Callable

import pytest

from lab import PLACES, Command
from nslab_lab.build import catalog
from nslab_lab.build.catalog import Item
from nslab_lab.debuginfo import readers
from test_run import interrupted, nslab, watched


@pytest.fixture(autouse=True)
def two_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mere process has no more."""
    items = [Item("rcu_read_lock", ""), Item("exit_notify", "")]
    monkeypatch.setattr(catalog, "points", lambda: items)


@pytest.fixture
def coverage(nslab: Command, watched: None) -> Callable[..., Any]:
    def run(*scenarios: str, executions: int = 20) -> tuple[int, str, str]:
        return nslab("coverage", "--scenario", ",".join(scenarios), "--executions", str(executions))

    return run


def has_readers(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """The kernel has these."""
    known = readers._Known(list(names), PLACES)
    monkeypatch.setattr(readers, "_known", lambda linux, places: known)


def lines_of(out: str) -> list[str]:
    return out.split("\n\n")[-1].splitlines()


def test_what_nobody_reaches_is_a_failure(coverage: Callable[..., Any], tmp_path: Path) -> None:
    status, out, _ = coverage("passes", "exits")
    assert status == 1
    assert "kernel 6.12-0123abcd, 80 executions of 2 scenarios\n" in out
    rows = [line.split() for line in out.splitlines() if line.startswith(("utsns", "valid", "exit"))]
    assert rows == [
        ["utsns_get", "80", "all"], ["validate_nsset", "40", "exits"], ["exit_notify", "40", "exits"],
    ]  # fmt: skip
    failure, summary, kept = lines_of(out)
    assert failure == "reader pidfd_ioctl: never reached; some scenario has to come there"
    assert summary == "2 of 2 points and 2 of 3 readers reached; not pidfd_ioctl"
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
    assert lines_of(out)[0] == "2 of 2 points and 2 of 2 readers reached"


def test_one_scenario_does_not_reach_it_all(coverage: Callable[..., Any]) -> None:
    status, out, _ = coverage("passes")
    assert status == 1
    assert lines_of(out)[:-1] == [
        "reader pidfd_ioctl: never reached; some scenario has to come there",
        "reader validate_nsset: never reached; some scenario has to come there",
        "point exit_notify: never reached; some scenario has to come there",
        "1 of 2 points and 1 of 3 readers reached; not exit_notify, pidfd_ioctl,",
        "  validate_nsset",
    ]


def test_a_scenario_that_says_what_is_not_so(coverage: Callable[..., Any]) -> None:
    status, out, _ = coverage("exits", "late")
    assert status == 1
    # What it dies of was nothing to keep silent about either.
    assert "FINDING late, execution 20\nKASAN: slab-use-after-free" in out
    assert "late: REACHES names 'exit_notify', but in 40 executions it did not come there" in out
    assert "late: REACHES names 'utsns_gte', no reader of this kernel and no named point; is " in out


def test_findings_alone_are_status_1(
    coverage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    has_readers(monkeypatch, "utsns_get", "validate_nsset")
    status, out, _ = coverage("exits", "asserts")
    assert status == 1
    assert out.count("FINDING asserts, execution 3\n") == 2 and "make replay TOKEN=" in out
    assert lines_of(out)[0] == "2 of 2 points and 2 of 2 readers reached"


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
    assert "nobody calls task_nsproxy(), so there are no readers to reach" in err


def test_interrupted(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    out = interrupted(
        folder, signal.SIGINT, lambda: list(folder.glob("coverage/0001/none/results-*")),
        "coverage", "--scenario", "slow",
    )  # fmt: skip
    assert out == "INTERRUPTED: what was not reached until then says nothing\n"

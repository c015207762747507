# SPDX-License-Identifier: GPL-2.0
"""Strategies and schedules as text: there and back, and what is said of those that are none."""

from __future__ import annotations

import pytest

from nslab_lab.host.errors import BAD_INPUT, LabError
from nslab_lab.plans import strategies
from nslab_lab.plans.strategies import Schedule, Strategy, Switch


@pytest.mark.parametrize(
    "text, strategy",
    [
        ("none", Strategy("none")),
        ("unsteered", Strategy("unsteered")),
        ("random", Strategy("random")),
        ("pos", Strategy("pos")),
        ("pct-3-400", Strategy("pct", depth=3, length=400)),
        ("pct-16-0", Strategy("pct", depth=16, length=0)),  # not measured yet
        ("bounded-0", Strategy("bounded", preemptions=0)),
        ("bounded-8", Strategy("bounded", preemptions=8)),
        ("replay-0", Strategy("replay", schedule="0")),
        ("replay-a12bb3a-a7c2", Strategy("replay", schedule="a12bb3a-a7c2")),
        ("replayall-0", Strategy("replay", schedule="0", all_points=True)),
        ("replayreuse-0", Strategy("replay", schedule="0", reuse=True)),
        ("replayallreuse-a1b", Strategy("replay", schedule="a1b", all_points=True, reuse=True)),
    ],
)
def test_strategies_there_and_back(text: str, strategy: Strategy) -> None:
    assert strategies.parse(text) == strategy
    assert str(strategy) == text


def test_all_parameters_that_run_takes_can_be_written_down() -> None:
    for depth in range(1, strategies.MAX_DEPTH + 1):
        for length in (0, 1, 999_999):
            wanted = Strategy("pct", depth=depth, length=length)
            assert strategies.parse(str(wanted)) == wanted
    for preemptions in range(strategies.MAX_PREEMPTIONS + 1):
        wanted = Strategy("bounded", preemptions=preemptions)
        assert strategies.parse(str(wanted)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "pct", "pct-3", "pct-3-", "pct--400", "pct-123-400", "pct-3-1234567", "pct-3-400-5",
        "bounded", "bounded-", "bounded-12", "bounded-x", "replay", "replay-", "Random", "random-1",
        "none ", "none\n", "fair", "x" * 500, "a\nb", "pct-3-4٣",
    ],
)  # fmt: skip
def test_what_is_no_strategy(text: str) -> None:
    with pytest.raises(LabError, match="is no strategy as a token names it, such as pct") as caught:
        strategies.parse(text)
    assert caught.value.status == BAD_INPUT
    assert "\n" not in caught.value.message and len(caught.value.message) < 150


@pytest.mark.parametrize(
    "text, schedule",
    [
        ("0", Schedule()),
        ("a12b", Schedule((Switch("a", 12, "b"),))),
        ("z0bb3a", Schedule((Switch("z", 0, "b"), Switch("b", 3, "a")))),
        ("h65535ga1h", Schedule((Switch("h", 65535, "g"), Switch("a", 1, "h")))),
        ("0-a7", Schedule((), ("a7",))),
        ("a12bb3a-a7b2h60", Schedule((Switch("a", 12, "b"), Switch("b", 3, "a")), ("a7", "b2", "h60"))),
    ],
)
def test_schedules_there_and_back(text: str, schedule: Schedule) -> None:
    assert strategies.parse_schedule(text) == schedule
    assert str(schedule) == text
    assert strategies.parse(f"replay-{text}").schedule == text


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "00", "1", "a", "a12", "12b", "ab", "a12i", "i12a", "a12z", "y0b", "a12b-", "-a7",
        "a12b-a", "a12b-7", "a12b-z7", "a12b-i7", "a12b-a7-b2", "0a12b", "a12b0", "a12b a3b", "A12b",
        "a-1b", "a12b\n", "a12bb3" * 100, "a١b",
    ],
)  # fmt: skip
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(LabError, match="is no schedule: it reads like a12bb3a, or a12bb3a-a7") as caught:
        strategies.parse_schedule(text)
    assert caught.value.status == BAD_INPUT
    assert "\n" not in caught.value.message and len(caught.value.message) < 150


@pytest.mark.parametrize("schedule", ["a12", "00", "a7-", "h1hh", "0-z7"])
def test_a_strategy_whose_schedule_is_none(schedule: str) -> None:
    with pytest.raises(LabError, match=f"'{schedule}' is no schedule"):
        strategies.parse(f"replay-{schedule}")


@pytest.mark.parametrize(
    "text, steers, searches",
    [
        ("none", False, False), ("unsteered", False, False), ("random", True, False),
        ("pos", True, False), ("pct-3-400", True, False), ("bounded-2", True, True),
        ("replay-0", True, True),
    ],
)  # fmt: skip
def test_what_they_do(text: str, steers: bool, searches: bool) -> None:
    strategy = strategies.parse(text)
    assert (strategy.steers, strategy.searches) == (steers, searches)

# SPDX-License-Identifier: GPL-2.0
"""Traces as tables."""

from __future__ import annotations

import pytest

from nslab_lab.findings import trace
from nslab_lab.guest.results import Step


def step(
    number: int,
    actor: str,
    point: str = "rcu_read_lock",
    nesting: int = 0,
    delay_ns: int = 0,
    where: str = "utsns_get+0x1/0x2",
) -> Step:
    return Step(1, number, actor, point, where, nesting, delay_ns)


def test_each_actor_has_its_column() -> None:
    steps = [
        step(1, "reader", "start", where=""),
        step(2, "reader", nesting=1, delay_ns=12_300),
        step(3, "switcher", "switch_before_free", where="switch_task_namespaces+0x9/0xa"),
        step(4, "reader", "task_nsproxy", nesting=1),
    ]
    assert trace.table(steps).splitlines() == [
        "step  reader                                switcher",
        "----  ------------------------------------  ------------------------------------",
        "   1  start",
        "   2  | rcu_read_lock +12.3 us utsns_get",
        "   3                                        switch_before_free switch_task_nam..",
        "   4  | task_nsproxy utsns_get",
    ]


@pytest.mark.parametrize("actors", range(1, 9))
def test_no_line_is_wider_than_80(actors: int) -> None:
    steps = [step(n, f"actor-number-{n % actors}", delay_ns=n * 999, nesting=n % 4) for n in range(1, 200)]
    text = trace.table(steps)
    assert len(text.splitlines()) == 201
    assert max(map(len, text.splitlines())) <= 80


def test_no_steps() -> None:
    assert trace.table([]) == ""


def test_what_nobody_does_has_no_column() -> None:
    begin = Step(1, 1, "", "begin", "", 0, 0, kind="begin", next="reader", free=True)
    assert trace.table([begin, step(2, "reader")]) == trace.table([step(2, "reader")])
    assert trace.table([begin]) == ""


@pytest.mark.parametrize(
    "ns, text",
    [
        (0, "0 ns"), (999, "999 ns"), (1000, "1 us"), (12_345, "12.3 us"), (999_999, "999 us"),
        (1_000_000, "1 ms"), (2_500_000_000, "2.5 s"), (1_234_000_000_000, "1234 s"),
    ],
)  # fmt: skip
def test_durations(ns: int, text: str) -> None:
    assert trace.duration(ns) == text

# SPDX-License-Identifier: GPL-2.0
"""What `nslab bench --part design` makes of its figures."""

from __future__ import annotations

import pytest

from nslab_lab import bench_design
from nslab_lab.errors import LabError
from nslab_lab.results import Measured

WHAT = [what for what, *_ in bench_design.ROWS]


def found(**of_setns_and_reads: tuple[list[float], list[float]]) -> dict[str, bench_design.Figures]:
    return {
        name: {what: [1.0, 1.0] for what in WHAT} | {"setns": setns, "reads": reads}
        for name, (setns, reads) in of_setns_and_reads.items()
    }


def test_what_the_figures_say() -> None:
    text = bench_design.text(found(
        rcu=([30_000, 32_000], [1100, 1200]), task_lock=([20, 30], [1000, 1050]),
    ))  # fmt: skip
    said = " ".join(" ".join(text).split())
    assert "Reads with rcu are 1.12 times as fast as with task_lock." in said
    assert "setns() takes 1,283 times as long, 30,975 us more." in said
    (row,) = [line.split() for line in text if "setns() to" in line]
    assert row[-3:] == ["31,000", "25", "1,283"]
    assert max(map(len, text)) <= 80


def test_no_difference_where_the_rounds_do_not_agree() -> None:
    text = bench_design.text(found(rcu=([20, 30], [900, 1200]), task_lock=([25, 26], [1000, 1050])))
    said = " ".join(" ".join(text).split())
    assert "Reads with rcu are as fast, within the noise (0.90 to 1.14 times), as with task_lock." in said
    assert "setns() takes as long, within the noise" in said
    (row,) = [line.split() for line in text if "setns() to" in line]
    assert row[-1] == "~0.98"


def test_figures_of_a_boot() -> None:
    measured = [Measured(what, calls=50, ns=2_000_000) for what in WHAT]
    figures = bench_design.figures(measured)
    assert figures["unshare"] == 40.0 and figures["reads"] == 25_000.0
    with pytest.raises(LabError, match="the guest measured nothing") as caught:
        bench_design.figures([])
    assert caught.value.status == 3


def test_boots_of_one_design_are_between_those_of_the_other() -> None:
    order = []

    def boot(name: str) -> dict[str, float]:
        order.append(name)
        return dict.fromkeys(WHAT, float(len(order)))

    measured = bench_design.measure(2, {"a": lambda: boot("a"), "b": lambda: boot("b")})
    assert order == ["a", "b", "a", "b"]
    assert measured["b"]["setns"] == [2.0, 4.0]

# SPDX-License-Identifier: GPL-2.0
"""What `nslab bench --part design` makes of its figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab import fake_machine
from nslab_lab.bench import command, design
from nslab_lab.bench.session import Bench
from nslab_lab.build import kernels
from nslab_lab.build.kernel import Kernel
from nslab_lab.cli import main
from nslab_lab.guest.results import Measured
from nslab_lab.host.errors import LabError
from nslab_lab.plans import subject

WHAT = [row.what for row in subject.benchmark().rows]


def found(**of_setns_and_reads: tuple[list[float], list[float]]) -> dict[str, design.Figures]:
    return {
        name: {what: [1.0, 1.0] for what in WHAT} | {"setns": setns, "reads": reads}
        for name, (setns, reads) in of_setns_and_reads.items()
    }


def test_what_the_figures_say() -> None:
    text = design.text(found(
        rcu=([30_000, 32_000], [1100, 1200]), task_lock=([20, 30], [1000, 1050]),
    ))  # fmt: skip
    said = " ".join(" ".join(text).split())
    assert "Reads with rcu are 1.12 times as fast as with task_lock." in said
    assert "setns() takes 1,283 times as long: 30,975 us more." in said
    (row,) = [line.split() for line in text if "setns() to" in line]
    assert row[-3:] == ["31,000", "25", "1,283"]
    assert max(map(len, text)) <= 80


def test_no_difference_where_the_rounds_do_not_agree() -> None:
    text = design.text(found(rcu=([20, 30], [900, 1200]), task_lock=([25, 26], [1000, 1050])))
    said = " ".join(" ".join(text).split())
    assert "Reads with rcu are as fast (1.02 times; from 0.90 to 1.14) as with task_lock." in said
    assert "setns() takes as long (0.977 times; from 0.80 to 1.15): 0 us less." in said
    (row,) = [line.split() for line in text if "setns() to" in line]
    assert row[-1] == "~0.977"


def test_one_round_in_eight_may_be_an_odd_one() -> None:
    assert design.Ratio((1.1,) * 8 + (0.9,)).is_clear
    assert not design.Ratio((1.1,) * 7 + (0.9,) * 2).is_clear
    assert not design.Ratio((1.1, 1.1, 0.9)).is_clear
    # What is always there may still be too little to say a word about.
    small = design.Ratio((1.01,) * 9)
    assert small.is_clear and not small.matters


def test_figures_of_a_boot() -> None:
    measured = [Measured(what, calls=50, ns=2_000_000) for what in WHAT]
    figures = design.figures(measured)
    assert figures["unshare"] == 40.0 and figures["reads"] == 25_000.0
    with pytest.raises(LabError, match="the guest measured nothing") as caught:
        design.figures([])
    assert caught.value.status == 3


def test_boots_of_one_design_are_between_those_of_the_other() -> None:
    order = []

    def boot(name: str) -> dict[str, float]:
        order.append(name)
        return dict.fromkeys(WHAT, float(len(order)))

    measured = design.measure(2, {"a": lambda: boot("a"), "b": lambda: boot("b")})
    assert order == ["a", "b", "a", "b"]
    assert measured["b"]["setns"] == [2.0, 4.0]


@pytest.mark.parametrize(
    ("scenario", "says"),
    [("ends", "the guest ended before all was measured; see "),
     ("passes", "the guest measured nothing: remove build/scenarios")],
)  # fmt: skip
def test_a_guest_that_does_not_measure(tmp_path: Path, scenario: str, says: str) -> None:
    machine = fake_machine(tmp_path)
    kernel = Kernel(
        name="6.12", id="0123abcd", engine="det", src=tmp_path, out=tmp_path, linux=machine.linux,
        config=tmp_path, versions={}, cmdline=(),
    )  # fmt: skip
    with pytest.raises(LabError, match=says) as caught:
        design.compare(Bench(machine, kernel, tmp_path, scenario, {}), 1, {"a": (machine, kernel)})
    assert caught.value.status == 3


def test_one_series_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    known = kernels.load()
    entry = known.entry()
    alone = replace(entry, series={"rcu": entry.one_series()})
    monkeypatch.setattr(kernels, "load", lambda: replace(known, entries={entry.name: alone}))
    assert main.main(["bench", "--part", "design"]) == 2
    assert capsys.readouterr().err == (
        "nslab: kernel 6.12 has one series only: there is nothing to compare\n"
    )


def test_what_is_compared_if_nothing_is_said() -> None:
    def parts(*options: str) -> tuple[str, ...]:
        words = ["bench", *options]
        return command._parts(main.make_parser(words).parse_args(words))

    assert "design" in parts()
    # A patch need not fit both.
    assert "design" not in parts("--patch", "a.patch")
    assert parts("--patch", "a.patch", "--part", "design") == ("design",)

# SPDX-License-Identifier: GPL-2.0
"""`nslab matrix` from end to end, but for the kernel: see test_e2e.py."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import xml.etree.ElementTree
from pathlib import Path
from typing import Any, Callable

from nslab_lab.host.plotting import matplotlib  # isort: skip (before any part of it)
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lab import Command
from nslab_lab.guest import verdict
from nslab_lab.host.paths import REPO
from nslab_lab.matrix import command, heatmap, tables
from nslab_lab.matrix.cells import WAYS, Cell, Matrix, Result, Way
from test_run import interrupted, nslab


@pytest.fixture
def run(nslab: Command) -> Callable[..., Any]:
    def run(
        *more: str,
        scenario: str = "needs-a5b-b3a",
        variant: str = "no-grace-period",
        executions: int = 20,
    ) -> tuple[int, str, str]:
        return nslab(
            "matrix", "--variant", variant, "--scenario", scenario, "--executions", str(executions), *more
        )  # fmt: skip

    return run


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines()]


def test_how_soon_a_variant_is_caught(run: Callable[..., Any], tmp_path: Path) -> None:
    status, out, err = run("--seeds", "3", scenario="passes,needs-a5b-b3a,asserts")
    assert status == 0, out + err
    # The first of those that are as soon.
    (row,) = re.findall(r"^no-grace-period  asserts +(\S+) +(\S+) +(\S+)$", out, re.M)
    assert row == ("none+mixed", "assertion", "3")
    assert re.search(r"^no-grace-period  12/21 +kasan 6, assertion 6$", out, re.M), out
    assert re.search(r"^kasan +6 +no-grace-period 6$", out, re.M)
    assert re.search(r"^leak +0 +-$", out, re.M)
    assert "every variant is caught: 1 of 1, within 5,000 executions in the median\n" in out
    # Nothing was asked of the others.
    assert "every oracle" not in out and "the correct kernel" not in out
    *text, kept = out.splitlines()
    assert max(map(len, text)) <= 80 and kept.startswith("kept in ")
    folder = tmp_path / "matrix" / "latest"
    assert (folder / "matrix.txt").read_text() in out
    cells = lines_of(folder)
    assert len(cells) == 21 + 2 and [one["seed"] for one in cells] == [1] * 21 + [2, 3]
    by_name = {(one["scenario"], one["strategy"], one["profile"]): one for one in cells[:21]}
    assert by_name["passes", "pct", "none"]["executions"] == 20
    assert by_name["passes", "pct", "none"]["oracle"] is None
    caught = by_name["needs-a5b-b3a", "pos", "failslab"]
    assert (caught["executions"], caught["oracle"]) == (7, "kasan")
    assert ".needs-a5b-b3a.no-grace-period.failslab-" in caught["token"]
    assert caught["token"].endswith(".pos.1.1.7")
    assert ".pct-3-100." in by_name["needs-a5b-b3a", "pct", "none"]["token"]
    # What was expected leaves no consoles.
    assert not list(folder.glob("cells/*"))
    assert "nslab: no-grace-period: caught in 12 of 21 cells; asserts, none+mixed: assertion after 3 exec" in err


def test_same_cells_same_bytes(run: Callable[..., Any], tmp_path: Path) -> None:
    for jobs in ("1", "3"):
        status, *_ = run("--seeds", "2", "--jobs", jobs, scenario="passes,dies")
        assert status == 0
    first, second = (tmp_path / "matrix" / name for name in ("0001", "0002"))
    for name in ("cells.jsonl", "matrix.svg", "plan.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_variant_that_nobody_catches(run: Callable[..., Any]) -> None:
    status, out, _ = run(scenario="passes")
    assert status == 1
    said = " ".join(out.split())
    assert "variant no-grace-period: not caught in 7 cells, of 20 executions each; EXECUTIONS=" in said
    assert re.search(r"^no-grace-period  - +- +- +-$", out, re.M)
    assert "every variant" not in out


def test_a_variant_that_is_caught_too_late() -> None:
    # With seed 1 it is caught, with the others it is not.
    made = made_matrix(variants=("a",), seeds=4, whole=False)
    made.results = {
        cell: Result(cell, 5000, "kasan" if cell.seed == 1 else None)
        for cell in [*made.map(), *(Cell("a", "x", Way("pos"), 5000, seed) for seed in (2, 3, 4))]
    }
    assert tables.judged(made)[0] == [
        "variant a: caught by x, pos, but not within 5,000 executions in the median of 4",
        "  seeds",
    ]


def test_the_correct_kernel_is_clean_or_it_is_a_finding(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    status, out, _ = run(variant="none", scenario="passes")
    assert status == 0
    assert "the correct kernel: 140 executions in 7 cells, 0 findings\n" in out
    status, out, err = run("--strategy", "random,pos", variant="none", scenario="passes,asserts")
    assert status == 1
    assert "the correct kernel: 69 executions in 6 cells, 3 findings\n" in out
    assert "nslab: the correct kernel: 3 findings in 6 cells\n" in err
    assert "FINDING asserts, pos+failslab, execution 3\na.c:9: link 3 went back\nmake replay TOKEN=" in out
    # Its consoles are kept.
    folder = tmp_path / "matrix" / "latest"
    assert (folder / "cells" / "none.asserts.random.1" / "console-asserts-1.log").exists()
    assert len(list(folder.glob("cells/*"))) == 3


def made_matrix(**more: Any) -> Matrix:
    values: dict[str, Any] = dict(
        variants=("none", "a"), scenarios=("x",), ways=(Way("pos"),), executions=5000, seeds=1, most=5000,
        whole=True,
    ) | more  # fmt: skip
    return Matrix(**values)


def test_the_best_is_by_an_oracle_that_says_what_is_wrong() -> None:
    made = made_matrix(scenarios=("x", "y"))
    x, y = made.map("a")
    made.results = {x: Result(x, 1, "no-answer"), y: Result(y, 8, "kasan")}
    assert made.best("a") == made.results[y]
    del made.results[y]
    assert made.best("a") == made.results[x]


def test_every_oracle_has_to_speak_first() -> None:
    made = made_matrix(scenarios=verdict.ORACLES)
    for cell in made.map():
        made.results[cell] = Result(cell, 9, cell.scenario if cell.variant == "a" else None)
    failures, holds = tables.judged(made)
    assert failures == []
    assert holds[1] == f"every oracle was the first to report some variant: {len(verdict.ORACLES)} of them"
    made.results[Cell("a", "leak", Way("pos"), 5000)] = Result(cell, 9)
    failures, _ = tables.judged(made)
    assert failures == ["oracle leak: never the first to report a variant; it needs one"]


def test_oracles_are_those_of_reports_not_the_nets() -> None:
    assert {"kasan", "grace period", "assertion", "leak", "hang"} <= set(verdict.ORACLES)
    assert not {"bug", "warn", "panic", "crash", "no-answer", "kmemleak"} & set(verdict.ORACLES)


def test_a_defect_that_keeps_a_scenario_from_running(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    status, out, _ = run("--strategy", "random,pos", "--jobs", "1", scenario="asserts,no-boot")
    assert status == 0
    assert re.search(r"^no-grace-period  3/3 +assertion 3$", out, re.M)
    assert (
        "NOT RUN no-grace-period, no-boot (random, pos, pos+failslab): the guest ended (status -6) "
        "before its first execution: " in out
    )
    # Its consoles are kept.
    assert len(list((tmp_path / "matrix" / "latest").glob("cells/*"))) == 3


def test_the_lab_does_not_work(run: Callable[..., Any], tmp_path: Path) -> None:
    status, out, _ = run("--strategy", "pos", variant="none", scenario="passes,no-boot")
    assert status == 3
    assert "NOT RUN none, no-boot (pos, pos+failslab): the guest ended (status -6)" in out
    status, out, _ = run("--strategy", "pos", scenario="no-boot")
    assert status == 3
    # And it is of no use to try that again and again.
    status, out, err = run("--jobs", "1", variant="none,no-grace-period", scenario="no-boot")
    assert status == 3 and "NOT RUN no-grace-period, no-boot (none+mixed, random, pct): " in out
    assert len(lines_of(tmp_path / "matrix" / "latest")) == command.MOST_ERRORS


def test_a_search_that_diverges(run: Callable[..., Any]) -> None:
    status, out, _ = run("--strategy", "bounded", scenario="diverges")
    assert status == 3
    assert "NOT RUN no-grace-period, diverges (bounded): diverges: the search diverged, " in out


@pytest.mark.parametrize(
    "options, message",
    [
        (["--executions", "0"], "executions=0: not between 1 and 1000000"),
        (["--seeds", "x"], "seeds=x: not a whole number"),
        (["--variant", "no-grace"], "no variant 'no-grace': "),
        (["--variant", "none,nobody"], "no variant 'nobody': "),
        (["--strategy", "poss"], "no strategy 'poss': is 'pos' meant?"),
        (["--strategy", "replay"], "no strategy 'replay': "),
        (["--scenario", "pass"], "no scenario 'pass': is 'passes' meant?"),
    ],
)
def test_wrong_usage(
    nslab: Command, tmp_path: Path, options: list[str], message: str
) -> None:
    status, out, err = nslab("matrix", *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"nslab: {message}") and err.count("\n") == 1
    assert not (tmp_path / "matrix").exists()


def test_interrupted(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    cells = folder / "matrix" / "0001" / "cells.jsonl"
    out = interrupted(
        folder, signal.SIGINT, lambda: cells.exists() and cells.stat().st_size > 0,
        "matrix", "--variant", "no-grace-period", "--scenario", "dies,slow", "--jobs", "2",
    )  # fmt: skip
    # What was found until then is there.
    assert re.search(r"^no-grace-period +\d/\d +kasan \d$", out, re.M), out
    assert "every variant" not in out and "not caught" not in out
    assert any(one["oracle"] == "kasan" for one in lines_of(cells.parent))
    assert (cells.parent / "matrix.svg").exists()


# === The picture ===


def text_of(made: Matrix) -> list[str]:
    root = xml.etree.ElementTree.fromstring(heatmap.svg(made))
    return [element.text for element in root.iter() if element.tag.endswith("}text")]


def test_the_picture_has_every_name_and_number() -> None:
    made = made_matrix(variants=("none", "a", "b"), scenarios=("x", "y"), ways=WAYS, executions=1500)
    cells = list(made.map())
    for cell in cells[:-1]:
        made.results[cell] = Result(cell, 1500)
    made.results[Cell("a", "y", Way("pos"), 1500)] = Result(cell, 1234, "grace period")
    made.results[Cell("a", "y", Way("pct"), 1500)] = Result(cell, 1235, "kasan")
    words = text_of(made)
    for name in ("none: the correct kernel", "a", "b", "x", "y", "1,234", "grace", *(way.name for way in WAYS)):
        assert name in words
    assert "1,235" not in words and "not in 1,500; white: not run" in words
    assert heatmap.svg(made) == heatmap.svg(made)


@pytest.mark.parametrize("oracle", [*verdict.ORACLES, "no-answer", "crash"])
def test_oracles_have_their_names_in_the_picture(oracle: Any) -> None:
    """The same as elsewhere, or the beginning of it, and no wider than a cell."""
    made = made_matrix(variants=("none", "a"), scenarios=("x",), ways=WAYS[:1])
    (cell,) = [one for one in made.map() if one.variant == "a"]
    made.results[cell] = Result(cell, 3, oracle)
    with matplotlib.rc_context(heatmap._STYLE):
        figure = heatmap.draw(made)
        FigureCanvasAgg(figure).draw()
        # The large panel comes first; in the cell there is a number, then the oracle.
        (_, text) = figure.axes[0].texts
        one_cell = text.axes.transData.transform([(0, 0), (1, 1)])
        assert text.get_window_extent().width <= abs(one_cell[1][0] - one_cell[0][0])
    shortened = iter(oracle)
    assert all(letter in shortened for letter in text.get_text())


def test_a_picture_of_nothing() -> None:
    assert "not in 5,000; white: not run" in text_of(made_matrix())


def test_plotting_leaves_the_users_home_alone(tmp_path: Path) -> None:
    cached = tmp_path / "cache"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CACHE_HOME": str(cached)}
    subprocess.run(
        ["/usr/bin/python3", "-c", "from nslab_lab.matrix import heatmap; from nslab_lab.sweeps import charts"],
        check=True, env={**env, "PYTHONPATH": str(REPO / "harness"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] in ([], ["cache"])
    assert [path.name for path in cached.glob("*")] in ([], ["nslab"])

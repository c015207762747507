# SPDX-License-Identifier: GPL-2.0
"""harness/RESULTS.md: which run writes it, and what is in it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nslab_lab.build.kernel import Kernel
from nslab_lab.report import results_page
from nslab_lab.report.results_page import PAGE, SECTIONS, Growth, read, render, update

KERNEL = Kernel(
    name="6.12", id="0123abcd", engine="det", src=Path(), out=Path(), linux=Path(), config=Path(),
    versions={}, cmdline=(),
)  # fmt: skip
OTHER = replace(KERNEL, id="89abcdef")


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page in a clone of its own, without uncommitted changes."""

    def git(*words: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
        subprocess.run(["git", "-C", tmp_path, *identity, *words], check=True, capture_output=True)

    page = tmp_path / "harness" / "RESULTS.md"
    page.parent.mkdir()
    for path in (page, tmp_path / "a.c"):
        path.write_text("")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "x")
    monkeypatch.setattr(results_page, "REPO", tmp_path)
    monkeypatch.setattr("nslab_lab.host.paths.REPO", tmp_path)
    return page


def test_a_section_is_replaced_and_the_others_stay(page: Path) -> None:
    update(KERNEL, {"matrix": "one\n", "speed": "two\n"}, (), True, page)
    update(OTHER, {"speed": "three\n"}, (), True, page)
    assert read(page) == {
        "matrix": ("6.12-0123abcd", "one\n"), "speed": ("6.12-89abcdef", "three\n")
    }  # fmt: skip
    text = page.read_text()
    assert text.index("Kernel 6.12-0123abcd") < text.index("Kernel 6.12-89abcdef")


def test_the_same_figures_are_the_same_bytes(page: Path) -> None:
    update(KERNEL, {"speed": "a\n"}, (), True, page)
    update(KERNEL, {"matrix": "b\n"}, (), True, page)
    first = page.read_bytes()
    page.write_text("")
    update(KERNEL, {"matrix": "b\n"}, (), True, page)
    update(KERNEL, {"speed": "a\n"}, (), True, page)
    assert page.read_bytes() == first


def test_files_of_the_run_are_left_out(page: Path) -> None:
    text = "\n\nNOT RUN a, b (pos): no start; see build/matrix/0003/cells/a.log\nkept in build/matrix/0003: x\n\n"
    update(KERNEL, {"matrix": text}, (), True, page)
    assert read(page)["matrix"][1] == "NOT RUN a, b (pos): no start\n"


@pytest.mark.parametrize(
    ("kernel", "patches", "is_full"),
    [
        (KERNEL, (), False),
        (KERNEL, (Path("mine.patch"),), True),
        (replace(KERNEL, series="task_lock"), (), True),
        (replace(KERNEL, name="7.3"), (), True),
    ],
)
def test_only_a_full_run_of_the_default_kernel_writes(
    page: Path, kernel: Kernel, patches: tuple[Path, ...], is_full: bool
) -> None:
    update(kernel, {"matrix": "one\n"}, patches, is_full, page)
    assert page.read_text() == ""


def test_a_clone_with_changes_keeps_its_page(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (page.parents[1] / "a.c").write_text("changed")
    update(KERNEL, {"matrix": "one\n"}, (), True, page)
    assert page.read_text() == ""
    assert capsys.readouterr().err == (
        "nslab: harness/RESULTS.md is kept as it is: a.c has uncommitted changes\n"
    )


def test_a_changed_page_is_no_change_of_the_clone(page: Path) -> None:
    update(KERNEL, {"matrix": "one\n"}, (), True, page)
    update(KERNEL, {"speed": "two\n"}, (), True, page)
    assert list(read(page)) == ["matrix", "speed"]


def test_parts_of_a_file_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "bench.txt"
    growth = Growth(path)
    for name, text in (("speed", "1\n2\n"), ("gdb", "3\n")):
        with path.open("a") as file:
            file.write(text)
        growth.add(name)
    assert growth.parts == {"speed": "1\n2\n", "gdb": "3\n"}


def test_the_page_of_this_clone_is_as_the_generator_writes_it() -> None:
    """Nobody has edited it by hand."""
    sections = read(PAGE)
    assert set(sections) <= {name for name, *_ in SECTIONS} and "matrix" in sections
    assert render(sections) == PAGE.read_text()
    figures = "".join(text for _, text in sections.values())
    assert not re.search(r"build/|/home/|/tmp/|(?<!CVE-)\b20\d\d-\d\d", figures)

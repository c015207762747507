# SPDX-License-Identifier: GPL-2.0
"""Patches onto a small tree: staged, installed, taken away, refused."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

from nslab_lab.build import series
from nslab_lab.host.errors import LabError

ONE = "".join(f"line {number}\n" for number in range(1, 41))


def diff(name: str, old: str | None, new: str | None) -> str:
    """A patch of one file; None where it does not exist."""
    return "".join(
        difflib.unified_diff(
            (old or "").splitlines(True), (new or "").splitlines(True),
            "/dev/null" if old is None else f"a/{name}",
            "/dev/null" if new is None else f"b/{name}",
        )
    )  # fmt: skip


class Lab:
    """A pristine tree, a work tree made from it, and patches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pristine = folder / "pristine"
        self.tree = folder / "tree"
        for name in ("kernel/one.c", "kernel/two.c", "fs/three.c"):
            path = self.pristine / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(ONE)
            os.utime(path, (1000, 1000))
        (self.pristine / "COPYING").write_text("text\n")
        series.make_tree(self.pristine, self.tree)

    def patch(self, name: str, text: str, own: bool = False) -> series.Patch:
        path = self.folder / name
        path.write_text(text)
        return series.read_patch(path, own)

    def install(self, *patches: series.Patch) -> list[str]:
        staged = series.stage(self.pristine, patches, self.folder / "staging")
        return series.install(self.pristine, staged, self.tree, self.folder / "installed.json")

    def files(self) -> dict[str, str]:
        paths = [path for path in self.tree.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.tree)): path.read_text() for path in paths}


@pytest.fixture(name="lab")
def _lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


EDITED = ONE.replace("line 7\n", "line seven\n")


def test_only_what_differs_is_written_and_links_are_broken(lab: Lab) -> None:
    first = lab.patch("1.patch", diff("kernel/one.c", ONE, EDITED))
    assert lab.install(first) == ["kernel/one.c"]
    assert (lab.tree / "kernel/one.c").read_text() == EDITED
    assert (lab.pristine / "kernel/one.c").read_text() == ONE
    assert (lab.tree / "kernel/one.c").stat().st_mtime > 1000
    assert (lab.tree / "kernel/two.c").stat().st_mtime == 1000
    assert (lab.tree / "kernel/two.c").samefile(lab.pristine / "kernel/two.c")

    before = (lab.tree / "kernel/one.c").stat()
    second = lab.patch("2.patch", diff("fs/three.c", ONE, EDITED))
    assert lab.install(first, second) == ["fs/three.c"]
    assert (lab.tree / "kernel/one.c").stat() == before


def test_a_removed_patch_leaves_the_pristine_tree(lab: Lab) -> None:
    pristine = lab.files()
    patch = lab.patch(
        "1.patch",
        diff("kernel/new/a.c", None, "a\n") + diff("kernel/two.c", ONE, None)
        + diff("fs/three.c", ONE, EDITED),
    )  # fmt: skip
    lab.install(patch)
    assert "kernel/new/a.c" in lab.files()
    assert "kernel/two.c" not in lab.files()
    lab.install()
    assert lab.files() == pristine
    assert not (lab.tree / "kernel/new").exists()
    # What comes back has to be newer than the objects made without it.
    assert (lab.tree / "fs/three.c").stat().st_mtime > 1000


def test_patches_build_on_each_other(lab: Lab) -> None:
    twice = EDITED.replace("line 8\n", "line eight\n")
    mail = "From: someone\nSubject: one\n\nText.\n---\n kernel/one.c | 2 +-\n"
    lab.install(
        lab.patch("1.patch", mail + diff("kernel/one.c", ONE, EDITED) + "-- \n2.39\n"),
        lab.patch("2.patch", diff("kernel/one.c", EDITED, twice)),
    )
    assert (lab.tree / "kernel/one.c").read_text() == twice


def test_a_rename_takes_the_old_name_away(lab: Lab) -> None:
    lab.install(lab.patch("1.patch", (
        "diff --git a/kernel/two.c b/kernel/2.c\nsimilarity index 100%\n"
        "rename from kernel/two.c\nrename to kernel/2.c\n"
    )))  # fmt: skip
    assert "kernel/two.c" not in lab.files()
    assert lab.files()["kernel/2.c"] == ONE


def test_lines_in_a_hunk_are_no_headers(lab: Lab) -> None:
    old = ONE + "-- a/not/a/name\n"
    (lab.pristine / "fs/three.c").write_text(old)
    patch = lab.patch("1.patch", diff("fs/three.c", old, ONE + "++ b/nor/this\n"))
    assert patch.names == {"fs/three.c"}


def test_an_interrupted_install_is_put_right_by_the_next(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    pristine = lab.files()
    patch = lab.patch(
        "1.patch",
        diff("fs/new.c", None, "new\n") + diff("kernel/one.c", ONE, EDITED)
        + diff("kernel/two.c", ONE, EDITED),
    )  # fmt: skip
    put = series._put

    def interrupted(wanted: Path | None, place: Path, tree: Path) -> bool:
        if place.name == "two.c":
            raise KeyboardInterrupt
        return put(wanted, place, tree)

    monkeypatch.setattr(series, "_put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.install(patch)
    assert "fs/new.c" in lab.files()
    monkeypatch.setattr(series, "_put", put)
    lab.install()
    assert lab.files() == pristine


# === Refused ===


def refused(lab: Lab, text: str, own: bool = False) -> LabError:
    before = lab.files()
    with pytest.raises(LabError) as caught:
        lab.install(lab.patch("user.patch", text, own))
    assert lab.files() == before
    assert "user.patch: " in caught.value.message
    return caught.value


def test_file_and_hunk_of_a_patch_that_does_not_apply(lab: Lab) -> None:
    wrong = ONE.replace("line 30\n", "something else\n")
    edited = wrong.replace("line 7\n", "line seven\n").replace("line 31\n", "line 31!\n")
    text = diff("fs/three.c", ONE, EDITED) + diff("kernel/one.c", wrong, edited)
    error = refused(lab, text)
    assert error.message.endswith("does not apply: kernel/one.c, hunk 2 of 2 (at line 28)")
    assert error.status == 2
    assert refused(lab, text, own=True).status == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (diff("kernel/nslab/core.c", None, "x\n"), "that folder is faults/kernel"),
        (diff("../outside.c", None, "x\n"), "which is not in the kernel tree"),
        (diff("kernel/none.c", ONE, EDITED), "kernel/none.c: No such file or directory"),
        (diff("kernel/one.c", None, "x\n"), "kernel/one.c: already exists"),
        (diff("kernel/one.c", ONE, EDITED)[:-20], "corrupt patch"),
        ("no diff at all\n", "no patch in it"),
        ("", "no patch in it"),
    ],
)
def test_what_is_no_usable_patch(lab: Lab, text: str, says: str) -> None:
    error = refused(lab, text)
    assert says in error.message
    assert error.status == 2


def test_a_patch_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="gone.patch: No such file or directory") as caught:
        series.read_patch(tmp_path / "gone.patch")
    assert caught.value.status == 2


def test_calls_of_a_hook_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.patch"
    path.write_text(
        "--- a/f.c\n+++ b/f.c\n@@ -1,3 +1,4 @@\n nslab_point(THERE);\n-nslab_point(GONE);\n"
        "+nslab_point(ONE);\n+nslab_point_ip(TWO, ip); a(nslab_point(THREE));\n c\n"
    )
    assert series.calls([series.read_patch(path)], "nslab_point") == {"ONE", "TWO", "THREE"}


def test_the_series_file_gives_the_order(tmp_path: Path) -> None:
    for name in ("b.patch", "a.patch"):
        (tmp_path / name).write_text(diff(f"{name}.c", None, "x\n"))
    (tmp_path / "series").write_text("# order matters\nb.patch\n\na.patch  # last\n")
    assert [patch.path.name for patch in series.read_series(tmp_path / "series")] == ["b.patch", "a.patch"]
    (tmp_path / "series").write_text("c.patch\n")
    with pytest.raises(LabError, match="c.patch: No such file") as caught:
        series.read_series(tmp_path / "series")
    assert caught.value.status == 3

# SPDX-License-Identifier: GPL-2.0
"""The bugs of the public record and their index; `nslab history`, but for the kernel."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from lab import Command, name_of, scenario_files
from nslab_lab.build import kernels, series
from nslab_lab.history import command, hunts, index
from nslab_lab.history.index import Bug
from nslab_lab.host.errors import LabError
from nslab_lab.plans import profiles
from test_run import nslab, watched

INDEX = kernels.load().entry("6.12").one_series().file.parent / index.FILE
BUGS = index.read(INDEX)
# Code that serves namespaces, and nothing else.
OF_NAMESPACES = {
    "ipc/namespace.c", "ipc/shm.c", "kernel/fork.c", "kernel/ucount.c", "net/core/net_namespace.c",
}  # fmt: skip

each_bug = pytest.mark.parametrize("bug", BUGS, ids=[bug.id for bug in BUGS])


# === The index and its patches ===


def test_there_are_enough_of_them() -> None:
    can = [bug for bug in BUGS if bug.found]
    assert len(can) >= 16
    assert sum(bug.where not in OF_NAMESPACES for bug in can) >= 8
    assert {path.stem for path in INDEX.parent.glob("*.patch")} == {bug.id for bug in BUGS}


@each_bug
def test_an_entry_is_what_its_patch_says(bug: Bug) -> None:
    assert bug.scenario in {name_of(path) for path in scenario_files()}
    profiles.load(bug.profile)
    patch = series.read_patch(bug.patch)
    assert bug.where in patch.names
    message = " ".join(bug.patch.read_text().partition("\n---\n")[0].split())
    fixed = message.partition("Puts back what was fixed by ")[2]
    # Each as checkpatch wants it: commit <12 digits> ("subject").
    assert tuple(re.findall(r'\bcommit ([0-9a-f]{12}) \("', fixed)) == bug.fixes
    assert f" in {bug.version}" in fixed
    assert re.findall(r"CVE-[\d-]+\d", fixed) == [bug.cve] * bool(bug.cve)


@each_bug
def test_a_patch_tells_what_happened_in_two_sentences(bug: Bug) -> None:
    told = bug.patch.read_text().partition("\n\n")[2].partition("\n\nPuts back")[0]
    sentences = re.split(r"(?<=[.]) (?=\w)", " ".join(told.split()))
    assert len(sentences) == 2, sentences


@pytest.fixture(scope="module")
def patched(pristine_src: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that any bug was in, with the series."""
    folder = tmp_path_factory.mktemp("patched")
    own = series.read_series(INDEX.parents[1] / "series")
    staged = series.stage(pristine_src, own, folder / "tree")
    for bug in BUGS:
        for name in series.read_patch(bug.patch).names - set(staged):
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "tree" / name).write_bytes((pristine_src / name).read_bytes())
    return folder / "tree"


@each_bug
def test_a_patch_applies_on_top_of_the_series(bug: Bug, patched: Path) -> None:
    done = subprocess.run(
        ["git", "apply", "--check", bug.patch], cwd=patched, capture_output=True, text=True,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(patched.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@each_bug
def test_a_patch_is_in_the_style_of_the_kernel(bug: Bug, pristine_src: Path) -> None:
    done = subprocess.run(
        ["perl", "scripts/checkpatch.pl", "--strict", "--ignore", "UNKNOWN_COMMIT_ID", bug.patch],
        cwd=pristine_src, capture_output=True, text=True,
        env={**os.environ, "GIT_DIR": f"{os.devnull}/none"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


ENTRY = """
[a-bug]
what = "it is wrong"
where = "fs/a.c"
scenario = "passes"
fix = "0123456789ab"
year = 2016
version = "v4.5"
found = true
"""


def written(folder: Path, text: str) -> Path:
    """An index with a patch beside it."""
    (folder / "a-bug.patch").write_text("--- a/fs/a.c\n+++ b/fs/a.c\n@@ -1 +1 @@\n-a\n+b\n")
    path = folder / "history.toml"
    path.write_text(text)
    return path


def test_an_entry(tmp_path: Path) -> None:
    (bug,) = index.read(written(tmp_path, ENTRY))
    assert (bug.id, bug.fixes, bug.cve, bug.profile) == ("a-bug", ("0123456789ab",), "", "none")
    assert bug.title == "a-bug (fixed in v4.5, 2016)"
    more = ENTRY.replace("found = true", 'found = false\nreason = "no"\ncve = "CVE-2016-0001"')
    (bug,) = index.read(written(tmp_path, more))
    assert (bug.found, bug.reason) == (False, "no")
    assert bug.title == "a-bug (CVE-2016-0001, fixed in v4.5, 2016)"


@pytest.mark.parametrize(
    ("old", "new", "said"), [
        ("found = true", "found = false", "a-bug.reason: is missing"),
        ("found = true", 'found = true\nreason = "no"', "a-bug.reason: is for what cannot be found"),
        ("0123456789ab", "0123", "a-bug.fix: has to be commits, 12 digits each"),
        ("v4.5", "4.5", "a-bug.version: has to be a release"),
        ("2016", '"2016"', "a-bug.year: has to be the year of the fix"),
        ("[a-bug]", "[b]", "b: there is no b.patch beside it"),
        ("what", "watt", "a-bug.watt: no such key"),
    ],
)  # fmt: skip
def test_an_entry_that_is_wrong(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(LabError, match=re.escape(said)) as caught:
        index.read(written(tmp_path, ENTRY.replace(old, new)))
    assert caught.value.status == 2


# === The command ===

TWO = ENTRY + ENTRY.replace("a-bug", "other").replace("passes", "asserts")


@pytest.fixture
def history(
    nslab: Command, watched: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command on an index of the test's own."""

    def run(text: str, *more: str) -> tuple[int, str, str]:
        monkeypatch.setattr(index, "FILE", str(written(tmp_path, text)))
        (tmp_path / "other.patch").write_bytes((tmp_path / "a-bug.patch").read_bytes())
        monkeypatch.setattr(hunts, "ENDLESS", 2)
        return nslab("history", "--executions", "20", "--cap", "1", *more)

    return run


def test_what_is_found_and_what_is_not(history: Callable[..., Any], tmp_path: Path) -> None:
    status, out, err = history(TWO)
    said = " ".join(out.split())
    assert status == 1, out + err
    assert "a-bug (fixed in v4.5, 2016): it is wrong NOT FOUND: random -, pct -, pos -, bounded -" in said
    assert re.search(r"assertion: random 3 \([\d.]+ s\), pct 3 \([\d.]+ s\), pos 3", said), out
    assert "unsteered: not in 2 (1 s)" in said
    assert "1 of 2 bugs found, 1 by at least 3 of 4 strategies; the stress test found 0" in said
    # Its scenario fails whatever the kernel is.
    assert "the correct kernel: 23 executions of 2 scenarios, 1 finding" in said
    assert "a-bug: not found by any strategy" in said
    assert "asserts: assertion on the correct kernel: a.c:9: link 3 went back" in said
    *text, kept_in = out.splitlines()
    assert max(map(len, text)) <= 80 and kept_in.startswith("kept in ")
    folder = tmp_path / "history" / "latest"
    assert (folder / "history.txt").read_text() in out
    kept = json.loads((folder / "history.json").read_text())
    assert [one["id"] for one in kept["bugs"]] == ["a-bug", "other"]
    assert kept["bugs"][1]["hunts"][0]["oracle"] == "assertion"
    assert kept["bugs"][1]["hunts"][0]["token"].endswith(".random.1.1.3")
    table = (folder / "history.md").read_text().splitlines()
    assert len(table) == 5 and {line.count(" | ") for line in table[1:]} == {9}


def test_what_cannot_be_found(history: Callable[..., Any]) -> None:
    hopeless = ENTRY.replace("found = true", 'found = false\nreason = "it is under a lock"')
    status, out, _ = history(hopeless)
    said = " ".join(out.split())
    assert status == 0
    assert "Not to be found by this lab: a-bug (fixed in v4.5, 2016): it is wrong it is under a lock" in said
    assert "0 of 0 bugs found" in said and "1 more are listed with the reason why not" in said
    # One that is found all the same is news.
    status, out, _ = history(hopeless.replace("passes", "asserts"))
    assert status == 1
    assert "a-bug: found by" in out and "but the index says that it cannot be" in " ".join(out.split())


def test_one_of_them(history: Callable[..., Any]) -> None:
    status, out, _ = history(TWO, "--only", "a-bug")
    assert status == 1 and "0 of 1 bug found" in " ".join(out.split()) and "other" not in out
    status, _, err = history(TWO, "--only", "a-bag")
    assert status == 2
    assert err.endswith("nslab: no bug 'a-bag': is 'a-bug' meant? (make list)\n")


def test_going_on_with_the_last_one(history: Callable[..., Any], tmp_path: Path) -> None:
    history(TWO, "--only", "other")
    _, out, _ = history(TWO, "--resume")
    folder = tmp_path / "history" / "latest"
    assert folder.resolve().name == "0002"
    # What is known is not looked for again.
    assert (folder / "a-bug").is_dir() and not (folder / "other").exists()
    assert "1 of 2 bugs found" in " ".join(out.split())
    # With other limits it is.
    history(TWO, "--resume", "--executions", "10")
    assert (folder / "other").is_dir()


def test_a_scenario_that_there_is_not(history: Callable[..., Any]) -> None:
    status, _, err = history(ENTRY.replace("passes", "posses"))
    assert status == 2 and "no scenario 'posses': is 'passes' meant?" in err


def test_a_guest_that_does_not_boot(history: Callable[..., Any]) -> None:
    status, out, _ = history(ENTRY.replace("passes", "no-boot"))
    assert status == 3
    assert "a-bug, random: not run: the guest ended (status -6) before its first" in " ".join(out.split())


@pytest.mark.parametrize(
    ("soonest_s", "seconds"), [(0.2, 20), (0.01, 5), (3.0, 120), (None, 120)]
)  # fmt: skip
def test_how_long_the_stress_test_has(soonest_s: float | None, seconds: int) -> None:
    assert hunts.TIMES == 100
    assert hunts.given(soonest_s, command.CAP_S) == seconds

# SPDX-License-Identifier: GPL-2.0
"""The folder a run leaves."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import run_plan
from nslab_lab.guest.results import Execution, Step
from nslab_lab.guest.verdict import Verdict
from nslab_lab.host.errors import LabError
from nslab_lab.report import runfolder
from nslab_lab.report.runfolder import RunFolder
from nslab_lab.search import batch
from nslab_lab.search.batch import Finding
from nslab_lab.search.failures import Failure


@pytest.fixture
def finding() -> Finding:
    token = run_plan("a").token("a", 7, 7)
    execution = Execution(7, None, "fail", "kasan", "KASAN: x", 3, None, None, "ab" * 8)
    verdict = Verdict("kasan", "KASAN: x", "kasan:x", "BUG: KASAN: x\n")
    steps = (Step(7, 1, "reader", "rcu_read_lock", "utsns_get+0x1/0x2", 1, 0),)
    return Finding(Failure(token, execution, verdict), batch.SOLO, steps)


def test_numbers_go_up(tmp_path: Path) -> None:
    assert [runfolder.numbered(tmp_path).name for _ in range(3)] == ["0001", "0002", "0003"]
    (tmp_path / "0041").mkdir()
    (tmp_path / "notes").mkdir()
    assert runfolder.numbered(tmp_path).name == "0042"
    assert os.readlink(tmp_path / "latest") == "0042"


def test_runs_at_once_get_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as executor:
        folders = list(executor.map(lambda _: runfolder.numbered(tmp_path), range(40)))
    assert len(set(folders)) == 40
    assert (tmp_path / "latest").is_dir()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabError) as caught:
        runfolder.numbered(tmp_path / "file" / "runs")
    assert caught.value.status == 3


def test_executions_are_on_disk_at_once(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.add_executions("a", [Execution(1, "1", "pass", None, None, 1, 1, 1, "1")])
    line = json.loads((folder.path / "executions.jsonl").read_text())
    assert line["scenario"] == "a" and line["n"] == 1
    folder.close()


def test_a_findings_folder(tmp_path: Path, finding: Finding) -> None:
    folder = RunFolder(tmp_path)
    path = folder.add_finding(finding, "make replay TOKEN=x")
    assert path == folder.path / "findings" / "a-7"
    data = json.loads((path / "finding.json").read_text())
    assert data["token"] == str(finding.failure.token)
    assert data["command"] == "make replay TOKEN=x" and data["reproduced"] == "solo"
    assert (data["first_token"], data["minimal"]) == (data["token"], False)
    assert (path / "report.txt").read_text() == "BUG: KASAN: x\n"
    assert "rcu_read_lock" in (path / "trace.txt").read_text()


def test_the_folder_of_a_smaller_finding_says_what_it_was_made_from(
    tmp_path: Path, finding: Finding
) -> None:
    first = finding.failure.token
    token = dataclasses.replace(first, strategy="replay-a5b")
    failure = dataclasses.replace(finding.failure, token=token)
    small = dataclasses.replace(finding, failure=failure, minimal=True, first=first)
    path = RunFolder(tmp_path).add_finding(small, "")
    data = json.loads((path / "finding.json").read_text())
    assert (data["token"], data["first_token"]) == (str(token), str(first))
    assert data["minimal"] is True
    assert runfolder.recorded_hash(str(token), tmp_path) is not None
    assert runfolder.recorded_hash(str(first), tmp_path) is None


def test_the_recorded_hash(tmp_path: Path, finding: Finding) -> None:
    token = str(finding.failure.token)
    assert runfolder.recorded_hash(token, tmp_path) is None
    RunFolder(tmp_path).add_finding(finding, "")
    newer = RunFolder(tmp_path)
    newer.add_finding(finding, "")
    broken = RunFolder(tmp_path).add_finding(finding, "")
    (broken / "finding.json").write_text("{")
    assert runfolder.recorded_hash(token, tmp_path) == ("ab" * 8, newer.path)
    assert runfolder.recorded_hash(token + "1", tmp_path) is None


def test_repeat_runs_the_same_with_the_folders_own_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runfolder, "REPO", tmp_path / "repo $x")
    harness = tmp_path / "repo $x" / "harness"
    harness.mkdir(parents=True)
    (harness / "nslab").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (harness / "nslab").chmod(0o755)
    folder = RunFolder(tmp_path / "repo $x" / "build" / "runs")
    mine = tmp_path / "it's mine.toml"
    mine.write_text("mine")
    copy = folder.copy(mine)
    assert copy != folder.copy(mine)
    folder.write_repeat(["--seed", "1", "--profile", f"./{copy}"])
    said = subprocess.run(
        [folder.path / "repeat", "--jobs", "1"], capture_output=True, text=True, cwd="/"
    ).stdout.splitlines()
    assert said[:4] == ["run", "--seed", "1", "--profile"]
    assert os.path.samefile(said[4], folder.path / copy)
    assert said[5:] == ["--jobs", "1"]

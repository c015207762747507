# SPDX-License-Identifier: GPL-2.0
"""The folder a run leaves behind: build/runs/NNNN.

    plan.json         what was to be run
    repeat            a script that runs it again
    config            the kernel's .config
    versions.json     kernel, compiler and all that went into the binaries
    executions.jsonl  one line per execution, in the order of the plan: same plan, same bytes
    console-*.log     what each guest said; results-*.jsonl: what it reported
    findings/         one folder per finding: finding.json, report.txt, trace.txt, diagram.*
    result.ktap       one test per scenario
    summary.txt       the table
    points.json       how often each named point was met, by scenario
    coverage.json     by how many executions, and each reader; of a run without findings
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any, Sequence

from nslab_lab.findings import trace
from nslab_lab.guest.results import Execution
from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import BUILD, REPO, shown
from nslab_lab.search.batch import Finding, finding_folder

RUNS = BUILD / "runs"


def numbered(parent: Path) -> Path:
    """A new folder NNNN in @parent, and @parent/latest pointing to it. Raises LabError."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        taken = [int(path.name) for path in parent.iterdir() if re.fullmatch("[0-9]{1,9}", path.name)]
        number = max(taken, default=0)
        while True:
            number += 1
            folder = parent / f"{number:04}"
            try:
                folder.mkdir()
                break
            except FileExistsError:  # another run was faster
                continue
        link = parent / f".latest.{folder.name}"
        link.symlink_to(folder.name)
        link.replace(parent / "latest")
    except OSError as error:
        raise lab_failed(f"{shown(parent)}: {error.strerror}") from None
    return folder


class RunFolder:
    """Writes a run's files as the results come."""

    def __init__(self, parent: Path | None = None) -> None:
        self.path = numbered(parent or RUNS)
        self._executions = (self.path / "executions.jsonl").open("a", encoding="ascii")

    def close(self) -> None:
        """No more executions come."""
        self._executions.close()

    def write(self, name: str, text: str) -> None:
        """One file."""
        (self.path / name).write_text(text)

    def write_json(self, name: str, data: Any) -> None:
        """One file of JSON, for people too."""
        self.write(name, json.dumps(data, indent=2, sort_keys=True) + "\n")

    def copy(self, path: Path) -> Path:
        """Keep a copy of an input under inputs/; the copy's path relative to the folder."""
        return Path(shutil.copy(path, self.new_input())).relative_to(self.path)

    def new_input(self) -> Path:
        """A new folder under inputs/."""
        folder = self.path / "inputs"
        folder.mkdir(exist_ok=True)
        # Two inputs may have the same name in different folders, and the name means something.
        place = folder / str(len(list(folder.iterdir())))
        place.mkdir()
        return place

    def write_repeat(self, options: Sequence[str]) -> None:
        """The script that repeats the run; @options of `nslab run`.

        An option that begins with "./" is a file of this folder.
        """
        words = " ".join(
            f'"$run"/{shlex.quote(word[2:])}' if word.startswith("./") else shlex.quote(word)
            for word in options
        )
        root = os.path.relpath(REPO, self.path)
        script = self.path / "repeat"
        script.write_text(
            "#!/bin/sh\n"
            "# SPDX-License-Identifier: GPL-2.0\n"
            "# Run the same plan again.\n"
            'run=$(cd -- "$(dirname -- "$0")" && pwd) || exit 3\n'
            f'exec "$run"/{shlex.quote(root)}/harness/nslab run {words} "$@"\n'
        )
        script.chmod(0o755)

    def add_executions(self, scenario: str, executions: Sequence[Execution]) -> None:
        """The next lines of executions.jsonl."""
        self._executions.writelines(f"{one.line(scenario)}\n" for one in executions)
        self._executions.flush()

    def add_finding(self, finding: Finding, command: str) -> Path:
        """The folder of a finding; @command replays it."""
        failure = finding.failure
        folder = finding_folder(self.path, failure.token)
        folder.mkdir(parents=True, exist_ok=True)
        data = {
            "token": str(failure.token),
            "first_token": str(finding.first or failure.token),
            "minimal": finding.minimal,
            "command": command,
            "oracle": failure.verdict.oracle,
            "headline": failure.verdict.headline,
            "signature": failure.verdict.signature,
            "hash": failure.execution.hash,
            "reproduced": finding.reproduced,
            "late": finding.late,
            "console": finding.console and os.path.relpath(finding.console, folder),
        }
        (folder / "finding.json").write_text(json.dumps(data, indent=2) + "\n")
        if failure.verdict.report:
            (folder / "report.txt").write_text(failure.verdict.report)
        if finding.steps:
            (folder / "trace.txt").write_text(trace.table(finding.steps))
        return folder


def recorded_hash(token: str, runs: Path | None = None) -> tuple[str, Path] | None:
    """The trace hash that a run has recorded for a finding, and the run; the newest first."""
    for path in sorted((runs or RUNS).glob("*/findings/*/finding.json"), reverse=True):
        if path.parts[-4] == "latest":
            continue
        try:
            data = json.loads(path.read_text())
            if data["token"] == token and data["hash"]:
                return data["hash"], path.parents[2]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # of a run that was interrupted
    return None

# SPDX-License-Identifier: GPL-2.0
"""The front door hands its variables on, whatever is in them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from nslab_lab.host import paths

STUB = """\
#!/usr/bin/python3
import json, sys
print(json.dumps(sys.argv[1:]))
"""


def make(folder: Path, *arguments: str) -> list[str]:
    """What make would run harness/nslab with."""
    stub = folder / "nslab"
    stub.write_text(STUB)
    stub.chmod(0o755)
    ran = subprocess.run(
        ["make", "-C", paths.REPO, f"NSLAB={stub}", *arguments],
        capture_output=True, text=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    # With -C, make itself says where it goes and leaves; nothing else is printed.
    (line,) = [line for line in ran.stdout.splitlines() if not line.startswith("make")]
    words: list[str] = json.loads(line)
    return words


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["run"], ["run"]),
        (["run", "VARIANT=no-grace-period", "SEED=7"],
         ["run", "--variant", "no-grace-period", "--seed", "7"]),
        (["run", "SCENARIO=a b; exit 9 \"'`", "JOBS="], ["run", "--scenario", "a b; exit 9 \"'`"]),
        (["run", "PATCH=a.patch b.patch *"],
         ["run", "--patch", "a.patch", "--patch", "b.patch", "--patch", "*"]),
        (["kernel", "KERNEL=6.12"], ["build", "--kernel", "6.12"]),
        (["replay", "TOKEN=NSLAB1.a-b.c"], ["replay", "NSLAB1.a-b.c"]),
        (["replay", "TOKEN=NSLAB1.a-b.c", "SCENARIO=my files/c.c"],
         ["replay", "--scenario", "my files/c.c", "NSLAB1.a-b.c"]),
        (["replay", "TOKEN=NSLAB1.a-b.c", "TIMES=3", "FORMAT=svg"],
         ["replay", "--times", "3", "--format", "svg", "NSLAB1.a-b.c"]),
        (["run", "STRATEGY=pct", "DEPTH=4", "PREEMPTIONS=2", "FINDINGS=0"],
         ["run", "--strategy", "pct", "--findings", "0", "--depth", "4", "--preemptions", "2"]),
        (["gdb", "TOKEN=NSLAB1.a-b.c", "GDBSCRIPT=a b.gdb"],
         ["gdb", "--script", "a b.gdb", "NSLAB1.a-b.c"]),
        (["gdb", "SCENARIO=a", "STRATEGY=none", "PROFILE=delay", "VARIANT=b", "SEED=2"],
         ["gdb", "--scenario", "a", "--profile", "delay", "--strategy", "none", "--variant", "b",
          "--seed", "2"]),
        (["list"], ["list"]),
        (["matrix"], ["matrix"]),
        (["matrix", "VARIANT=a,b", "SCENARIO=c", "STRATEGY=pos", "EXECUTIONS=9", "SEEDS=3", "JOBS=1"],
         ["matrix", "--variant", "a,b", "--scenario", "c", "--strategy", "pos", "--executions", "9",
          "--seeds", "3", "--jobs", "1"]),
        (["history"], ["history"]),
        (["history", "ONLY=a-bug,other", "EXECUTIONS=9", "CAP=7", "JOBS=1", "RESUME=1"],
         ["history", "--only", "a-bug,other", "--executions", "9", "--cap", "7", "--jobs", "1",
          "--resume"]),
        (["run", "SERIES=task_lock"], ["run", "--series", "task_lock"]),
        (["coverage"], ["coverage"]),
        (["coverage", "SCENARIO=a,b", "EXECUTIONS=9", "SEED=2", "JOBS=1", "PATCH=a.patch"],
         ["coverage", "--scenario", "a,b", "--executions", "9", "--seed", "2", "--jobs", "1",
          "--patch", "a.patch"]),
        (["sweep"], ["sweep"]),
        (["sweep", "SWEEP=my sweep.toml", "BUDGET=10m", "JOBS=2", "RESUME=0", "PATCH=a.patch"],
         ["sweep", "--budget", "10m", "--jobs", "2", "my sweep.toml", "--patch", "a.patch"]),
        (["sweep", "RESUME=1", "NOTIFY=mail -s 'new' me", "KEEP=30d", "KNOWN=k.toml", "DB=r.sqlite"],
         ["sweep", "--resume", "--known", "k.toml", "--keep", "30d", "--notify", "mail -s 'new' me",
          "--db", "r.sqlite"]),
        (["sweep", "REPEAT=nightly-7", "EXECUTIONS=9"], ["sweep", "--executions", "9", "--repeat", "nightly-7"]),
        (["report", "SINCE=7d", "FORMAT=junit", "OUT=a b"],
         ["report", "--since", "7d", "--out", "a b", "--format", "junit"]),
        (["nightly-install", "SWEEP=mine.toml", "AT=Mon..Fri 01:30", "KEEP=9d", "NOTIFY=cat > x"],
         ["nightly", "install", "--at", "Mon..Fri 01:30", "--keep", "9d", "--notify", "cat > x",
          "--sweep", "mine.toml"]),
        (["nightly-uninstall"], ["nightly", "uninstall"]),
        (["nightly-status"], ["nightly", "status"]),
    ],
)  # fmt: skip
def test_variables_become_options(
    tmp_path: Path, arguments: list[str], command: list[str]
) -> None:
    assert make(tmp_path, *arguments) == command


def test_make_alone_is_help_and_names_only_what_there_is() -> None:
    ran = subprocess.run(["make", "-C", paths.REPO], capture_output=True, text=True)
    assert ran.returncode == 0
    makefile = (paths.REPO / "Makefile").read_text()
    named = [line.split()[1] for line in ran.stdout.splitlines() if line.startswith("make ")]
    assert {"run", "replay", "list", "test", "coverage", "clean"} <= set(named)
    assert all(f"\n{target}:" in makefile for target in named)

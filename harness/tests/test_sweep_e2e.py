# SPDX-License-Identifier: GPL-2.0
"""Sweeps as a user runs them, on the real kernel: three nights, and what may happen in one."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

from lab import FOREVER_S, NSLAB, Ended, nslab, wait_for
from nslab_lab.build.kernel import Kernel
from nslab_lab.host.paths import BUILD, REPO, cache
from test_guest import pids_in

ALL = """
about = "all scenarios"
executions = {executions}
batch = {batch}
[cells.all]
profiles = ["mixed"]
"""
VARIANTS = """
[cells.assertion]
scenarios = ["zombie-read"]
variants = ["null-means-init"]
profiles = ["mixed"]
[cells.atomic]
scenarios = ["mounts-vs-exit"]
variants = ["free-atomically"]
profiles = ["mixed"]
"""
FEW = """
about = "two scenarios, one with a defect"
executions = {executions}
batch = {batch}
[cells.good]
scenarios = ["ns-readlink-vs-unshare", "zombie-read"]
[cells.bad]
scenarios = ["zombie-read"]
variants = ["null-means-init"]
profiles = ["mixed"]
"""


def written(folder: Path, text: str, **values: object) -> Path:
    """A description called "night"."""
    folder.mkdir(exist_ok=True)
    path = folder / "night.toml"
    path.write_text(text.format(**values))
    return path


def sweep(path: Path, results: Path, *more: object) -> Ended:
    return nslab("sweep", path, "--db", results, *more)


def rows(results: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(results)) as connection:
        return connection.execute(query).fetchall()


# What is the same whenever, and however often, a sweep is run.
SAME = (
    "id, name, seeds, state FROM sweeps",
    "cell, scenario, variant, batches, executions, points, faults, failures, error FROM cells",
    "n, cell, number, planned, executions, failed, error FROM batches",
    "n, execution, cell, cause, signature, token, hash, reproduced FROM failures",
    "cause, signature, n, oracle, headline, token, through, minimal, small, preemptions, picture, interleaving, "
    "report FROM findings",
    "kind, name, executions FROM coverage",
    "scenario, lowest FROM sketches",
)


def totals(results: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {what: rows(results, f"SELECT {what} ORDER BY 1, 2") for what in SAME}


def test_three_nights(kernel: Kernel, tmp_path: Path) -> None:
    """Two variants among all scenarios are two findings; then known; then gone."""
    results = tmp_path / "results.sqlite"
    night = written(tmp_path / "a", ALL + VARIANTS, executions=2400, batch=20)
    first = sweep(night, results, "--notify", f"cat >> {tmp_path}/told")
    assert first.status == 1, first.out + first.err
    assert "2 new findings\n" in first.out
    told = (tmp_path / "told").read_text()
    assert told.count('"status": "new"') == 2 and told.count('\n  "minimal": true') == 2
    for token in re.findall(r"^make replay TOKEN=(\S+)$", first.out, re.M):
        assert ".replay-" in token and token in told
        again = nslab("replay", token)
        assert again.status == 1, again.out + again.err
    report = json.loads(nslab("report", "--db", results, "--format", "json").out)
    assert [one["status"] for one in report["findings"]] == ["new", "new"]
    assert sorted(one["cells"][0]["variant"] for one in report["findings"]) == [
        "free-atomically", "null-means-init",
    ]  # fmt: skip
    page = (tmp_path / "report.html").read_text()
    assert (
        page.index("2 new findings") < page.index('class="finding new"') < page.index('id="heat"')
    )
    assert first.out.splitlines()[-1] == f"report: {tmp_path / 'report.html'}"

    second = sweep(night, results)
    assert second.status == 0 and "no new findings, 2 known" in second.out, second.out + second.err
    night = written(tmp_path / "b", ALL, executions=1200, batch=20)
    third = sweep(night, results)
    assert third.status == 0 and "no new findings, 2 gone" in third.out, third.out + third.err
    page = (tmp_path / "report.html").read_text()
    assert page.count('class="finding gone"') == 2 and 'class="finding new"' not in page
    ends = [night["id"] for night in json.loads((tmp_path / "report.json").read_text())["nights"]]
    assert ends == ["night-1", "night-2", "night-3"]


ONE_DEFECT = """
about = "one defect, every reader"
executions = {executions}
batch = {batch}
[cells.drawn]
scenarios = {scenarios}
variants = ["no-grace-period"]
strategies = ["random"]
[cells.short-of-memory]
scenarios = {scenarios}
variants = ["no-grace-period"]
strategies = ["pos"]
profiles = ["failslab"]
"""


def test_one_defect_is_one_finding(kernel: Kernel, tmp_path: Path) -> None:
    """Whichever readers and oracles come upon it; and the next night what else does is no news."""
    results = tmp_path / "results.sqlite"
    # Those of the defect's own subject.
    files = sorted((REPO / "scenarios" / "nsproxy").glob("*.c"))
    names = json.dumps([path.stem.replace("_", "-") for path in files])
    night = written(tmp_path, ONE_DEFECT, executions=6600, batch=100, scenarios=names)
    first = sweep(night, results, "--notify", f"cat >> {tmp_path}/told")
    assert first.status == 1 and ": 1 new finding\n" in first.out, first.out + first.err
    (one,) = json.loads((tmp_path / "report.json").read_text())["findings"]
    assert one["cause"] == "no-grace-period: nsproxy released by switch_task_namespaces"
    readers = {of["signature"].split(":")[3] for of in one["signatures"]}
    assert len(one["oracles"]) > 1 and len(readers) > 3
    told = json.loads((tmp_path / "told").read_text())
    assert told["cause"] == one["cause"] and told["signatures"]
    tokens = re.findall(r"^make replay TOKEN=(\S+)$", first.out, re.M)
    assert len(tokens) == min(len(one["signatures"]), 10)
    assert nslab("replay", tokens[0]).status == 1

    second = sweep(night, results)
    assert second.status == 0 and ": no new findings, 1 known\n" in second.out, second.out + second.err
    (one,) = json.loads((tmp_path / "report.json").read_text())["findings"]
    also = sum(of["fresh"] for of in one["signatures"])
    assert second.out.count("also seen as: ") == min(also, 10)


KILLS = 50


def start(night: Path, results: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [NSLAB, "sweep", night, "--db", results, "--resume", "--no-report", "--jobs", "2"], cwd=REPO,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=night.with_name("err").open("w"),
        start_new_session=True,
    )  # fmt: skip


def through(results: Path) -> int:
    """Batches that are through."""
    try:
        return int(rows(results, "SELECT count(executions) FROM batches")[0][0])
    except sqlite3.Error:
        return 0


def test_killed_at_random_instants(kernel: Kernel, tmp_path: Path) -> None:
    """It ends with the same totals and findings as if nothing had happened."""
    night = written(tmp_path, FEW, executions=1500, batch=10)
    calm, killed = tmp_path / "calm.sqlite", tmp_path / "killed" / "results.sqlite"
    begun = time.monotonic()
    process = start(night, calm)
    assert wait_for(lambda: through(calm) > 0)
    first = time.monotonic() - begun
    assert process.wait(FOREVER_S) == 1
    whole = time.monotonic() - begun

    # While it starts, too, and so that it does not come to its end meanwhile.
    dice = random.Random(50)
    for _ in range(KILLS):
        is_near = through(killed) > 0.7 * through(calm)
        process = start(night, killed)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(dice.uniform(0, first / 2 if is_near else first + 0.02 * whole))
        assert process.poll() is None, night.with_name("err").read_text()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = through(killed)
    assert 0 < before < through(calm)
    done = sweep(night, killed, "--resume", "--no-report")
    assert done.status == 1 and "1 new finding\n" in done.out, done.out + done.err
    # No process is left, of any of them.
    assert wait_for(lambda: not pids_in(killed.parent))
    expected = totals(calm)
    assert all(expected.values())
    assert totals(killed) == expected


def test_a_killed_guest_is_run_again(kernel: Kernel, tmp_path: Path) -> None:
    night = written(tmp_path, FEW, executions=300, batch=50)
    results, calm = tmp_path / "r" / "results.sqlite", tmp_path / "calm.sqlite"
    assert sweep(night, calm, "--no-report").status == 1
    process = start(night, results)
    killed = 0
    while process.poll() is None and killed < 5:
        for pid in pids_in(results.parent):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/exe").readlink() == kernel.linux:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                    # The next one is another guest.
                    wait_for(lambda: not Path(f"/proc/{pid}").exists())
                    break
    assert process.wait(FOREVER_S) == 1
    assert killed == 5
    assert totals(results) == totals(calm)


def test_without_network_and_with_the_system_read_only(
    kernel: Kernel, tmp_path: Path, mount_namespace: list[str]
) -> None:
    """As systemd runs it, see harness/systemd: all it writes is in build/ and the cache."""
    night = written(tmp_path, FEW, executions=100, batch=10)
    results = BUILD / "tmp" / "sandboxed" / "results.sqlite"
    script = (
        'for d in "$1" "$2"; do mkdir -p "$d" && mount --bind "$d" "$d" || exit 9; done\n'
        "mount -t tmpfs none /var/tmp && mount -o remount,bind,ro / || exit 9\n"
        'shift 2; touch "$0" 2>/dev/null && exit 8; exec "$@"'
    )
    done = subprocess.run(
        [*mount_namespace, "--net", "sh", "-c", script, NSLAB.with_name("no"), BUILD, cache(),
         NSLAB, "sweep", night, "--db", results],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FOREVER_S,
    )  # fmt: skip
    try:
        assert done.returncode == 1, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1] == f"report: {results.with_name('report.html')}"
    finally:
        for path in results.parent.glob("*"):
            path.unlink()


def test_a_full_disk_while_guests_run(
    kernel: Kernel, tmp_path: Path, mount_namespace: list[str]
) -> None:
    """One line; and it goes on when there is room again."""
    night = written(tmp_path / "n", FEW, executions=4000, batch=50)
    mounted = tmp_path / "small"
    mounted.mkdir()
    script = (
        'mount -t tmpfs -o size=16m none "$1" || exit 9\n'
        '"$0" sweep "$2" --db "$1/results.sqlite" --executions 100 --no-report >/dev/null || true\n'
        'head -c 48m /dev/zero >"$1/ballast" 2>/dev/null\n'
        '"$0" sweep "$2" --db "$1/results.sqlite" --no-report; echo "status $?"\n'
        'rm "$1/ballast"; "$0" sweep "$2" --db "$1/results.sqlite" --no-report --executions 60; echo "status $?"\n'
    )
    done = subprocess.run(
        [*mount_namespace, "sh", "-c", script, NSLAB, mounted, night],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FOREVER_S,
    )  # fmt: skip
    first, second = re.findall(r"^status (\d)$", done.stdout, re.M)
    assert first == "3", done.stdout + done.stderr
    assert second in "01" and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert re.search(
        r"^nslab: .*(?:no space left|No space left|is full)", done.stderr, re.M
    ), done.stderr

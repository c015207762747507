# SPDX-License-Identifier: GPL-2.0
"""`nslab sweep` from end to end, but for the kernel: see test_sweep_e2e.py."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest

import test_run
from lab import Command, fake_machine, FOREVER_S, run_plan, wait_for
from nslab_lab.cli import main
from nslab_lab.commands import run
from nslab_lab.guest import boots
from nslab_lab.host.paths import shown
from nslab_lab.plans import profiles
from nslab_lab.sweeps import cell_tasks, nightly, view, work
from nslab_lab.sweeps.one_writer import alone
from nslab_lab.sweeps.store import Store
from test_guest import pids_in

SWEEP = """
about = "a test"
executions = {executions}
batch = 10
ahead = 4
[cells.a]
scenarios = {scenarios}
profiles = ["none"]
"""


def install(folder: Path, put: Callable[..., Any] = setattr) -> None:
    """Put a mere process in the place of the kernel."""
    test_run.install(folder, put)
    put(cell_tasks, "ensure_kernel", getattr(run, "ensure_kernel"))


@pytest.fixture
def nslab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Runs the command line; returns status, stdout, stderr."""
    install(tmp_path / "lab", monkeypatch.setattr)

    def command(*args: Any) -> tuple[int, str, str]:
        status = main.main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return command


def sweep(
    folder: Path, *scenarios: str, executions: int = 60, name: str = "mine"
) -> tuple[Path | str, ...]:
    path = folder / f"{name}.toml"
    path.write_text(SWEEP.format(executions=executions, scenarios=json.dumps(scenarios)))
    return ("sweep", path, "--db", folder / "r" / "results.sqlite", "--no-report")


def rows(folder: Path, query: str) -> list[Any] | None:
    with contextlib.closing(sqlite3.connect(folder / "r" / "results.sqlite")) as connection:
        return connection.execute(query).fetchall()


def test_a_sweep_without_findings(nslab: Callable[..., Any], tmp_path: Path) -> None:
    status, out, err = nslab(*sweep(tmp_path, "passes", "slow", executions=40))
    assert status == 0
    assert re.fullmatch(
        r"sweep mine-1: 40 executions in 2 cells of 2, \d+ s: no new findings\n", out
    )
    assert err == "nslab: sweep mine-1: 2 cells, 40 executions\n"
    assert rows(tmp_path, "SELECT scenario, executions, batches FROM cells") == [
        ("passes", 20, 2), ("slow", 20, 2),
    ]  # fmt: skip
    # Nothing but the results is left.
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [
        "results.sqlite", "results.sqlite.lock",
    ]  # fmt: skip


def test_findings_are_grouped_and_told(nslab: Callable[..., Any], tmp_path: Path) -> None:
    told = tmp_path / "told"
    words = (*sweep(tmp_path, "passes", "asserts", "dies"), "--notify", f"cat >> {told}")
    status, out, err = nslab(*words)
    assert status == 1
    assert (
        "2 new findings" in out
        and max(len(line) for line in out.splitlines() if "TOKEN" not in line) <= 80
    )
    assert "NEW assertion\na.c:9: link 3 went back\nin 1 of 13 executions" in out
    assert len(re.findall(r"^make replay TOKEN=NSLAB1\.\S+$", out, re.M)) == 2
    decoder, text, heard = json.JSONDecoder(), told.read_text(), []
    while text.strip():
        data, end = decoder.raw_decode(text.lstrip())
        heard.append(data)
        text = text.lstrip()[end:]
    assert sorted(one["oracle"] for one in heard) == ["assertion", "kasan"]
    assert all(
        one["status"] == "new" and one["replay"] in out and one["gdb"].startswith("make gdb TOKEN=")
        for one in heard
    )
    # The next night knows them, and tells nobody.
    told.unlink()
    status, out, _ = nslab(*words)
    assert (
        status == 0
        and "sweep mine-2: " in out
        and "no new findings, 2 known" in out
        and not told.exists()
    )
    # Without them, they are gone.
    status, out, _ = nslab(*sweep(tmp_path, "passes"))
    assert (
        status == 0 and "no new findings, 2 gone" in out and "gone: a.c:9: link 3 went back" in out
    )


def test_a_list_of_the_users(nslab: Callable[..., Any], tmp_path: Path) -> None:
    listed = tmp_path / "known.toml"
    listed.write_text(
        '[[known]]\nsignature = "assertion:a.c:#: link # went back"\nreason = "a fix waits"\n'
    )
    status, out, _ = nslab(*sweep(tmp_path, "asserts", executions=10), "--known", listed)
    assert status == 0 and "known: a.c:9: link 3 went back (a fix waits)" in out


def test_the_same_with_any_number_of_guests_and_again(
    nslab: Callable[..., Any], tmp_path: Path
) -> None:
    def everything() -> list[Any]:
        return [
            rows(tmp_path, f"SELECT {what} WHERE sweep = (SELECT max(sweep) FROM sweeps) ORDER BY 1, 2, 3")
            for what in (
                "n, cell, number, planned, executions, failed FROM batches",
                "cell, batches, executions, points, faults, failures FROM cells",
                "n, execution, signature, token, hash, reproduced FROM failures",
                "signature, n, small, headline, picture FROM findings",
                "kind, name, executions FROM coverage", "scenario, lowest, 0 FROM sketches",
            )
        ]  # fmt: skip

    words = sweep(tmp_path, "passes", "asserts", "dies", "needs-a5b-b3a", executions=130)
    assert nslab(*words, "--jobs", 1)[0] == 1
    first = everything()
    assert all(first)
    for jobs in (2, 7):
        # Another sweep has other seeds, but this is that one again.
        status, out, _ = nslab("sweep", "--repeat", "mine-1", "--jobs", jobs, *words[2:])
        assert status == 0, out
        assert everything() == first
    assert [seeds for (seeds,) in rows(tmp_path, "SELECT seeds FROM sweeps")] == ["mine-1"] * 3


def test_what_an_executor_gets_and_gives_is_plain_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that another executor can take the place of threads."""
    install(tmp_path / "lab", monkeypatch.setattr)
    kernel = getattr(cell_tasks, "ensure_kernel")("6.12", ())
    made = run_plan("asserts", executions=10)
    machine = fake_machine(tmp_path)
    task = work.Task(machine, kernel, profiles.load("none"), made, 0, 1, tmp_path)
    copy = pickle.loads(pickle.dumps(task))
    assert copy == task
    outcome = work.run_batch(copy, threading.Event())
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert (outcome.executions, outcome.found[0].oracle) == (3, "assertion")


def test_a_cell_that_cannot_be_run_ends_no_night(nslab: Callable[..., Any], tmp_path: Path) -> None:
    status, out, _ = nslab(*sweep(tmp_path, "passes", "no-boot"))
    assert status == 3
    assert (
        "NOT RUN no-boot none+none: the guest ended (status -6) before its first execution"
        in " ".join(out.split())
    )
    ((executions, batches),) = rows(
        tmp_path, "SELECT executions, batches FROM cells WHERE scenario = 'passes'"
    )
    assert executions == 10 * batches and batches >= 3


def test_a_guest_that_somebody_else_kills(
    nslab: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is run again, and counted once."""
    killed: list[int] = []
    boot = boots.boot

    def one_is_killed(
        machine: Any, plan: Any, folder: Any, stop: Any, on_execution: Any = lambda execution: None
    ) -> Any:
        if plan.token.scenario == "slow" and not killed:

            def kill(execution: Any) -> None:
                if execution.n == 3 and not killed:
                    killed.append(True)
                    for pid in pids_in(folder):
                        os.kill(pid, signal.SIGKILL)

            return boot(machine, plan, folder, stop, kill)
        return boot(machine, plan, folder, stop, on_execution)

    monkeypatch.setattr(boots, "boot", one_is_killed)
    status, out, _ = nslab(*sweep(tmp_path, "slow", executions=20), "--jobs", 1)
    assert killed and status == 0
    assert "20 executions in 1 cell of 1" in out and "no new findings" in out


def test_two_at_once(nslab: Callable[..., Any], tmp_path: Path) -> None:
    with alone(tmp_path / "r" / "results.sqlite"):
        status, out, err = nslab(*sweep(tmp_path, "passes"))
    assert (status, out) == (2, "") and re.fullmatch(
        r"nslab: another sweep is writing to .*\n", err
    )


def test_nothing_to_go_on_with(nslab: Callable[..., Any], tmp_path: Path) -> None:
    status, _, err = nslab(*sweep(tmp_path, "passes", executions=10), "--resume")
    assert status == 0
    assert err.startswith(
        "nslab: there is no sweep to go on with: a new one begins\nnslab: sweep mine-1: "
    )


def left(folder: Path, *scenarios: str, executions: int = 4000) -> str:
    """A sweep that was interrupted; its stdout."""
    words = sweep(folder, *scenarios, executions=executions)
    code = (
        "import sys; from pathlib import Path; import test_sweep_command; from nslab_lab.cli import main; "
        "test_sweep_command.install(Path(sys.argv[1])); sys.exit(main.main(sys.argv[2:]))"
    )
    path = os.pathsep.join([str(Path(main.__file__).parents[2]), str(Path(__file__).parent)])
    process = subprocess.Popen(
        [sys.executable, "-c", code, folder / "lab2", *words, "--jobs", "2"],
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    results = folder / "r" / "results.sqlite"

    def some() -> bool:
        try:
            return int(rows(folder, "SELECT count(executions) FROM batches")[0][0]) > 2
        except sqlite3.Error:
            return False

    assert wait_for(lambda: results.exists() and some())
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=FOREVER_S)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert not pids_in(folder)
    return out


def test_the_state_of_a_sweep_that_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is to go on, and so it is running by what the file says; nobody runs it."""
    left(tmp_path, "slow", executions=4000)
    results = tmp_path / "r" / "results.sqlite"
    monkeypatch.setattr(nightly, "DEFAULT", results)
    monkeypatch.setenv("DESTDIR", str(tmp_path))

    def status() -> str:
        main.main(["nightly", "status", "--user"])
        return capsys.readouterr().out

    assert re.search(r"^last sweep: mine-1, .* UTC, interrupted; make sweep RESUME=1 goes on$", status(), re.M)
    with alone(results):
        assert re.search(r"^last sweep: mine-1, .* UTC, running$", status(), re.M)
    assert " UTC, interrupted; " in status()


def test_fewer_executions_than_a_boot_has(nslab: Command, tmp_path: Path) -> None:
    words = sweep(tmp_path, "passes", "slow", executions=400)
    status, out, _ = nslab(*words, "--budget", "1h", "--executions", "5")
    assert status == 0 and out.startswith("sweep mine-1: 5 executions in 1 cell of 2, ")
    assert nslab("sweep", "--repeat", "mine-1", *words[2:])[1].startswith("sweep mine-2: 5 executions in 1 ")


def test_results_that_are_a_folder(nslab: Command, tmp_path: Path) -> None:
    for words in (("sweep", sweep(tmp_path, "passes")[1]), ("report",)):
        status, out, err = nslab(*words, "--db", tmp_path)
        assert (status, out) == (2, "")
        assert err == f"nslab: {shown(tmp_path)} is a folder: give a file, DB=FILE\n"


def test_interrupted_and_resumed(nslab: Command, tmp_path: Path) -> None:
    out = left(tmp_path, "slow", "asserts", executions=60)
    assert "INTERRUPTED: these are the results so far; RESUME=1 goes on" in out
    status, out, err = nslab(*sweep(tmp_path, "slow", "asserts", executions=60), "--resume")
    assert status == 1 and re.search(r"sweep mine-1 goes on: \d+ boots were through", err)
    assert "sweep mine-1: " in out
    assert rows(tmp_path, "SELECT state, count(*) FROM sweeps") == [("done", 1)]
    once = rows(tmp_path, "SELECT cell, batches, executions, failures FROM cells")
    assert (
        nslab(
            "sweep", "--repeat", "mine-1", "--no-report", "--db", tmp_path / "r" / "results.sqlite"
        )[0]
        == 0
    )
    assert (
        rows(tmp_path, "SELECT cell, batches, executions, failures FROM cells WHERE sweep = 2")
        == once
    )


def test_what_a_killed_one_left_running_is_ended(nslab: Callable[..., Any], tmp_path: Path) -> None:
    place = tmp_path / "r" / "results.sqlite.work" / "boot"
    place.mkdir(parents=True)
    process = subprocess.Popen(["sleep", "1000"], cwd=place)
    assert nslab(*sweep(tmp_path, "passes", executions=10))[0] == 0
    assert process.wait(FOREVER_S) == -signal.SIGKILL


def test_one_that_was_given_up_does_not_go_on(nslab: Callable[..., Any], tmp_path: Path) -> None:
    left(tmp_path, "slow")
    words = sweep(tmp_path, "passes", executions=10)
    assert nslab(*words)[0] == 0
    status, out, err = nslab(*words, "--resume")
    assert (
        status == 0
        and "sweep mine-3: 10 executions" in out
        and "there is no sweep to go on with" in err
    )


def test_what_has_changed_cannot_go_on(nslab: Callable[..., Any], tmp_path: Path) -> None:
    left(tmp_path, "slow")
    connection = sqlite3.connect(tmp_path / "r" / "results.sqlite")
    connection.execute("UPDATE cells SET kernel_id = 'ffffffff'")
    connection.commit()
    connection.close()
    status, out, err = nslab(*sweep(tmp_path, "passes", executions=10), "--resume")
    assert status == 0 and "sweep mine-2: 10 executions" in out
    assert (
        "sweep mine-1 cannot go on: kernel 6.12-ffffffff is now 6.12-0123abcd: a new one begins"
        in err
    )
    assert rows(tmp_path, "SELECT state FROM sweeps ORDER BY sweep") == [("left",), ("done",)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--budget", "soon"], "budget=soon: not a duration"),
        (["--executions", "0"], "executions=0: not between 1 and"),
        (["--keep", "1y"], "keep=1y: not a duration"),
        (["--jobs", "x"], "jobs=x: not a whole number"),
        (["--resume", "--budget", "1m"], "resume goes on with a sweep as it was begun"),
        (["--resume", "--repeat", "mine-1"], "resume goes on with a sweep as it was begun"),
        (["--known", "/nowhere/known.toml"], "/nowhere/known.toml: No such file or directory"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_wrong_usage(
    nslab: Callable[..., Any], tmp_path: Path, options: list[str], message: str
) -> None:
    status, out, err = nslab(*sweep(tmp_path, "passes"), *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"nslab: {message}") and err.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_wrong_repeats(nslab: Callable[..., Any], tmp_path: Path) -> None:
    words = sweep(tmp_path, "passes", executions=10)
    assert nslab(*words)[0] == 0
    assert "repeat takes the cells of that sweep" in nslab(*words, "--repeat", "mine-1")[2]
    status, _, err = nslab("sweep", "--repeat", "mine-9", *words[2:])
    assert (
        status == 2
        and "repeat=mine-9: there is no such sweep in " in err
        and "the last are mine-1\n" in err
    )


def test_no_room_for_guests(
    nslab: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is no fault of the cell's."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1000))
    status, _, err = nslab(*sweep(tmp_path, "no-boot"))
    assert (
        status == 3
        and "no space left; what was committed is safe: free some and go on with RESUME=1" in err
    )
    assert rows(
        tmp_path, "SELECT state, (SELECT count(*) FROM cells WHERE error NOT NULL) FROM sweeps"
    ) == [("running", 0)]


def test_old_sweeps_are_dropped_at_the_end(nslab: Callable[..., Any], tmp_path: Path) -> None:
    words = sweep(tmp_path, "passes", executions=10)
    assert nslab(*words)[0] == 0
    connection = sqlite3.connect(tmp_path / "r" / "results.sqlite")
    connection.execute("UPDATE sweeps SET started = '2020-01-01T00:00:00+00:00'")
    connection.commit()
    connection.close()
    assert nslab(*words, "--keep", "30d")[0] == 0
    assert rows(tmp_path, "SELECT id FROM sweeps") == [("mine-2",)]


# === What is seen of it ===


def test_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    lines = view.Lines()
    for second in range(0, 200, 5):
        clock[0] = 1000.0 + second
        lines.update(
            view.State(100 * second, second // 100, max(0, 50 - second), second / 400, second)
        )
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "nslab: 100 executions/s, 6,000 executions, 0 findings, 5 min 40 s left",
        "nslab: 100 executions/s, 12,000 executions, 1 finding, 4 min 40 s left",
        "nslab: 100 executions/s, 18,000 executions, 1 finding, 3 min 40 s left",
    ]


def test_cells_left() -> None:
    line = view.line(view.State(5, 0, 3, 0.0, 1.0), 5.0)
    assert line == "5 executions/s, 5 executions, 0 findings, 3 cells left"


def test_the_results_file_can_be_read_while_a_sweep_goes_on(
    nslab: Callable[..., Any], tmp_path: Path
) -> None:
    words = sweep(tmp_path, "asserts", executions=10)
    assert nslab(*words)[0] == 1
    path = tmp_path / "r" / "results.sqlite"
    with alone(path), Store(path):
        status, out, _ = nslab("report", "--format", "ktap", "--db", path)
    assert status == 0 and "not ok 1 asserts.none+none.6.12" in out

# SPDX-License-Identifier: GPL-2.0
"""The guest's process: how it is started, watched and ended. No kernel here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from lab import fake_machine, hour_passes, run_plan, running, wait_for
from nslab_lab.guest import boot_errors, boots, demands
from nslab_lab.host.errors import LabError
from nslab_lab.plans import watch
from nslab_lab.plans.watch import ALL_SHARED, Watching


@pytest.fixture
def boot(tmp_path: Path) -> Callable[..., Any]:
    """Boots the fake guest with one of its scenarios."""

    def start(
        scenario: str,
        stop: threading.Event | None = None,
        last: int = 5,
        watching: Watching = Watching(),
        **more: str,
    ) -> boots.Boot | None:
        machine = fake_machine(tmp_path)
        folder = tmp_path / "run"
        folder.mkdir()
        plan = replace(run_plan(scenario, **more).boot(scenario, 1, last), watching=watching)
        return boots.boot(machine, plan, folder, stop or threading.Event())

    return start


def pids_in(folder: Path) -> list[int]:
    """The processes with their working directory in @folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder) in os.readlink(entry / "cwd"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_a_plan_is_run_to_its_end(boot: Callable[..., Any]) -> None:
    result = boot("passes")
    assert [one.n for one in result.executions] == [1, 2, 3, 4, 5]
    assert result.ready and result.ended and not result.silent and not result.stopped
    assert result.status == 0
    assert result.met.hits == {"rcu_read_lock": 25, "exit_notify": 0}
    assert result.met.executions == {"rcu_read_lock": 5, "exit_notify": 0}
    assert result.met.places == {"utsns_get+0x5e/0xb0": 5}
    assert "Linux version" in result.console_text()


def test_steps_name_what_was_watched(boot: Callable[..., Any]) -> None:
    given = Watching((ALL_SHARED, *map(watch.parse, ("nsproxy:0:8", "=init_nsproxy:0:8"))))
    result = boot("watches", watching=given, strategy="random")
    # None, the first and the second by hand, and the first that was found.
    assert [step.watch for step in result.steps] == [
        "", "nsproxy", "static:init_nsproxy", "kmalloc:newary",
    ]  # fmt: skip
    assert [step.site for step in result.steps] == [0, 0, 0, 0x1234]
    assert result.search is None


def test_a_kernel_that_dies_while_shared_memory_is_looked_for(boot: Callable[..., Any]) -> None:
    """Its bug is for the executions that have tokens."""
    result = boot("dies-profiling", strategy="random")
    assert result.plan.skip == (2, 4) and result.ended and len(result.executions) == 5
    # In the next boot this is known.
    assert result.profiling == "0"
    machine = fake_machine(result.console.parents[1])
    assert boots.without_skipped(machine, replace(result.plan, skip=())).skip == (2, 4)


def test_a_kernel_that_dies_in_its_first_execution_is_not_booted_again(boot: Callable[..., Any]) -> None:
    result = boot("vanishes", strategy="random")
    assert not result.died_profiling and result.plan.skip == ()


def test_a_search(boot: Callable[..., Any]) -> None:
    result = boot("passes", strategy="bounded-1", last=1)
    assert result.ended and result.search.schedules == [1, 0]
    assert result.next == 1 and [one.schedule for one in result.executions] == ["0"]


def test_only_console_and_results_are_left(boot: Callable[..., Any], tmp_path: Path) -> None:
    boot("passes")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "console-passes-1.log", "results-passes-1.jsonl",
    ]  # fmt: skip


def test_how_a_guest_is_started(boot: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    text = boot("look-around", variant="no-grace-period").console_text()
    status = dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == 0
    assert "," not in status["Cpus_allowed_list"] and "-" not in status["Cpus_allowed_list"]
    assert re.search(r"^Max core file size +0 +0 ", text, re.MULTILINE)
    assert "SESSION True" in text
    assert "FDS ['0', '1', '2', '3', " in text
    environment = json.loads(re.search(r"^ENV (.*)", text, re.MULTILINE)[1])
    assert {"PATH", "TMPDIR"} <= set(environment) and "SECRET" not in environment
    arguments = json.loads(re.search(r"^ARGV (.*)", text, re.MULTILINE)[1])[1:]
    assert "mem=256M" in arguments and "nslab.variant=no-grace-period" in arguments
    assert "time-travel=inf-cpu" in arguments
    # Nothing that depends on where the run folder lies: the console is the same everywhere.
    assert not any("/run" in argument for argument in arguments)


def test_a_guest_killed_by_a_signal(boot: Callable[..., Any]) -> None:
    result = boot("vanishes")
    assert [one.n for one in result.executions] == [1]  # half a line is no line
    assert result.next == 2 and not result.ended
    assert result.status == -signal.SIGSEGV


def test_a_guest_that_stops_answering_is_killed_with_all_its_processes(
    boot: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour_passes(monkeypatch, tmp_path)
    result = boot("hangs")
    assert result.silent and not result.stopped
    assert [one.n for one in result.executions] == [1, 2]
    assert wait_for(lambda: not pids_in(tmp_path))


def test_a_guest_that_is_slow_but_talks_lives(
    boot: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time that it has said something, most of the time that it may be silent has gone by."""
    now, sizes = [0.0], [0]

    def monotonic() -> float:
        sizes.append(sum(path.stat().st_size for path in tmp_path.rglob("results-*.jsonl")))
        now[0] += 29.0 * (sizes[-1] > sizes[-2])
        return now[0]

    monkeypatch.setattr(boots, "time", SimpleNamespace(monotonic=monotonic, sleep=time.sleep))
    result = boot("slow", last=12)
    assert result.ended and not result.silent and now[0] > 30.0


def test_a_stop_kills_the_guest(boot: Callable[..., Any], tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.4, stop.set).start()
    result = boot("hangs", stop=stop)
    assert result.stopped and not result.silent
    assert wait_for(lambda: not pids_in(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_guest_outlives_the_harness(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "run").mkdir()
    code = (
        "import sys, threading; from pathlib import Path; from lab import *; "
        "from nslab_lab.guest import boots; folder = Path(sys.argv[1]); "
        "plan = run_plan('mute').boot('mute', 1, 5); "
        "boots.boot(fake_machine(folder), plan, folder / 'run', threading.Event())"
    )
    path = os.pathsep.join([str(Path(boots.__file__).parents[2]), str(Path(__file__).parent)])
    harness = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], env={**os.environ, "PYTHONPATH": path}
    )
    console = tmp_path / "run" / "console-mute-1.log"
    assert wait_for(lambda: console.exists() and "fake" in console.read_text())
    guests = pids_in(tmp_path)
    assert guests
    harness.send_signal(number)
    harness.wait()
    assert wait_for(lambda: not any(running(pid) for pid in guests))


def test_results_that_make_no_sense(boot: Callable[..., Any]) -> None:
    with pytest.raises(LabError, match="results-nonsense-1.jsonl:2: .*cannot read") as caught:
        boot("nonsense")
    assert caught.value.status == 3


def check(result: boots.Boot) -> str:
    with pytest.raises(LabError) as caught:
        boot_errors.check_boot(result)
    assert caught.value.status == 3
    return caught.value.message


def test_a_guest_that_cannot_run_its_plan(boot: Callable[..., Any]) -> None:
    message = check(boot("bad-plan"))
    assert "cannot run its plan: no scenario 'bad-plan'; see " in message


def test_a_guest_that_does_not_boot(boot: Callable[..., Any]) -> None:
    message = check(boot("no-boot"))
    assert "ended (status -6) before its first execution: panic: VFS: Unable to mount" in message
    assert message.endswith("console-no-boot-1.log")


def test_a_guest_that_never_says_a_word(
    boot: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour_passes(monkeypatch, tmp_path)
    assert "stopped answering before its first execution" in check(boot("mute"))


def test_a_kernel_that_is_not_there(
    boot: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.FAKE_GUEST", tmp_path / "no-linux")
    assert "before its first execution" in check(boot("passes"))


def test_host_programs_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    demands.check_tools()
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(LabError, match="apt-get install util-linux"):
        demands.check_tools()


def test_memory_goes_to_the_fallback_without_a_tmpfs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: (_ for _ in ()).throw(OSError()))
    assert demands.memory_folder(tmp_path) == tmp_path

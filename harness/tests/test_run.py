# SPDX-License-Identifier: GPL-2.0
"""`nslab run` and `nslab replay` from end to end, but for the kernel: see test_e2e.py."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from lab import ACTORS, FAKE_GUEST, FOREVER_S, PLACES, READERS, Command, wait_for
from nslab_lab.build import catalog, guest_program, kernel
from nslab_lab.build.kernel import Kernel
from nslab_lab.cli import main, options
from nslab_lab.commands import coverage, replay, run
from nslab_lab.debuginfo import readers
from nslab_lab.history import command as history
from nslab_lab.matrix import command as matrix
from nslab_lab.plans.watch import ALL_SHARED, Watching
from nslab_lab.report import runfolder
from test_guest import pids_in

NEEDY = "needs-a5b-b3a-c2"
SCENARIOS = (
    "passes", "dies", "dies-after-others", "asserts", "slow", "no-boot", "hangs", "diverges",
    "hangs-in-search", "needs-a5b-b3a", NEEDY, "exits", "late",
    "misses",
)  # fmt: skip
REACHES = {
    "passes": ["utsns_get", "rcu_read_lock"], "exits": ["validate_nsset", "exit_notify"],
    "late": ["pidfd_ioctl", "utsns_gte", "exit_notify"],
}  # fmt: skip
STRATEGIES = ("none", "random", "pct", "pos", "bounded", "replay")


def install(folder: Path, put: Callable[..., Any] = setattr) -> None:
    """Put a mere process in the place of the kernel, and everything made into @folder."""
    folder.mkdir(exist_ok=True)
    tool = folder / "out" / "usr" / "gen_init_cpio"
    tool.parent.mkdir(parents=True, exist_ok=True)
    tool.write_text("#!/bin/sh\nexec cat\n")
    tool.chmod(0o755)
    (folder / "config").write_text("CONFIG_NSLAB=y\n")
    listed = {
        "scenarios": [
            {"name": name, "about": "", "actors": ACTORS, "inputs": 1 + (name == "passes"),
             "subject": "nsproxy", "file": f"nsproxy/{name}.c", "reaches": REACHES.get(name, [])}
            for name in SCENARIOS
        ],
        "strategies": [{"name": name, "about": ""} for name in STRATEGIES],
    }  # fmt: skip
    init = folder / "init"
    init.write_text(f"#!/bin/sh\necho '{json.dumps(listed)}'\n")
    init.chmod(0o755)
    kernel = Kernel(
        name="6.12", id="0123abcd", engine="det", src=folder / "src", out=folder / "out",
        linux=FAKE_GUEST, config=folder / "config", versions={"compiler": "cc"}, cmdline=(),
    )  # fmt: skip

    def in_series(
        name: str | None, patches: list[Path] | tuple[()], series_name: str | None = None
    ) -> Kernel:
        points = tuple(item.name for item in catalog.points())
        return replace(kernel, series=series_name, points=points)

    # A mere process has no structs that could be watched by name.
    put(options, "watching", lambda _, kernel, those: (Watching((ALL_SHARED,)),) * len(those))
    put(readers, "_known", lambda linux, places: readers._Known(READERS, PLACES))
    put(coverage, "COVERAGES", folder / "coverage")
    put(matrix, "MATRICES", folder / "matrix")
    put(history, "HISTORIES", folder / "history")
    for module in (run, replay, coverage, matrix, history):
        put(module, "ensure_kernel", in_series)
    put(guest_program, "ensure_scenarios", lambda: init)
    put(runfolder, "RUNS", folder / "runs")
    put(replay, "REPLAYS", folder / "replays")


@pytest.fixture
def nslab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs the command line; returns status, stdout, stderr."""
    install(tmp_path, monkeypatch.setattr)

    def command(*args: str) -> tuple[int, str, str]:
        status = main.main(list(args))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return command


def small(*scenarios: str, executions: int = 20) -> tuple[str, ...]:
    return (
        "run", "--scenario", ",".join(scenarios), "--executions", str(executions), "--batch", "10",
        "--profile", "none",
    )  # fmt: skip


def test_a_run_without_findings(nslab: Command, tmp_path: Path) -> None:
    status, out, err = nslab(*small("passes"))
    assert status == 0
    assert "20 executions of 1 scenario, 0 findings" in out
    assert err == "nslab: passes: 20 executions, 0 findings\n"
    assert max(map(len, out.splitlines()[:6])) <= 80
    folder = tmp_path / "runs" / "latest"
    lines = [json.loads(line) for line in (folder / "executions.jsonl").read_text().splitlines()]
    assert [line["n"] for line in lines] == list(range(1, 21))
    assert json.loads((folder / "plan.json").read_text())["executions"] == 20
    assert json.loads((folder / "versions.json").read_text())["kernel_id"] == "0123abcd"
    assert json.loads((folder / "points.json").read_text())["passes"]["rcu_read_lock"] == 100
    assert json.loads((folder / "coverage.json").read_text())["passes"] == {
        "points": {"rcu_read_lock": 20, "exit_notify": 0},
        "readers": {"pidfd_ioctl": 0, "utsns_get": 20, "validate_nsset": 0},
    }
    assert re.search(r"^nsproxy: 0 of \d+ points and 1 of 3 readers reached; not\s+task_nsproxy,", out, re.M)
    assert re.search(r"^any subject: 1 of 4 points reached; not\s+rcu_read_unlock,", out, re.M)
    assert not re.search("^ipc: ", out, re.M)
    assert re.search(r"pidfd_ioctl,\s+validate_nsset$", out, re.M)
    assert (folder / "config").read_text() == "CONFIG_NSLAB=y\n"
    assert "ok 1 passes\n" in (folder / "result.ktap").read_text()
    assert (folder / "summary.txt").read_text() in out
    assert sorted(path.name for path in folder.glob("console-*")) == [
        "console-passes-1.log", "console-passes-11.log",
    ]  # fmt: skip


FAIL_NTH = ("run", "--profile", "fail-nth", "--batch", "10", "--scenario")


def test_each_allocation_fails_once(nslab: Command, tmp_path: Path) -> None:
    status, out, err = nslab(*FAIL_NTH, "dies")
    assert status == 0
    assert "15 executions of 1 scenario, 0 findings" in out
    assert err == "nslab: dies: 15 executions, 0 findings\n"
    assert (
        "dies: complete for the schedules run: 3 failure sites, each was tried, 9\n"
        "  allocations; reader open(path): 2; switcher unshare(0): 1\n"
    ) in out
    folder = tmp_path / "runs" / "latest"
    assert (folder / "sites.txt").read_text().startswith(
        "dies: 3 failure sites, 9 of 9 allocations failed once\n\n  reader open(path)\n"
    )
    first = json.loads((folder / "executions.jsonl").read_text().splitlines()[0])
    assert first["refused"]["stack"] == "aa" and first["refused"]["errno"] == "ENOMEM"
    assert "--executions" not in (folder / "repeat").read_text()


def test_what_was_missed_takes_another_round(nslab: Command, tmp_path: Path) -> None:
    for jobs in ("1", "4"):
        status, out, err = nslab(*FAIL_NTH, "misses,dies", "--jobs", jobs)
        assert status == 0
        assert "45 executions of 2 scenarios" in out and "misses: 30 executions, 0" in err
        assert "misses: complete for the schedules run: 3 failure sites, each was tried, 9\n" in out
    for name in ("executions.jsonl", "sites.txt"):
        one, two = ((tmp_path / "runs" / n / name).read_bytes() for n in ("0001", "0002"))
        assert one == two


def test_as_many_as_were_asked_for(nslab: Command) -> None:
    status, out, _ = nslab(*FAIL_NTH, "misses", "--executions", "15")
    assert status == 0
    assert (
        "misses: not complete: 2 of 3 failure sites tried, 6 of 9 allocations; reader\n"
        "  open(path): 2; switcher unshare(0): 1 (1 NOT TRIED)\n"
    ) in out
    status, out, _ = nslab(*FAIL_NTH, "dies", "--executions", "4")
    assert "a round has 15 executions;" in " ".join(out.split())


def test_a_schedule_strategy_besides(nslab: Command) -> None:
    status, out, _ = nslab(*FAIL_NTH, "dies", "--strategy", "pct")
    assert status == 0
    # Of an execution in which nothing fails.
    assert "dies: 3 actors, 40 steps:" in out and "dies: complete for the schedules run: 3 failure sites" in out
    assert nslab(*FAIL_NTH, "dies", "--strategy", "random")[0] == 0


def test_allocations_are_not_failed_in_a_search(nslab: Command) -> None:
    status, _, err = nslab(*FAIL_NTH, "dies", "--strategy", "bounded")
    assert (status, err) == (
        2,
        "nslab: profile fail-nth fails one allocation after the other, strategy bounded searches all "
        "schedules, and not both at once: take STRATEGY=none, random, pct or pos\n",
    )


def test_a_finding_and_its_replay(nslab: Command, tmp_path: Path) -> None:
    status, out, _ = nslab(*small("dies", "asserts"))
    assert status == 1
    assert "KASAN: slab-use-after-free in utsns_get" in out
    assert "reproduced alone" in out
    assert "10 executions of 2 scenarios, 2 findings" in out
    tokens = re.findall(r"^make replay TOKEN=(\S+)$", out, re.MULTILINE)
    assert len(tokens) == 2
    ktap = (tmp_path / "runs" / "latest" / "result.ktap").read_text()
    assert "not ok 1 dies\n" in ktap and "not ok 2 asserts\n" in ktap

    status, out, _ = nslab("replay", tokens[0], "--times", "3")
    assert status == 1
    assert "FAIL dies, execution 7\nKASAN: slab-use-after-free in utsns_get" in out
    assert out.startswith("    reader ") and "rcu_read_lock() +1.5 us" in out
    assert "BUG: KASAN: slab-use-after-free" in out
    assert "trace hash 0000000000000007, the same as in " in out
    assert "3 of 3 replays are the same" in out

    status, out, _ = nslab("replay", tokens[0].replace(".7.7", ".6.6"))
    assert status == 0
    assert "PASS dies, execution 6" in out and "the same as" not in out


def test_a_finding_that_needs_a_prefix(nslab: Command) -> None:
    status, out, _ = nslab(*small("dies-after-others"))
    assert status == 1
    assert "only after the executions before it" in out
    token = re.search(r"TOKEN=(\S+)", out)[1]
    assert token.endswith(".1.6.7")  # one is enough
    status, out, _ = nslab("replay", token)
    assert status == 1 and "FAIL dies-after-others, execution 7" in out


def test_the_same_plan_gives_the_same_bytes(nslab: Command, tmp_path: Path) -> None:
    for jobs in ("1", "4"):
        nslab(*small("passes", "dies", "asserts", executions=30), "--findings", "0", "--jobs", jobs)
    one, two = ((tmp_path / "runs" / n / "executions.jsonl").read_bytes() for n in ("0001", "0002"))
    assert one == two and len(one.splitlines()) == 90


def test_a_profile_of_ones_own_is_part_of_the_command(
    nslab: Command, tmp_path: Path
) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('about = "x"\n[faults.failslab]\nprobability = 1\n')
    _, out, _ = nslab(*small("dies"), "--profile", str(own))
    token = re.search(rf"^make replay TOKEN=(\S+) PROFILE={own}$", out, re.MULTILINE)[1]
    assert nslab("replay", token, "--profile", str(own))[0] == 1
    status, _, err = nslab("replay", token)
    assert status == 2 and "the token needs the profile 'mine'" in err
    own.write_text(own.read_text().replace("1", "2"))
    status, _, err = nslab("replay", token, "--profile", str(own))
    assert status == 2 and "is not the profile of the token: its digest is" in err


def test_a_patch_is_part_of_the_command(nslab: Command, tmp_path: Path) -> None:
    patch = tmp_path / "a.patch"
    patch.write_text("patch")
    _, out, _ = nslab(*small("dies"), "--patch", str(patch))
    assert re.search(rf"^make replay TOKEN=\S+ PATCH={patch}$", out, re.MULTILINE)


def test_a_guest_that_does_not_boot_is_status_3(nslab: Command, tmp_path: Path) -> None:
    status, _, err = nslab(*small("passes", "no-boot"))
    assert status == 3
    assert re.fullmatch(
        r"nslab: passes: 20 executions, 0 findings\n"
        r"nslab: the guest ended \(status -6\) before its first execution: .*\n", err
    )  # fmt: skip
    folder = tmp_path / "runs" / "latest"
    assert len((folder / "executions.jsonl").read_text().splitlines()) == 20
    assert (folder / "summary.txt").read_text().startswith("The lab could not go on: the guest")


DELAYS = (
    "profile {} delays actors, but strategy {} itself decides which actor runs: take PROFILE=none, failslab, "
    "or one without delay_*\n"
)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--executions", "many"], "executions=many: not a whole number"),
        (["--executions", "0"], "executions=0: not between 1 and 1000000000"),
        (["--seed", "-1"], "seed=-1: not between 0 and 18446744073709551615"),
        (["--findings", "-1"], "findings=-1: not between"),
        (["--jobs", "0"], "jobs=0: not between 1 and 1024"),
        (["--batch", "0"], "batch=0: not between"),
        (["--silence", "0"], "silence=0: not between"),
        (["--profile", "nope"], "no profile 'nope'"),
        (["--variant", "no-grace"], "no variant 'no-grace': is 'no-grace-period' meant?"),
        (["--strategy", "ptc"], "no strategy 'ptc': is 'pct' meant?"),
        (["--strategy", "x"], "no strategy 'x': there is none, random, pct, pos, bounded, replay"),
        (["--strategy", "x", "--profile", "delay"], "no strategy 'x': there is none, random"),
        (["--strategy", "pct-3-400"], "no strategy 'pct-3-400'"),
        (["--strategy", "replay"], "strategy 'replay' is for tokens: make replay TOKEN=..."),
        (
            ["--strategy", "replay", "--profile", "delay"],
            "strategy 'replay' is for tokens: make replay TOKEN=...",
        ),
        (["--strategy", "random", "--profile", "delay"], DELAYS.format("delay", "random")),
        (["--strategy", "bounded", "--profile", "mixed"], DELAYS.format("mixed", "bounded")),
        (["--strategy", "pct", "--depth", "0"], "depth=0: not between 1 and 16"),
        (["--strategy", "pct", "--depth", "17"], "depth=17: not between 1 and 16"),
        (["--strategy", "pct", "--depth", "deep"], "depth=deep: not a whole number"),
        (["--strategy", "bounded", "--preemptions", "-1"], "preemptions=-1: not between 0 and 8"),
        (["--strategy", "bounded", "--preemptions", "9"], "preemptions=9: not between 0 and 8"),
        (["--strategy", "bounded", "--preemptions", "2.5"], "preemptions=2.5: not a whole number"),
        (["--depth", "99"], "depth=99: not between 1 and 16"),
        (["--depth", "3"], "depth is for strategy pct, not for none"),
        (["--strategy", "pct", "--preemptions", "1"], "preemptions is for strategy bounded, not for pct"),
        (["--strategy", "random", "--unpruned"], "unpruned is for strategy bounded, not for random"),
        (["--scenario", "pass"], "no scenario 'pass': is 'passes' meant?"),
        (["--scenario", "passes,nope"], "no scenario 'nope'"),
    ],
)
def test_wrong_usage_of_run(
    nslab: Command, tmp_path: Path, options: list[str], message: str
) -> None:
    status, out, err = nslab("run", *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"nslab: {message}") and err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


TOKEN = "NSLAB1.6.12-0123abcd.dies.none.none-e3b0c4.none.1.7.7"


def test_another_series_is_told_and_kept(nslab: Command, tmp_path: Path) -> None:
    status, out, _ = nslab(*small("dies"), "--series", "task_lock")
    assert status == 1
    assert "kernel 6.12-0123abcd, series task_lock, variant none, strategy none, seed 1\n" in out
    assert re.search(r"^make replay TOKEN=NSLAB1\S+ SERIES=task_lock$", out, re.M)
    folder = tmp_path / "runs" / "latest"
    assert json.loads((folder / "plan.json").read_text())["series"] == "task_lock"
    assert " --series task_lock " in (folder / "repeat").read_text()


def test_the_default_series_needs_no_word(nslab: Command, tmp_path: Path) -> None:
    _, out, _ = nslab(*small("dies"))
    assert "SERIES=" not in out and ", series " not in out
    assert "--series" not in (tmp_path / "runs" / "latest" / "repeat").read_text()


@pytest.mark.parametrize("command", [["run"], ["matrix"], ["bench", "--part", "variants"]])
def test_a_defect_that_the_series_has_not(nslab: Command, command: list[str]) -> None:
    status, out, err = nslab(*command, "--series", "task_lock", "--variant", "plain-get")
    assert (status, out) == (2, "")
    assert err == (
        "nslab: series task_lock has no variant 'plain-get', it is a defect of series rcu: "
        "leave SERIES= or VARIANT= out\n"
    )


def test_a_token_of_another_series(
    nslab: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kernel, "KERNELS", tmp_path)
    for folder, id, series in (("6.12", "0123abcd", "rcu"), ("6.12-old", "99999999", "task_lock")):
        (tmp_path / folder).mkdir()
        stamp = {"id": id, "versions": {"series": series}}
        (tmp_path / folder / "stamp.json").write_text(json.dumps(stamp))
    (tmp_path / "6.12+x").mkdir()
    (tmp_path / "6.12+x" / "stamp.json").write_text("{")
    status, out, err = nslab("replay", TOKEN.replace("0123abcd", "99999999"))
    assert (status, out) == (2, "")
    assert err == (
        "nslab: the token is of kernel build 6.12-99999999, this one is 6.12-0123abcd: "
        "that one is of series task_lock, to be given as SERIES=task_lock\n"
    )


@pytest.mark.parametrize(
    "args, message",
    [
        ([], "replay needs the TOKEN"),
        (["x"], "'x' is no token"),
        ([TOKEN, "--times", "0"], "times=0: not between"),
        ([TOKEN, "--kernel", "7.3"], "the token is of kernel 6.12, not 7.3"),
        ([TOKEN.replace("6.12-", "9.9-")], "no kernel '9.9'"),
        ([TOKEN.replace("dies", "died")], "no scenario 'died': is 'dies' meant?"),
        ([TOKEN.replace("dies.none", "dies.gone")], "no variant 'gone'"),
        ([TOKEN.replace("none.1.", "pct.1.")], "'pct' is no strategy as a token names it, such as"),
        ([TOKEN.replace("none.1.", "replay-a5.1.")], "'a5' is no schedule: it reads like"),
        ([TOKEN, "--format", "png"], "format=png: there is text, svg, json, trace\n"),
        ([TOKEN.replace("none-e3b0c4", "nope-e3b0c4")], "the token needs the profile 'nope'"),
        ([TOKEN.replace("e3b0c4", "000000")], "faults/profiles/none.toml is not the profile"),
        (
            [TOKEN.replace("0123abcd", "99999999")],
            "the token is of kernel build 6.12-99999999, this one is 6.12-0123abcd: ",
        ),
    ],
)
def test_wrong_usage_of_replay(nslab: Command, args: list[str], message: str) -> None:
    status, out, err = nslab("replay", *args)
    assert (status, out) == (2, "")
    assert err.startswith(f"nslab: {message}") and err.count("\n") == 1


def test_replays_that_differ(nslab: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = iter("abcdef")
    real = replay.replay

    def changing(*args: Any) -> Any:
        one = real(*args)
        return replay.Replay(next(hashes), one.verdict, one.steps, one.console)

    monkeypatch.setattr(replay, "replay", changing)
    status, out, _ = nslab("replay", TOKEN, "--times", "3")
    assert status == 3
    assert "NOT THE SAME: only 1 of 3 replays are like the first" in out


def on_a_terminal(folder: Path, arguments: tuple[str, ...]) -> tuple[int, str]:
    """The status of a command, and what it writes to a narrow terminal."""
    code = (
        "import sys; from pathlib import Path; import test_run; from nslab_lab.cli import main; "
        "test_run.install(Path(sys.argv[1])); "
        "sys.exit(main.main(sys.argv[2:]))"
    )
    path = os.pathsep.join([str(Path(main.__file__).parents[2]), str(Path(__file__).parent)])
    try:
        controller, terminal = os.openpty()
    except OSError:  # a bare chroot has no /dev/pts
        pytest.skip("allowed: there are no pseudo-terminals here")
    process = subprocess.Popen(
        [sys.executable, "-c", code, folder, *arguments], stdout=terminal, stderr=terminal,
        env={**os.environ, "PYTHONPATH": path, "TERM": "xterm", "COLUMNS": "60"},
    )  # fmt: skip
    os.close(terminal)
    text = b""
    try:
        while data := os.read(controller, 65536):
            text += data
    except OSError:  # so a terminal says that nobody is left
        pass
    os.close(controller)
    return process.wait(), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())


def test_bars_on_a_terminal(tmp_path: Path) -> None:
    """Findings are not broken into lines of the terminal's width."""
    status, plain = on_a_terminal(tmp_path / "lab", small("passes", "dies"))
    assert status == 1
    assert re.search(r"^make replay TOKEN=NSLAB1\S+\.1\.7\.7\s*$", plain, re.MULTILINE)
    assert re.search(r"passes .* (10|20)/20", plain)


def test_the_bar_of_a_search_has_no_end(tmp_path: Path) -> None:
    status, plain = on_a_terminal(tmp_path / "lab", steered("bounded", "passes", executions=100))
    assert status == 0
    assert re.search(r"passes .* \d+/\?", plain) and "/100" not in plain


def interrupted(
    folder: Path, number: signal.Signals, is_time: Callable[..., Any], *arguments: str
) -> str:
    """Send a signal to a command once @is_time; its stdout."""
    code = (
        "import sys; from pathlib import Path; import test_run; from nslab_lab.cli import main; "
        "test_run.install(Path(sys.argv[1])); "
        "sys.exit(main.main(sys.argv[2:]))"
    )
    path = os.pathsep.join([str(Path(main.__file__).parents[2]), str(Path(__file__).parent)])
    process = subprocess.Popen(
        [sys.executable, "-c", code, folder, *arguments], env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert wait_for(is_time)
    process.send_signal(number)
    out, err = process.communicate(timeout=FOREVER_S)
    assert process.returncode == 128 + number, err
    assert "INTERRUPTED" in out and not pids_in(folder)
    return out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_a_result_and_no_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "lab"
    lines = folder / "runs" / "0001" / "executions.jsonl"
    out = interrupted(
        folder, number, lambda: lines.exists() and lines.stat().st_size > 0,
        *small("slow", executions=1000), "--jobs", "2", "--batch", "3",
    )  # fmt: skip
    assert " of 1 scenario, 0 findings" in out
    executions = [json.loads(line)["n"] for line in lines.read_text().splitlines()]
    assert executions == sorted(executions) and len(executions) >= 3
    assert "SKIP interrupted" in (lines.parent / "result.ktap").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_executions_are_measured(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "lab"
    run_folder = folder / "runs" / "0001"
    # It stops in execution 3.
    out = interrupted(
        folder, number, lambda: list(run_folder.glob("measured/results-*")), *steered("pct", "hangs")
    )
    assert "0 executions of 0 scenarios, 0 findings" in out
    assert "SKIP interrupted" in (run_folder / "result.ktap").read_text()
    assert (run_folder / "summary.txt").read_text() in out


def test_a_full_disk_is_one_line_that_says_where(
    nslab: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(runfolder.RunFolder, "add_executions", full)
    status, _, err = nslab(*small("passes"))
    assert status == 3
    last = err.splitlines()[-1]
    assert last.startswith("nslab: No space left on device in build/ or ")
    assert last.endswith(": free some and run again")


# === Strategies that decide ===


def steered(strategy: str, *scenarios: str, executions: int = 10) -> tuple[str, ...]:
    return *small(*scenarios, executions=executions), "--strategy", strategy


def findings(folder: Path) -> dict[str, Any]:
    return {
        path.parent.name: json.loads(path.read_text())
        for path in sorted((folder / "runs" / "latest" / "findings").glob("*/finding.json"))
    }


@pytest.mark.parametrize("strategy", ["random", "pos", "pct"])
def test_a_finding_is_made_smaller(
    nslab: Command, tmp_path: Path, strategy: str
) -> None:
    status, out, _ = nslab(*steered(strategy, NEEDY))
    assert status == 1
    (token,) = re.findall(r"^make replay TOKEN=(\S+)$", out, re.MULTILINE)
    all_points = "" if strategy == "pct" else "all"
    assert token.endswith(f".replay{all_points}-b3aa5b-c2.1.7.7")
    assert "the smallest schedule found has 2 preemptions and 1 failed allocation\n" in out
    assert "reproduced alone, with the same trace" in out
    (finding,) = findings(tmp_path).values()
    assert finding["token"] == token and finding["minimal"] is True
    first = {"random": "random", "pos": "pos", "pct": "pct-3-100"}[strategy]
    assert finding["first_token"].endswith(f".{first}.1.7.7")
    folder = tmp_path / "runs" / "latest" / "findings" / f"{NEEDY}-7"
    assert {path.name for path in folder.iterdir()} >= {
        "finding.json", "report.txt", "trace.txt", "diagram.txt", "diagram.svg", "diagram.json",
    }  # fmt: skip
    assert not (folder / "minimize").exists()
    assert (folder / "diagram.txt").read_text() in out
    assert json.loads((folder / "diagram.json").read_text())["preemptions"] == 2

    status, out, _ = nslab("replay", token, "--times", "2")
    assert status == 1
    assert ", the same as in " in out and "2 of 2 replays are the same" in out
    # The one that it was made from is still there to be replayed.
    assert nslab("replay", finding["first_token"])[0] == 1


def test_a_finding_that_cannot_be_made_smaller_stays_as_it_is(
    nslab: Command, tmp_path: Path
) -> None:
    status, out, _ = nslab(*steered("random", "dies"))
    assert status == 1 and "the smallest schedule" not in out
    (finding,) = findings(tmp_path).values()
    assert finding["token"] == finding["first_token"] and finding["token"].endswith(".random.1.7.7")
    assert finding["minimal"] is False


def test_a_finding_of_no_strategy_gets_a_schedule(
    nslab: Command, tmp_path: Path
) -> None:
    status, out, _ = nslab(*small("needs-a5b-b3a"), "--strategy", "none")
    assert status == 1
    token = re.search(r"^make replay TOKEN=(\S+)$", out, re.MULTILINE)[1]
    assert re.search(r"\.replay-b3aa5b(-\w+)?\.1\.7\.7$", token)
    assert findings(tmp_path).popitem()[1]["first_token"].endswith(".none.1.7.7")
    assert nslab("replay", token)[0] == 1


def test_what_is_searched_is_claimed(
    nslab: Command, tmp_path: Path
) -> None:
    status, out, _ = nslab(*steered("bounded", "passes", executions=1000), "--preemptions", "1")
    assert status == 0
    claim = (
        "passes: complete for c <= 1 over 4 shared words (2 more under a common lock), as\n"
        "  far as 10 of 32 executions show, which were profiled again: 32 schedules of 2\n"
    )
    assert claim in out
    assert claim in (tmp_path / "runs" / "latest" / "summary.txt").read_text()
    lines = (tmp_path / "runs" / "latest" / "executions.jsonl").read_text().splitlines()
    assert [json.loads(line)["n"] for line in lines] == [1] * 16 + [2] * 16
    assert {json.loads(line)["schedule"] for line in lines} >= {"0", "a1b", "b5a"}
    assert max(map(len, out.splitlines()[:-1])) <= 80  # the last is the folder's path
    _, out, _ = nslab(*steered("bounded", "passes", executions=9))
    assert "passes: complete for c <= 0 over 4 shared words" in out
    assert "18 schedules of 2 inputs" in " ".join(out.split())
    assert "cut short by EXECUTIONS=" in out


def test_what_a_search_finds_is_small(
    nslab: Command, tmp_path: Path
) -> None:
    status, out, _ = nslab(*steered("bounded", "needs-a5b-b3a", executions=1000))
    assert status == 1
    assert "the smallest schedule found has 2 preemptions\n" in out
    assert "needs-a5b-b3a: 1 finding after" in out and "not complete" in out
    token = re.search(r"^make replay TOKEN=(\S+)$", out, re.MULTILINE)[1]
    assert token.endswith(".replay-b3aa5b.1.1.1")
    assert nslab("replay", token)[0] == 1


def test_a_search_that_dies_without_a_word_is_a_finding(
    nslab: Command, tmp_path: Path
) -> None:
    status, out, err = nslab(*steered("bounded", "hangs-in-search"), "--silence", "1")
    assert status == 1 and "the smallest schedule" not in out, err
    assert findings(tmp_path).popitem()[1]["token"].endswith(".bounded-2.1.1.1")


def test_a_search_that_diverges_is_status_3(
    nslab: Command, tmp_path: Path
) -> None:
    status, _, err = nslab(*steered("bounded", "passes", "diverges"))
    assert status == 3
    assert re.fullmatch(
        r"nslab: passes: 20 executions, 0 findings\n"
        r"nslab: diverges: the search diverged, execution 3: .*: the kernel did not do the same .*\n",
        err,
    )
    assert (tmp_path / "runs" / "latest" / "summary.txt").read_text().startswith("The lab could not")


def test_pct_measures_and_claims(nslab: Command, tmp_path: Path) -> None:
    status, out, _ = nslab(*steered("pct", "passes"), "--depth", "2")
    assert status == 0
    assert "passes: 3 actors, 10 steps: an execution finds a bug of depth 2 among the" in out
    assert "at least 1/60, all executions together 0.15" in " ".join(out.split())
    assert json.loads((tmp_path / "runs" / "latest" / "plan.json").read_text())["strategy"] == "pct-2-0"


@pytest.mark.parametrize(
    "options",
    [
        ("pct", "--depth", "1"), ("pct", "--depth", "16"), ("bounded", "--preemptions", "0"),
        ("bounded", "--preemptions", "8"),
    ],
)  # fmt: skip
def test_the_ends_of_the_ranges(
    nslab: Command, tmp_path: Path, options: tuple[str, ...]
) -> None:
    assert nslab(*steered(options[0], "passes"), *options[1:])[0] == 0
    plan = json.loads((tmp_path / "runs" / "latest" / "plan.json").read_text())
    assert plan["strategy"].startswith(f"{options[0]}-{options[2]}")
    repeat = (tmp_path / "runs" / "latest" / "repeat").read_text()
    assert f"{options[1]} {options[2]}" in repeat


def test_the_same_plan_gives_the_same_bytes_with_strategies(
    nslab: Command, tmp_path: Path
) -> None:
    for jobs in ("1", "4"):
        nslab(*steered("random", "passes", NEEDY), "--findings", "0", "--jobs", jobs)
        nslab(*steered("bounded", "passes", "needs-a5b-b3a", executions=300), "--jobs", jobs)
    found = [(tmp_path / "runs" / f"{n:04}" / "executions.jsonl").read_bytes() for n in range(1, 5)]
    assert found[0] == found[2] and found[1] == found[3]


def test_steered_runs_take_no_delays_by_default(
    nslab: Command, tmp_path: Path
) -> None:
    arguments = [one for one in steered("random", "passes") if one not in ("--profile", "none")]
    assert nslab(*arguments)[0] == 0
    assert json.loads((tmp_path / "runs" / "latest" / "plan.json").read_text())["profile"] == "none"


# === Formats of a replay ===


def test_formats(nslab: Command) -> None:
    diagram = nslab("replay", TOKEN)[1]
    status, text, _ = nslab("replay", TOKEN, "--format", "text")
    assert status == 1 and text.rpartition("console:")[0] == diagram.rpartition("console:")[0]
    assert diagram.startswith("    reader ") and "✗ KASAN: slab-use-after-free" in diagram

    status, text, _ = nslab("replay", TOKEN, "--format", "trace")
    assert status == 1
    assert text.startswith("step  reader ") and "| rcu_read_lock +1.5 us utsns_get" in text
    assert "FAIL dies, execution 7" in text and "BUG: KASAN" in text

    status, text, err = nslab("replay", TOKEN, "--format", "json")
    data = json.loads(text)
    assert (status, err) == (1, "")
    assert data["actors"] == ["reader", "switcher"] and "KASAN" in data["verdict"] and data["rows"]

    status, text, err = nslab("replay", TOKEN, "--format", "svg")
    root = xml.etree.ElementTree.fromstring(text)
    assert (status, err) == (1, "") and root.tag.endswith("svg")


def test_formats_of_a_pass(nslab: Command) -> None:
    passes = TOKEN.replace(".7.7", ".6.6")
    for form in ("text", "trace"):
        status, out, _ = nslab("replay", passes, "--format", form)
        assert status == 0 and out.startswith("PASS dies, execution 6\n")
    status, out, _ = nslab("replay", passes, "--format", "json")
    assert status == 0 and json.loads(out)["rows"] == []


@pytest.mark.parametrize("form", ["svg", "json"])
def test_a_picture_of_replays_that_differ(
    nslab: Command, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    hashes = iter("abcdef")
    real = replay.replay

    def changing(*args: Any) -> Any:
        one = real(*args)
        return replay.Replay(next(hashes), one.verdict, one.steps, one.console)

    monkeypatch.setattr(replay, "replay", changing)
    status, out, err = nslab("replay", TOKEN, "--times", "2", "--format", form)
    assert status == 3 and out
    assert err.startswith("nslab: NOT THE SAME: only 1 of 2 replays") and err.count("\n") == 1

# SPDX-License-Identifier: GPL-2.0
"""`nslab run` and `nslab replay` from end to end, but for the kernel: see test_e2e.py."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab import FAKE_GUEST
from nslab_lab import cli, replay, run, runfolder
from nslab_lab.build import Kernel

SCENARIOS = ("passes", "dies", "dies-after-others", "asserts", "slow", "no-boot", "hangs")


def install(folder: Path, put=setattr) -> None:
    """Put a mere process in the place of the kernel, and everything made into @folder."""
    folder.mkdir(exist_ok=True)
    tool = folder / "out" / "usr" / "gen_init_cpio"
    tool.parent.mkdir(parents=True, exist_ok=True)
    tool.write_text("#!/bin/sh\nexec cat\n")
    tool.chmod(0o755)
    (folder / "config").write_text("CONFIG_NSLAB=y\n")
    listed = {
        "scenarios": [{"name": name, "about": ""} for name in SCENARIOS],
        "strategies": [{"name": "none", "about": ""}],
    }
    init = folder / "init"
    init.write_text(f"#!/bin/sh\necho '{json.dumps(listed)}'\n")
    init.chmod(0o755)
    kernel = Kernel(
        name="6.12", id="0123abcd", engine="det", src=folder / "src", out=folder / "out",
        linux=FAKE_GUEST, config=folder / "config", versions={"compiler": "cc"}, cmdline=(),
    )  # fmt: skip
    for module in (run, replay):
        put(module, "ensure_kernel", lambda name, patches: kernel)
        put(module, "ensure_scenarios", lambda: init)
    put(runfolder, "RUNS", folder / "runs")
    put(replay, "REPLAYS", folder / "replays")


@pytest.fixture
def nslab(tmp_path, monkeypatch, capsys):
    """Runs the command line; returns status, stdout, stderr."""
    install(tmp_path, monkeypatch.setattr)

    def main(*args):
        status = cli.main(list(args))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return main


def small(*scenarios, executions=20):
    return (
        "run", "--scenario", ",".join(scenarios), "--executions", str(executions), "--batch", "10",
        "--profile", "none",
    )  # fmt: skip


def test_a_run_without_findings(nslab, tmp_path):
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
    assert (folder / "config").read_text() == "CONFIG_NSLAB=y\n"
    assert "ok 1 passes\n" in (folder / "result.ktap").read_text()
    assert (folder / "summary.txt").read_text() in out
    assert sorted(path.name for path in folder.glob("console-*")) == [
        "console-passes-1.log", "console-passes-11.log",
    ]  # fmt: skip


def test_a_finding_and_its_replay(nslab, tmp_path):
    status, out, _ = nslab(*small("dies", "asserts"))
    assert status == 1
    assert "KASAN: slab-use-after-free in utsns_get" in out
    assert "came again when run alone" in out
    assert "10 executions of 2 scenarios, 2 findings" in out
    tokens = re.findall(r"^make replay TOKEN=(\S+)$", out, re.MULTILINE)
    assert len(tokens) == 2
    ktap = (tmp_path / "runs" / "latest" / "result.ktap").read_text()
    assert "not ok 1 dies\n" in ktap and "not ok 2 asserts\n" in ktap

    status, out, _ = nslab("replay", tokens[0], "--times", "3")
    assert status == 1
    assert "FAIL dies, execution 7\nKASAN: slab-use-after-free in utsns_get" in out
    assert "| rcu_read_lock +1.5 us utsns_get" in out
    assert "BUG: KASAN: slab-use-after-free" in out
    assert "trace hash 0000000000000007, the same as in " in out
    assert "3 of 3 replays are the same" in out

    status, out, _ = nslab("replay", tokens[0].replace(".7.7", ".6.6"))
    assert status == 0
    assert "PASS dies, execution 6" in out and "the same as" not in out


def test_a_finding_that_needs_a_prefix(nslab):
    status, out, _ = nslab(*small("dies-after-others"))
    assert status == 1
    assert "only after the executions before it" in out
    token = re.search(r"TOKEN=(\S+)", out)[1]
    assert token.endswith(".1.1.7")
    status, out, _ = nslab("replay", token)
    assert status == 1 and "FAIL dies-after-others, execution 7" in out


def test_the_same_plan_gives_the_same_bytes(nslab, tmp_path):
    for jobs in ("1", "4"):
        nslab(*small("passes", "dies", "asserts", executions=30), "--findings", "0", "--jobs", jobs)
    one, two = ((tmp_path / "runs" / n / "executions.jsonl").read_bytes() for n in ("0001", "0002"))
    assert one == two and len(one.splitlines()) == 90


def test_a_profile_of_ones_own_is_part_of_the_command(nslab, tmp_path):
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


def test_a_patch_is_part_of_the_command(nslab, tmp_path):
    patch = tmp_path / "a.patch"
    patch.write_text("patch")
    _, out, _ = nslab(*small("dies"), "--patch", str(patch))
    assert re.search(rf"^make replay TOKEN=\S+ PATCH={patch}$", out, re.MULTILINE)


def test_a_guest_that_does_not_boot_is_status_3(nslab, tmp_path):
    status, _, err = nslab(*small("passes", "no-boot"))
    assert status == 3
    assert re.fullmatch(
        r"nslab: passes: 20 executions, 0 findings\n"
        r"nslab: the guest ended \(status -6\) before its first execution: .*\n", err
    )  # fmt: skip
    folder = tmp_path / "runs" / "latest"
    assert len((folder / "executions.jsonl").read_text().splitlines()) == 20
    assert (folder / "summary.txt").read_text().startswith("The lab could not go on: the guest")


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
        (["--strategy", "pct"], "no strategy 'pct': there is none"),
        (["--scenario", "pass"], "no scenario 'pass': is 'passes' meant?"),
        (["--scenario", "passes,nope"], "no scenario 'nope'"),
    ],
)
def test_wrong_usage_of_run(nslab, tmp_path, options, message):
    status, out, err = nslab("run", *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"nslab: {message}") and err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


TOKEN = "NSLAB1.6.12-0123abcd.dies.none.none-e3b0c4.none.1.7.7"


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
        ([TOKEN.replace("none.1.", "pct.1.")], "no strategy 'pct'"),
        ([TOKEN.replace("none-e3b0c4", "nope-e3b0c4")], "the token needs the profile 'nope'"),
        ([TOKEN.replace("e3b0c4", "000000")], "faults/profiles/none.toml is not the profile"),
        (
            [TOKEN.replace("0123abcd", "99999999")],
            "the token is of kernel build 6.12-99999999, this one is 6.12-0123abcd: ",
        ),
    ],
)
def test_wrong_usage_of_replay(nslab, args, message):
    status, out, err = nslab("replay", *args)
    assert (status, out) == (2, "")
    assert err.startswith(f"nslab: {message}") and err.count("\n") == 1


def test_replays_that_differ(nslab, monkeypatch):
    hashes = iter("abcdef")
    real = replay.replay

    def changing(*args):
        one = real(*args)
        return replay.Replay(next(hashes), one.verdict, one.steps, one.console)

    monkeypatch.setattr(replay, "replay", changing)
    status, out, _ = nslab("replay", TOKEN, "--times", "3")
    assert status == 3
    assert "NOT THE SAME: only 1 of 3 replays are like the first" in out


def test_bars_on_a_terminal(tmp_path):
    """Findings are not broken into lines of the terminal's width."""
    code = (
        "import sys; from pathlib import Path; import test_run; from nslab_lab import cli; "
        "test_run.install(Path(sys.argv[1])); "
        "sys.exit(cli.main(list(test_run.small('passes', 'dies'))))"
    )
    path = os.pathsep.join([str(Path(cli.__file__).parents[1]), str(Path(__file__).parent)])
    try:
        main, terminal = os.openpty()
    except OSError:  # a bare chroot has no /dev/pts
        pytest.skip("allowed: there are no pseudo-terminals here")
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "lab"], stdout=terminal, stderr=terminal,
        env={**os.environ, "PYTHONPATH": path, "TERM": "xterm", "COLUMNS": "60"},
    )  # fmt: skip
    os.close(terminal)
    text = b""
    try:
        while data := os.read(main, 65536):
            text += data
    except OSError:  # so a terminal says that nobody is left
        pass
    os.close(main)
    assert process.wait() == 1
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())
    assert re.search(r"^make replay TOKEN=NSLAB1\S+\.1\.7\.7\s*$", plain, re.MULTILINE)
    assert re.search(r"passes .* (10|20)/20", plain)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_a_result_and_no_process(tmp_path, number):
    code = (
        "import sys; from pathlib import Path; import test_run; from nslab_lab import cli; "
        "test_run.install(Path(sys.argv[1])); "
        "sys.exit(cli.main(list(test_run.small('slow', executions=1000)) + ['--jobs', '2', '--batch', '3']))"
    )
    path = os.pathsep.join([str(Path(cli.__file__).parents[1]), str(Path(__file__).parent)])
    folder = tmp_path / "lab"
    process = subprocess.Popen(
        [sys.executable, "-c", code, folder], env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    lines = folder / "runs" / "0001" / "executions.jsonl"
    from test_guest import pids_in, wait_for

    assert wait_for(lambda: lines.exists() and lines.stat().st_size > 0)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, err
    assert "INTERRUPTED" in out and " of 1 scenario, 0 findings" in out
    assert not pids_in(folder)
    executions = [json.loads(line)["n"] for line in lines.read_text().splitlines()]
    assert executions == sorted(executions) and len(executions) >= 3
    assert "SKIP interrupted" in (lines.parent / "result.ktap").read_text()


def test_a_full_disk_is_one_line_that_says_where(nslab, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(runfolder.RunFolder, "add_executions", full)
    status, _, err = nslab(*small("passes"))
    assert status == 3
    last = err.splitlines()[-1]
    assert last.startswith("nslab: No space left on device in build/ or ")
    assert last.endswith(": free some and run again")

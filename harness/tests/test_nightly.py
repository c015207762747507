# SPDX-License-Identifier: GPL-2.0
"""The nightly service and its timer: units that systemd takes, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from lab import Command
from nslab_lab.build.kernel import Kernel
from nslab_lab.cli import main
from nslab_lab.host.paths import BUILD, REPO, cache
from nslab_lab.sweeps import nightly

AWKWARD = """mail -s "new: 100% $USER \\ 'x'" me@localhost"""


@pytest.fixture
def nslab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Runs the command line where units go below @tmp_path; returns status, stdout, stderr."""
    monkeypatch.setenv("DESTDIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")

    def command(*args: str) -> tuple[int, str, str]:
        status = main.main(["nightly", *args])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return command


SYSTEM, USER = Path("etc/systemd/system"), Path("config/systemd/user")


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """Section, key, values."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = found.setdefault(line[1:-1], {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return found


def verify(folder: Path, *words: str) -> str:
    """What systemd-analyze says of the units; nothing, if they are as they should be."""
    runtime = folder / "runtime"
    runtime.mkdir(exist_ok=True, mode=0o700)
    done = subprocess.run(
        ["systemd-analyze", "verify", *words, *sorted(folder.glob("nslab-nightly.*"))],
        capture_output=True, text=True, env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
    )  # fmt: skip
    # Others' units are of no interest here.
    said = [line for line in done.stderr.splitlines() if "nslab" in line]
    assert done.returncode == 0 or not said, done.stderr
    return "\n".join(said)


def test_a_systems_units(nslab: Any, tmp_path: Path, kernel: Kernel) -> None:
    status, out, err = nslab(
        "install",
        "--system",
        "--at",
        "Mon..Fri 01:30",
        "--keep",
        "9d",
        "--notify",
        AWKWARD,
        "--jobs",
        "2",
    )
    folder = tmp_path / SYSTEM
    assert (status, out, err) == (
        0,
        f"written to {folder}; nothing was started, as DESTDIR is set\n",
        "",
    )
    assert sorted(path.name for path in folder.iterdir()) == sorted(nightly.UNITS)
    assert verify(folder) == ""
    service = unit(folder / "nslab-nightly.service")["Service"]
    assert service["ExecStart"] == [
        f'"{REPO}/harness/nslab" "sweep" "nightly" "--resume" "--keep" "9d" "--jobs" "2" "--notify" '
        + r'''"mail -s \"new: 100%% $$USER \\ 'x'\" me@localhost"'''
    ]
    # No network, a system that is read-only but for what the lab makes, and limits.
    assert service["PrivateNetwork"] == ["yes"] and service["ProtectSystem"] == ["strict"]
    assert service["ReadWritePaths"] == [f'"{BUILD}"', f'"{cache()}"']
    assert service["MemoryMax"] == ["2048M"] and service["CPUQuota"] == ["200%"]
    assert (
        service["User"]
        and service["NoNewPrivileges"] == ["yes"]
        and service["CapabilityBoundingSet"] == [""]
    )
    assert unit(folder / "nslab-nightly.timer")["Timer"]["OnCalendar"] == ["Mon..Fri 01:30"]


def test_a_users_units(nslab: Any, tmp_path: Path, kernel: Kernel) -> None:
    assert nslab("install", "--user", "--sweep", "smoke", "--memory", "3G", "--cpu", "50%")[0] == 0
    folder = tmp_path / USER
    assert verify(folder, "--user") == ""
    service = unit(folder / "nslab-nightly.service")["Service"]
    assert '"sweep" "smoke"' in service["ExecStart"][0] and "User" not in service
    assert service["PrivateUsers"] == ["yes"] and "CapabilityBoundingSet" not in service
    assert service["MemoryMax"] == ["3G"] and service["CPUQuota"] == ["50%"]
    status, out, _ = nslab("status", "--user")
    assert status == 0 and out.startswith(f"installed in {folder}\n")


def test_what_verify_would_say(nslab: Any, tmp_path: Path, kernel: Kernel) -> None:
    """It is seen failing."""
    nslab("install", "--system")
    path = tmp_path / SYSTEM / "nslab-nightly.service"
    path.write_text(path.read_text().replace("PrivateNetwork=yes", "PrivateNetwork=perhaps"))
    assert "Failed to parse" in verify(tmp_path / SYSTEM)


def test_the_sandbox_is_a_tight_one(nslab: Any, tmp_path: Path, kernel: Kernel) -> None:
    nslab("install", "--system")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=45",
         tmp_path / SYSTEM / "nslab-nightly.service"],
        capture_output=True, text=True,
    )  # fmt: skip
    # 100 is no protection at all; what is missing is named in the unit.
    assert done.returncode == 0, done.stdout + done.stderr


def test_uninstall_leaves_nothing(nslab: Any, tmp_path: Path, kernel: Kernel) -> None:
    nslab("install", "--system")
    status, out, _ = nslab("uninstall", "--system")
    assert status == 0 and out.startswith(
        f"removed from {tmp_path / SYSTEM}; what was found stays in build/sweeps"
    )
    assert list((tmp_path / SYSTEM).iterdir()) == []
    assert nslab("uninstall", "--system")[:2] == (
        0,
        f"not installed: nothing in {tmp_path / SYSTEM}\n",
    )
    assert nslab("status", "--system")[1].startswith("not installed: nothing in ")


def test_where_systemd_does_not_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kernel: Kernel,
) -> None:
    monkeypatch.delenv("DESTDIR", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "systemctl").write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
    (tools / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    assert main.main(["nightly", "install", "--user"]) == 3
    err = capsys.readouterr().err
    assert err == (
        f"nslab: the units are in {tmp_path}/systemd/user, but systemctl daemon-reload failed (Failed to "
        "connect to bus): run make nightly-install where systemd runs\n"
    )
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main.main(["nightly", "install", "--user"]) == 3
    assert "systemctl is not there: nights can be run by cron, too" in capsys.readouterr().err


def test_what_systemd_is_asked_to_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kernel: Kernel,
) -> None:
    """With a systemctl that only writes down what it was asked."""
    monkeypatch.delenv("DESTDIR", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    (tools / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    assert main.main(["nightly", "install", "--user"]) == 0
    assert "each night at 22:00: sweep nightly, units in " in capsys.readouterr().out
    assert main.main(["nightly", "uninstall", "--user"]) == 0
    assert (tmp_path / "asked").read_text().splitlines() == [
        "--user daemon-reload", "--user enable --now nslab-nightly.timer",
        "--user disable --now nslab-nightly.timer nslab-nightly.service", "--user daemon-reload",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at", "teatime"], "at=teatime: systemd takes it for no time; it reads like 22:00"),
        (["--at", "22:00\nExecStart=x"], "at: has to be one line"),
        (["--memory", "lots"], "memory=lots: not of the form 2G"),
        (["--cpu", "2"], "cpu=2: not of the form 200%"),
        (["--keep", "x"], "keep=x: not a duration"),
        (["--run-as", "nobody-of-that-name"], "run-as=nobody-of-that-name: there is no such user"),
        (["--user", "--system"], "system and user: take one of them"),
        (["--sweep", "no-such-sweep"], "no sweep 'no-such-sweep' in harness/sweeps"),
    ],
)
def test_wrong_usage(
    nslab: Command, tmp_path: Path, options: list[str], message: str
) -> None:
    if "--user" not in options:
        options = ["--system", *options]
    status, out, err = nslab("install", *options)
    assert (status, out) == (2, "") and err.startswith(f"nslab: {message}") and err.count("\n") == 1
    assert not (tmp_path / SYSTEM).exists()


def test_words_of_a_unit() -> None:
    assert nightly.word('a "b" \\ 5%\n') == '"a \\"b\\" \\\\ 5%%\\n"'

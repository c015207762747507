# SPDX-License-Identifier: GPL-2.0
"""Hosts, places and files that are not as the lab would like them: one line each, never a stack of Python."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Callable, Sequence

from lab import Command
import pytest

from nslab_lab.build import damage, fetch, kernel_build, series
from nslab_lab.build.kernel import Kernel
from nslab_lab.cli import main
from nslab_lab.guest import initramfs
from nslab_lab.host import files, front, paths
from nslab_lab.host.errors import LabError
from nslab_lab.host.paths import REPO
from test_run import nslab, small  # noqa: F401  (fixtures)

NSLAB = str(REPO / "harness" / "nslab")
# The tests may themselves be run by make, which would have it say so.
OUTSIDE = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
SYSCALLS = {"personality": 135, "ptrace": 101, "pidfd_open": 434}  # of x86-64
TOKEN = "NSLAB1.6.12-0123abcd.zombie-read.none.none-e3b0c4.{}.1.1.1"


def deny(*names: str) -> Callable[[], None]:
    """What has a child be refused these system calls, as a container's seccomp filter does."""
    steps = [(0x20, 0, 0, 0)]  # the number of the call
    for name in names:
        steps += [(0x15, 0, 1, SYSCALLS[name]), (0x06, 0, 0, 0x00050000 | errno.EPERM)]
    steps.append((0x06, 0, 0, 0x7FFF0000))
    program = b"".join(struct.pack("HBBI", *step) for step in steps)
    libc = ctypes.CDLL(None, use_errno=True)

    class Filter(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    of = Filter(len(steps), program)

    def apply() -> None:
        assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
        assert libc.prctl(22, 2, ctypes.byref(of), 0, 0) == 0  # PR_SET_SECCOMP

    return apply


def run(words: Sequence[str], **more: object) -> subprocess.CompletedProcess[str]:
    """The real program."""
    done = subprocess.run([NSLAB, *words], capture_output=True, text=True, **more)  # type: ignore[call-overload]
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr, done.stderr
    result: subprocess.CompletedProcess[str] = done
    return result


def one_line(done: subprocess.CompletedProcess[str], status: int, says: str) -> None:
    assert (done.returncode, done.stderr.count("\n")) == (status, 1), done.stderr
    assert done.stderr.startswith("nslab: ") and says in done.stderr, done.stderr


# === Containers ===

FEW = ("run", "--scenario", "zombie-read", "--executions", "30", "--strategy", "random")


def test_without_ptrace() -> None:
    """Before anything is built."""
    done = run(FEW, preexec_fn=deny("ptrace"), env={**os.environ, "XDG_CACHE_HOME": "/nonexistent"})
    one_line(done, 3, "ptrace() is denied here")
    assert "--cap-add=SYS_PTRACE --security-opt seccomp=unconfined" in done.stderr


def executions(done: subprocess.CompletedProcess[str]) -> bytes:
    folder = done.stdout.rpartition("run folder: ")[2].strip()
    return (REPO / folder / "executions.jsonl").read_bytes()


@pytest.mark.parametrize("denied", ["personality", "pidfd_open"])
def test_what_a_guest_can_do_without(kernel: Kernel, denied: str) -> None:
    plain, without = run(FEW), run(FEW, preexec_fn=deny(denied))
    assert (plain.returncode, without.returncode) == (0, 0), without.stderr
    assert ("personality() is denied here" in without.stderr) == (denied == "personality")
    assert executions(plain) == executions(without) and executions(plain).count(b"\n") == 30


def limited(limit: int, soft: int, hard: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(limit, (soft, hard))


@pytest.mark.parametrize(("limit", "option"), [(resource.RLIMIT_AS, "-v"), (resource.RLIMIT_FSIZE, "-f")])
def test_limits_that_are_too_low(limit: int, option: str) -> None:
    low = 8 << 30 if option == "-v" else 100 << 20
    one_line(run(FEW, preexec_fn=limited(limit, low, low)), 3, f"ulimit {option} is too low for a guest")


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_AS)[1] != resource.RLIM_INFINITY,
    reason="allowed: nobody may lift the limit here",
)
def test_a_limit_that_can_be_lifted(kernel: Kernel) -> None:
    unlimited = resource.RLIM_INFINITY
    assert run(FEW, preexec_fn=limited(resource.RLIMIT_AS, 8 << 30, unlimited)).returncode == 0


def mounted(namespace: list[str], mounts: str, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """The program, where something else is mounted."""
    done = subprocess.run(
        [*namespace, "/bin/sh", "-c", f'{mounts} && exec "$0" "$@"', NSLAB, *words],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_gdb_without_terminals(
    kernel: Kernel, scenarios_init: Path, mount_namespace: list[str], tmp_path: Path
) -> None:
    script = tmp_path / "script.gdb"
    script.write_text("quit\n")
    words = ["gdb", "--scenario", "zombie-read", "--script", str(script)]
    done = mounted(mount_namespace, "mount -t tmpfs none /dev/pts", words)
    one_line(done, 3, "no pseudo-terminal for the guest")
    assert "mount -t devpts devpts /dev/pts" in done.stderr


@pytest.mark.parametrize("option", ["size=1m", "noexec"])
def test_a_small_place_for_memory(kernel: Kernel, mount_namespace: list[str], option: str) -> None:
    """The guest's memory then lies in build/."""
    done = mounted(mount_namespace, f"mount -t tmpfs -o {option} none /dev/shm", FEW)
    assert done.returncode == 0, done.stderr


def test_no_place_for_memory(mount_namespace: list[str]) -> None:
    """Before anything is built."""
    build = REPO / "build"
    build.mkdir(exist_ok=True)
    small = "mount -t tmpfs -o size=9m none"
    mounts = f"{small} /dev/shm && {small} {build}"
    one_line(mounted(mount_namespace, mounts, FEW), 3, "no room for a guest's memory, 256 MB")


@pytest.mark.parametrize("words", [["list"], [*FEW]])
def test_a_clone_that_cannot_be_written(mount_namespace: list[str], words: list[str]) -> None:
    mounts = f"mount --bind {REPO} {REPO} && mount -o remount,ro,bind {REPO}"
    done = mounted(mount_namespace, mounts, words)
    one_line(done, 3, "Read-only file system: the lab writes to ")


# === Output ===


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C"},
     {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}],
)  # fmt: skip
def test_pictures_in_ascii(tmp_path: Path, environment: dict[str, str]) -> None:
    code = (
        "from nslab_lab.host import output; output.prepare(); from pathlib import Path; import sys\n"
        "print('a\\u2502\\u2717\\u2192\\u25b6b \\u00d73\\u2026 \\udcff \\U0001f600'); output.finish()\n"
    )
    done = subprocess.run(
        ["/usr/bin/python3", "-c", code], capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(REPO / "harness"), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if environment.get("PYTHONIOENCODING") == "latin-1":
        assert done.stdout == "a|X>>b ×3. ? ?\n".encode("latin-1")
    elif "PYTHONIOENCODING" in environment or "PYTHONUTF8" in environment:
        assert done.stdout == b"a|X>>b x3. ? ?\n"


def test_a_full_output_is_not_a_full_disk() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([NSLAB, "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    one_line(done, 3, "nslab: write error: stdout: No space left on device\n")


@pytest.mark.parametrize(("closed", "status"), [("1", 3), ("2", 0), ("0", 0)])
def test_an_output_that_is_closed(closed: str, status: int) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" list {closed}>&-', NSLAB], capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    if closed == "1":
        one_line(done, 3, "write error: stdout: Bad file descriptor")
    else:
        assert done.stdout.startswith("scenarios of ") and done.stderr == ""


def test_whoever_reads_may_go() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{NSLAB} list | head -n 1"], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("scenarios of ") and done.stdout.count("\n") == 1 and done.stderr == ""


# === Users, places ===


NO_HOME = "HOME is not set, and user 54321 has no home in /etc/passwd: set HOME"


@pytest.mark.skipif(os.geteuid() != 0, reason="allowed: only root can be somebody else")
@pytest.mark.parametrize("words", [["list"], [*FEW], ["nightly", "status"], ["kernel"]])
def test_a_user_without_a_home(words: list[str]) -> None:
    """Nor may that user write to build/."""
    environment = {name: text for name, text in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    done = run(words, env=environment, user=54321)
    assert (done.returncode, done.stderr.count("\n")) in ((2, 1), (3, 1)), done.stderr


def test_nobody_has_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.setattr("os.getuid", lambda: 54321)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(LabError, match=NO_HOME) as caught:
        paths.cache()
    assert caught.value.status == 2
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert paths.cache() == Path("/somewhere/nslab")


@pytest.mark.parametrize("sign", list(" \t\n\"'`$;:%\\&()[]{}#*?<>|"))
def test_places_that_make_does_not_understand(sign: str) -> None:
    with pytest.raises(LabError, match="move the clone to another folder") as caught:
        front.check_place(Path(f"/home/a{sign}b/nslab"))
    assert caught.value.status == 2 and "\n" not in caught.value.message
    front.check_place(Path("/home/ok+x,y@z~é=1_2-3.4/nslab"))


def test_a_clone_in_such_a_place_says_so(tmp_path: Path) -> None:
    """By make and without it; nothing comes before it."""
    place = tmp_path / "a b;c"
    place.mkdir()
    for name in ("Makefile", "uml", "harness", "scenarios"):
        (place / name).symlink_to(REPO / name)
    (place / "harness").unlink()
    shutil.copytree(REPO / "harness", place / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    for command in (["make", "-C", str(place), "list"], [str(place / "harness" / "nslab"), "list"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=OUTSIDE)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ")]
        assert done.returncode == 2 and len(lines) == 1
        assert "' ' in it: move the clone to another folder" in lines[0]


def test_a_clone_whose_ends_of_lines_git_would_convert(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    convert = ["-c", "core.autocrlf=true"]
    subprocess.run(["git", *convert, "clone", "-q", *convert, REPO, clone], check=True)
    for name in ("uml/setup.sh", "Makefile", "harness/nslab", "uml/kernels.toml"):
        assert b"\r" not in (clone / name).read_bytes(), name
    done = subprocess.run(
        ["make", "-C", clone, "list"], capture_output=True, text=True, check=False, env=OUTSIDE
    )
    assert done.returncode == 0 and "\nkernels\n" in done.stdout, done.stderr


# === make's variables ===


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["run", "EXECUTION=10"], "make run takes no EXECUTION=: is EXECUTIONS= meant?"),
        (["run", "seed=1"], "make run takes no seed=: is SEED= meant?"),
        (["list", "SCENARIO=x"], "make list takes no SCENARIO=: it takes none"),
        (["report", "A'B=1"], "make report takes no A'B=: it takes SINCE= KNOWN= DB= OUT= FORMAT="),
        (["run", "EXECUTIONS=0"], "EXECUTIONS=0: not between 1 and 1000000000"),
        (["run", "PREEMPTIONS=1"], "PREEMPTIONS is for strategy bounded, not for none"),
        (["run", "SCENARIO=,"], "scenario ',' names none: give names (make list), or leave it out"),
        (["sweep", "BUDGET=soon"], "BUDGET=soon: not a duration such as"),
        (["run", "SEED=0x" + 5000 * "1"], "SEED=0x11111"),
        (["run", "SEED=" + 5000 * "1"], "SEED=11111"),
    ],
)  # fmt: skip
def test_variables_that_are_wrong(words: list[str], line: str) -> None:
    done = subprocess.run(
        ["make", "-C", REPO, *words], capture_output=True, text=True, check=False, env=OUTSIDE
    )
    said, *rest = done.stderr.splitlines()
    assert done.returncode == 2 and said.startswith(f"nslab: {line}") and len(said) < 200
    assert all(one.startswith("make: ") for one in rest)


@pytest.mark.parametrize("schedule", ["replay-a" + 5000 * "1" + "b", "replay-0-a" + 5000 * "1"])
def test_a_token_with_a_number_of_thousands_of_digits(schedule: str) -> None:
    one_line(run(["replay", TOKEN.format(schedule)]), 2, "is no schedule: it reads like")


# === What nobody thought of ===


def test_a_defect_of_the_labs_own(
    nslab: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(main, "ERRORS", tmp_path / "errors")
    monkeypatch.setattr("nslab_lab.commands.run.Run.run", lambda self, jobs: dict[str, int]()["no such key"])
    for number in ("0001", "0002"):
        status, out, err = nslab(*small("passes"))
        assert (status, out, err.count("\n")) == (3, "", 1)
        assert "nslab: a defect of the lab's own: KeyError: 'no such key'; the stack is in " in err
        assert "Traceback" in (tmp_path / "errors" / f"{number}.txt").read_text()


def test_a_defect_where_nothing_can_be_written(
    nslab: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "ERRORS", Path("/proc/nowhere"))
    monkeypatch.setattr("nslab_lab.commands.run.Run.run", lambda self, jobs: dict[int, int]()[1])
    status, _, err = nslab(*small("passes"))
    assert status == 3 and err.count("\n") == 1 and "cannot be kept in /proc/nowhere" in err


# === What is damaged ===

GARBAGE = [b"", b"[]", b"{}", b"null", b"\xff\xfe", b'{"version": 3}', b"{", b'"x"', b"[1]"]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_in_the_record_of_a_package(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "6.12.1").mkdir()
    (tmp_path / "6.12.1" / "tree").mkdir()
    (tmp_path / "6.12.1" / "record.json").write_bytes(garbage)
    assert fetch._newest("linux-source-6.12", tmp_path) is None
    assert fetch._fetched(tmp_path) is None


def test_a_damaged_package_is_fetched_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for version in ("6.12.1", "6.12.2"):
        folder = tmp_path / version
        folder.mkdir()
        (folder / "x.deb").write_bytes(b"whole")
        record = {"package": "x", "version": version, "sha256": files.sha256(folder / "x.deb"), "file": "x.deb"}
        (folder / "record.json").write_text(json.dumps(record))
    assert fetch._fetched(tmp_path) == tmp_path / "6.12.2"
    (tmp_path / "6.12.2" / "x.deb").write_bytes(b"who")
    assert fetch._fetched(tmp_path) == tmp_path / "6.12.1"
    assert "6.12.2/x.deb is damaged: it is fetched again" in capsys.readouterr().err
    (tmp_path / "6.12.1" / "x.deb").unlink()
    assert fetch._fetched(tmp_path) is None
    assert not list(tmp_path.glob("*/record.json"))


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_in_the_list_of_what_is_installed(tmp_path: Path, garbage: bytes) -> None:
    manifest = tmp_path / "installed.json"
    assert series.is_known(manifest)
    manifest.write_bytes(b'["a.c"]')
    assert series.is_known(manifest)
    manifest.write_bytes(garbage)
    assert series.is_known(manifest) == (garbage == b"[]")


@pytest.mark.parametrize("garbage", [*GARBAGE, b'{"id": "a", "versions": [], "inputs": "x"}'])
def test_garbage_in_a_stamp(tmp_path: Path, garbage: bytes) -> None:
    half = object.__new__(kernel_build._Build)
    half.folder = tmp_path
    half.inputs = None  # type: ignore[assignment]
    (tmp_path / "stamp.json").write_bytes(garbage)
    assert half._finished("x") is None


def test_a_binary_that_was_touched(tmp_path: Path) -> None:
    linux = tmp_path / "linux"
    linux.write_bytes(b"0123")
    now = linux.stat()
    stamp = {"size": 4, "mtime_ns": now.st_mtime_ns, "sha256": files.sha256(linux)}
    assert damage.is_as_built(linux, stamp)
    os.utime(linux, ns=(0, 0))
    assert damage.is_as_built(linux, stamp)
    linux.write_bytes(b"0124")
    assert not damage.is_as_built(linux, stamp)
    linux.write_bytes(b"012")
    assert not damage.is_as_built(linux, stamp)


def test_objects_that_are_cut_short(tmp_path: Path) -> None:
    source, obj = tmp_path / "a.c", tmp_path / "a.o"
    source.write_text("int a(void) { return 1; }\n")
    subprocess.run(["gcc", "-c", source, "-o", obj], check=True)
    assert files.is_whole(obj)
    whole = obj.read_bytes()
    for part in (b"", whole[:30], whole[: len(whole) // 2], whole[:-1], b"x" * len(whole)):
        obj.write_bytes(part)
        assert not files.is_whole(obj), len(part)


def test_a_garbled_segment_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initramfs, "CACHE", tmp_path / "cache")
    tool, init = tmp_path / "tool", tmp_path / "init"
    tool.write_text("#!/bin/sh\nexec cat\n")
    tool.chmod(0o755)
    init.write_bytes(b"init")
    path = initramfs.base(tool, init)
    whole = path.read_bytes()
    for garbage in (b"", whole[:-1], whole[:-1] + b"x"):
        path.write_bytes(garbage)
        assert initramfs.base(tool, init) == path and path.read_bytes() == whole

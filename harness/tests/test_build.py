# SPDX-License-Identifier: GPL-2.0
"""Building: the real kernel, and make as such."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab import FOREVER_S, patch_for, wait_for
from nslab_lab.build import damage, inputs, kernel_build, kmake
from nslab_lab.build.kernel import KERNELS, Kernel
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.host import files, paths
from nslab_lab.host.errors import LabError

# A file of the kernel that no patch of the lab touches.
TOUCHED = "kernel/ksysfs.c"


# === The real kernel ===


def test_what_is_recorded_of_a_kernel(kernel: Kernel) -> None:
    assert re.fullmatch(r"[0-9a-f]{8}", kernel.id)
    assert os.access(kernel.linux, os.X_OK)
    assert kernel.config.read_bytes() == (kernel.out / ".config").read_bytes()
    assert kernel.versions["source_package"] == "linux-source-6.12"
    assert len(kernel.versions["source_sha256"]) == 64
    assert kernel.versions["compiler"].startswith("gcc ")


def test_the_binary_holds_no_path_of_this_clone(kernel: Kernel) -> None:
    assert str(paths.REPO).encode() not in kernel.linux.read_bytes()


def test_an_up_to_date_kernel_is_left_alone(kernel: Kernel) -> None:
    log = kernel.src.parent / "build.log"
    before = (made(log), made(kernel.out / "vmlinux"))
    assert ensure_kernel() == kernel
    assert (made(log), made(kernel.out / "vmlinux")) == before


def made(path: Path) -> tuple[int, int, int]:
    """Which file it is, of when and how long; reading it changes nothing of that."""
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def test_a_patch_of_one_file_is_a_build_of_its_own(kernel: Kernel, tmp_path: Path) -> None:
    patch = tmp_path / "mine.patch"
    patch.write_text(_ksysfs_patch(kernel.src))
    before = (made(kernel.linux), made(kernel.out / "vmlinux"))
    patched = ensure_kernel(patches=[patch])
    try:
        assert b"nslab-one-file" in patched.linux.read_bytes()
        assert b"nslab-one-file" not in kernel.linux.read_bytes()
        assert patched.id != kernel.id
        assert patched.config.read_bytes() == kernel.config.read_bytes()
        # The rest came from the plain build.
        log = (patched.src.parent / "build.log").read_text()
        compiled = re.findall(r"^  CC +(\S+)", log, re.MULTILINE)
        assert "kernel/ksysfs.o" in compiled
        assert len(compiled) <= 8, compiled
        # The plain build is as it was, and no file is shared that could be written.
        assert ensure_kernel() == kernel
        assert (made(kernel.linux), made(kernel.out / "vmlinux")) == before
        assert not (patched.out / "kernel/fork.o").samefile(kernel.out / "kernel/fork.o")
        assert ensure_kernel(patches=[patch]) == patched
    finally:
        files.remove(patched.src.parent)
        files.remove(patched.src.parent.with_name(f"{patched.src.parent.name}.lock"))


def _ksysfs_patch(source: Path) -> str:
    text = (source / TOUCHED).read_text()
    found = re.search(r"^static int __init ksysfs_init\(void\)\n\{\n.*?\n\n", text, re.M | re.S)
    assert found
    return patch_for(source, TOUCHED, {found[0]: f'{found[0]}\tpr_info("nslab-one-file\\n");\n'})


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("no_such_thing();", r"does not build: kernel/ksysfs\.c:\d+:\d+: error: .*no_such_thing"),
        ('panic("my own patch");', r"with your patch the guest ended \(status -6\) before its first "
         r"execution: panic: my own patch in ksysfs_init\+\S+; see build/runs/"),
    ],
)  # fmt: skip
def test_a_patch_that_does_not_compile_or_panics_is_the_users(
    kernel: Kernel, tmp_path: Path, line: str, says: str
) -> None:
    patch = tmp_path / "mine.patch"
    patch.write_text(_ksysfs_patch(kernel.src).replace('pr_info("nslab-one-file\\n");', line))
    assert line in patch.read_text()
    before = set(os.listdir(KERNELS))
    command = [str(paths.REPO / "harness/nslab"), "run", "--scenario", "zombie-read", "--patch", str(patch)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 2, ran.stderr
        assert re.search(rf"^nslab: .*{says}", ran.stderr.splitlines()[-1])
    finally:
        for name in set(os.listdir(KERNELS)) - before:
            files.remove(KERNELS / name)


def test_a_patch_that_does_not_apply_leaves_nothing(kernel: Kernel, tmp_path: Path) -> None:
    patch = tmp_path / "mine.patch"
    patch.write_text(_ksysfs_patch(kernel.src).replace(" \n", " something else\n", 1))
    there = sorted(os.listdir(KERNELS))
    command = [str(paths.REPO / "harness/nslab"), "build", "--patch", str(patch)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 2
    assert re.fullmatch(
        rf"nslab: .*mine\.patch: does not apply: {TOUCHED}, hunk 1 of 1 \(at line \d+\)\n",
        ran.stderr,
    )
    assert sorted(os.listdir(KERNELS)) == there
    assert ensure_kernel() == kernel


def test_pages_and_copies_of_editors_make_no_other_kernel(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core/a.c").write_text("one")
    before = inputs.contents(tmp_path)
    for name in ("README.md", ".a.c.swp", "a.c~"):
        (tmp_path / "core" / name).write_text("x")
    assert inputs.contents(tmp_path) == before
    (tmp_path / "core/a.c").write_text("two")
    assert inputs.contents(tmp_path) != before


def test_what_a_killed_build_wrote_is_made_again(tmp_path: Path) -> None:
    out, marker = tmp_path / "src/out", tmp_path / "building"
    out.mkdir(parents=True)
    for name, when in (("old.o", 1000), ("half.o", 3000), (".config", 3000)):
        (out / name).write_text("x")
        os.utime(out / name, (when, when))
    damage.drop_half_written(out, marker)
    assert (out / "half.o").exists()  # no marker: that build came to its end
    marker.touch()
    os.utime(marker, (2000, 2000))
    damage.drop_half_written(out, marker)
    assert sorted(os.listdir(out)) == [".config", "old.o"]


def test_only_the_patched_builds_used_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_build, "KERNELS", tmp_path)
    for number, name in enumerate(("6.12", "6.12+a", "6.12+b", "6.12+c", "6.12+d", "7.3+a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "stamp.json").write_text("{}")
        os.utime(tmp_path / name / "stamp.json", (1000 - number, 1000 - number))
    kernel_build._drop_old(tmp_path / "6.12+new", tmp_path / "6.12")
    assert sorted(os.listdir(tmp_path)) == ["6.12", "6.12+a", "6.12+b", "7.3+a"]


# === make ===


def makefile(folder: Path, text: str) -> Path:
    (folder / "Makefile").write_text(text)
    return folder


def test_an_error_is_one_line_with_its_log(tmp_path: Path) -> None:
    folder = makefile(tmp_path, (
        "all:\n\t@echo '  CC      a.o'\n"
        "\t@echo '../kernel/a.c:5:9: warning: odd'; echo \"../kernel/a.c:7:3: error: wrong\"\n"
        "\t@echo '../kernel/a.c:8:3: error: also wrong'; exit 1\n"
    ))  # fmt: skip
    log = tmp_path / "build.log"
    with pytest.raises(LabError) as caught:
        kmake.make(folder, [], log, "kernel 6.12")
    assert caught.value.status == 3
    assert caught.value.message == (
        f"kernel 6.12 does not build: kernel/a.c:7:3: error: wrong (log: {paths.shown(log)})"
    )
    assert "also wrong" in log.read_text()


def test_the_callers_variables_do_not_reach_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", " -- KERNEL=evil ARCH=evil")
    monkeypatch.setenv("CFLAGS", "evil")
    folder = makefile(tmp_path, "all:\n\t@echo '[$(ARCH)$(KERNEL)$(CFLAGS)]'\n")
    log = tmp_path / "log"
    kmake.make(folder, [], log, "it")
    assert "[]" in log.read_text()


def test_an_interrupt_leaves_no_process(tmp_path: Path) -> None:
    makefile(tmp_path, "all: a b\na b:\n\t@echo $$$$ >$@.pid; sleep 300; touch $@\n")
    program = (
        "import sys; from pathlib import Path; from nslab_lab.build import kmake\n"
        "folder = Path(sys.argv[1])\n"
        "kmake.make(folder, ['-j2'], folder / 'log', 'it')\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(paths.REPO / "harness"), "NSLAB_JOBS": "2"},
    )  # fmt: skip
    pids = [tmp_path / "a.pid", tmp_path / "b.pid"]
    try:
        wait_for(lambda: all(path.exists() and path.read_text() for path in pids))
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(FOREVER_S)
    started = [Path("/proc", path.read_text().strip()) for path in pids]
    wait_for(lambda: not any(path.exists() for path in started))


def test_a_second_build_waits_and_says_so(tmp_path: Path) -> None:
    lock = tmp_path / "6.12.lock"
    program = (
        "import sys; from pathlib import Path; from nslab_lab.host import files\n"
        "with files.locked(Path(sys.argv[1]), 'kernel 6.12'): print('got it')\n"
    )
    with files.locked(lock, "kernel 6.12"):
        other = subprocess.Popen(
            [sys.executable, "-c", program, str(lock)], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(paths.REPO / "harness")},
        )  # fmt: skip
        assert other.stderr
        assert "waiting for another process to finish with kernel 6.12" in other.stderr.readline()
        assert other.poll() is None
    assert "got it" in other.communicate(timeout=FOREVER_S)[0]


# === Set-up ===


@pytest.mark.parametrize("lists", [(), ("check",), ("check", "tests")])
def test_missing_packages_are_named_with_the_command(tmp_path: Path, lists: tuple[str, ...]) -> None:
    for name in ("dirname", "mkdir"):
        (tmp_path / name).symlink_to(Path("/usr/bin", name))
    for name, says in (("id", "1000"), ("dpkg-query", "<gcc:installed><git:installed>")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (tmp_path / name).chmod(0o755)
    ran = subprocess.run(
        ["/bin/sh", paths.UML / "setup.sh", *lists], env={"PATH": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 3
    assert ran.stderr.count("\n") == 1
    assert "as root run: apt-get update && apt-get install" in ran.stderr
    assert (" flake8" in ran.stderr) == ("check" in lists)
    assert (" chromium" in ran.stderr) == ("tests" in lists)
    asked = ran.stderr.split("recommends")[1].split()
    assert "bison" in asked and "gcc" not in asked
    # gcc's headers have the name of its version, which each release has one of.
    assert len([name for name in asked if name.endswith("-plugin-dev")]) == 1


def test_nothing_is_said_when_all_is_there() -> None:
    ran = subprocess.run(["/bin/sh", paths.UML / "setup.sh"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")

# SPDX-License-Identifier: GPL-2.0
"""Source lines of functions, found in a small program."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from nslab_lab.debuginfo import symbols

SOURCE = """\
static __attribute__((always_inline)) inline int inner(volatile int *p)
{
	return p[3];
}

__attribute__((noinline)) int outer(volatile int *p)
{
	int x = 1;

	return x + inner(p);
}

int main(void)
{
	int a[4] = {};

	return outer(a);
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("src") / "src" / "kernel"
    folder.mkdir(parents=True)
    (folder / "x.c").write_text(SOURCE)
    path = folder / "x"
    subprocess.run(["cc", "-O1", "-g", "-no-pie", "-o", path, folder / "x.c"], check=True)
    return path


def size_of(program: Path) -> int:
    listing = subprocess.run(["nm", "-S", program], capture_output=True, text=True).stdout
    return int(re.search(r"^\w+ (\w+) T outer$", listing, re.MULTILINE)[1], 16)


def test_the_line_is_the_named_functions_own(program: Path) -> None:
    size = size_of(program)
    # The first instruction is the load, inlined from line 3, or something of line 7 or 10.
    line = symbols.line_of(program, f"outer+0x0/{size:#x}", is_return_address=False)
    assert re.fullmatch(r"kernel/x\.c:(7|8|10)", line)


def test_kallsyms_may_count_the_padding_in(program: Path) -> None:
    frame = f"outer+0x1/{size_of(program) + 9:#x}"
    assert symbols.line_of(program, frame).startswith("kernel/x.c:")


@pytest.mark.parametrize(
    "line",
    [
        "/proc/self/cwd/../kernel/exit.c:914",
        "/proc/self/cwd/../kernel/exit.c:914 (discriminator 3)",
        "/usr/src/lab/build/kernels/6.12/src/out/../kernel/exit.c:914",
        "../kernel/exit.c:914",
        "kernel/exit.c:914",
    ],
)
def test_lines_as_the_kernels_documents_write_them(line: str) -> None:
    assert symbols._below_the_tree(line) == "kernel/exit.c:914"


@pytest.mark.parametrize("frame", ["nope+0x1/0x2", "outer+0x1/0x1", "outer", ""])
def test_no_answer(program: Path, frame: str) -> None:
    assert symbols.line_of(program, frame) is None


def test_no_program(tmp_path: Path) -> None:
    assert symbols.line_of(tmp_path / "nope", "outer+0x1/0x2") is None


def test_no_binutils(program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    other = tmp_path / "other"
    other.write_bytes(program.read_bytes())
    assert symbols.line_of(other, "outer+0x1/0xff") is None

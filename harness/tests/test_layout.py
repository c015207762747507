# SPDX-License-Identifier: GPL-2.0
"""What lies where in structs: of a small program, then of the kernel."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from nslab_lab.build.kernel import Kernel
import pytest

from nslab_lab.debuginfo import layout
from nslab_lab.debuginfo.layout import Member
from nslab_lab.host.errors import BAD_INPUT, LAB_FAILED, LabError

SOURCE = """\
typedef struct { int counter; } atomic_t;
typedef struct { atomic_t refs; } refcount_t;
struct list { struct list *next, *prev; };
struct nsproxy {
	refcount_t count;
	const struct list *first;
	volatile struct list link;
	union { long word; struct { char low; char high[7]; }; };
	unsigned int flag:1, kind:7, rest:24;
	struct { short a, b; } pairs[3];
	int tail[];
} global = { .kind = 1 };
const char *message = "nsproxy", *other = "list_like_this", *cache = "net_namespace";
struct net { int x; } net;
struct list head;
atomic_t array[2][3];
int main(void) { return 0; }
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layout")
    (folder / "x.c").write_text(SOURCE)
    subprocess.run(["cc", "-g", "-o", folder / "linux", folder / "x.c"], check=True)
    return folder / "linux"


def test_members_of_members(program: Path) -> None:
    assert layout.members(program, "nsproxy") == [
        Member(0, 4, "count"),
        Member(8, 8, "first"),
        Member(16, 16, "link"),
        Member(16, 8, "link.next"),
        Member(24, 8, "link.prev"),
        Member(32, 8, "word"),
        Member(32, 1, "low"),
        Member(33, 7, "high", 1),
        Member(40, 1, "flag"),
        Member(40, 1, "kind"),
        Member(41, 3, "rest"),
        Member(44, 12, "pairs", 4, (Member(0, 2, "a"), Member(2, 2, "b"))),
        Member(56, 0, "tail", 4),
    ]


@pytest.mark.parametrize(
    "offset, size, name",
    [
        (0, 4, "count"), (8, 8, "first"), (16, 8, "link.next"), (16, 16, "link"), (20, 8, "link"),
        (32, 8, "word"), (34, 1, "high"), (48, 2, "pairs[1].a"), (44, 8, "pairs"), (4, 4, "+0x4"), (0, 16, "count..first"), (40, 8, "flag..pairs"),
        (56, 4, "tail[0]"), (72, 4, "tail[4]"),
    ],
)  # fmt: skip
def test_the_smallest_member_around_an_access(
    program: Path, offset: int, size: int, name: str
) -> None:
    assert layout.field(layout.members(program, "nsproxy"), offset, size) == name


def test_static_data(program: Path) -> None:
    known = layout.layouts(program, ["static:global", "static:message", "static:array", "static:nothing"])
    assert set(known) == {"static:global", "static:message", "static:array"}
    assert known["static:global"].field(16, 8) == "link.next"
    assert (known["static:message"].field(0, 8), known["static:message"].field(4, 4)) == ("", "+0x4")
    assert (known["static:array"].size, known["static:array"].each) == (24, 4)
    assert (known["static:array"].field(4, 4), known["static:array"].field(8, 2)) == ("[1].counter", "[2].counter")


def test_gdb_is_asked_once(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = layout.members(program, "nsproxy")
    assert "nsproxy" in json.loads(program.with_name("layout.json").read_text())["structs"]
    monkeypatch.setenv("PATH", "/nonexistent")
    assert layout.members(program, "nsproxy") == first
    with pytest.raises(LabError) as caught:
        layout.members(program, "list")
    assert (caught.value.status, caught.value.message) == (
        LAB_FAILED, "gdb is not there, the package gdb has it",
    )  # fmt: skip


@pytest.mark.parametrize(
    "data", ["", "{", "[]", "null", '{"format": 0, "structs": {"nsproxy": {}}}']
)
def test_a_broken_file_is_made_again(program: Path, data: str) -> None:
    program.with_name("layout.json").write_text(data)
    assert len(layout.members(program, "nsproxy")) == 13
    assert json.loads(program.with_name("layout.json").read_text())["format"] == 3


def test_a_kernel_without_debug_information(program: Path, tmp_path: Path) -> None:
    subprocess.run(["strip", "-o", tmp_path / "linux", program], check=True)
    with pytest.raises(LabError, match="no struct nsproxy in ") as caught:
        layout.members(tmp_path / "linux", "nsproxy")
    assert caught.value.status == BAD_INPUT
    assert json.loads((tmp_path / "layout.json").read_text())["structs"] == {"nsproxy": None}


def test_no_kernel(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no such kernel binary") as caught:
        layout.members(tmp_path / "linux", "nsproxy")
    assert caught.value.status == LAB_FAILED


def test_what_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "linux").write_text("not a program")
    with pytest.raises(LabError, match="no struct nsproxy in "):
        layout.members(tmp_path / "linux", "nsproxy")


# === The kernel ===


def test_the_kernels_own(kernel: Kernel) -> None:
    members = layout.members(kernel.linux, "nsproxy")
    assert members[0] == Member(0, 4, "count")
    assert layout.field(members, 8, 8) == "uts_ns"
    assert "ns.count" in [member.name for member in layout.members(kernel.linux, "uts_namespace")]

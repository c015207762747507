# SPDX-License-Identifier: GPL-2.0
"""What lies where in structs: of a small program, then of the kernel."""

from __future__ import annotations

import fnmatch
import json
import subprocess
from pathlib import Path
from typing import Any

from nslab_lab.build.kernel import Kernel
import pytest

from nslab_lab.debuginfo import layout
from nslab_lab.debuginfo.layout import Member
from nslab_lab.host.errors import BAD_INPUT, LAB_FAILED, LabError
from nslab_lab.plans.watch import Watch

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
        Member(33, 7, "high"),
        Member(40, 1, "flag"),
        Member(40, 1, "kind"),
        Member(41, 3, "rest"),
        Member(44, 12, "pairs"),
        Member(56, 0, "tail"),
    ]


@pytest.mark.parametrize(
    "offset, size, name",
    [
        (0, 4, "count"), (8, 8, "first"), (16, 8, "link.next"), (16, 16, "link"), (20, 8, "link"),
        (32, 8, "word"), (34, 1, "high"), (48, 2, "pairs"), (4, 4, "+0x4"), (0, 16, "+0x0"),
        (56, 4, "+0x38"),
    ],
)  # fmt: skip
def test_the_smallest_member_around_an_access(
    program: Path, offset: int, size: int, name: str
) -> None:
    assert layout.field(layout.members(program, "nsproxy"), offset, size) == name


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
    assert json.loads(program.with_name("layout.json").read_text())["format"] == 1


def test_a_kernel_without_debug_information(program: Path, tmp_path: Path) -> None:
    subprocess.run(["strip", "-o", tmp_path / "linux", program], check=True)
    with pytest.raises(LabError, match="no struct nsproxy in ") as caught:
        layout.members(tmp_path / "linux", "nsproxy")
    assert caught.value.status == BAD_INPUT
    assert not (tmp_path / "layout.json").exists()


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


def test_watches(kernel: Kernel) -> None:
    names = ["nsproxy", "task_struct.nsproxy", "net_namespace", "net.ns.count", "uts_namespace"]
    found = layout.watches(kernel.linux, names)
    assert [watch.name for watch in found] == names
    assert found[0] == Watch("nsproxy", "nsproxy", 0, 88, "nsproxy")
    assert (found[1].cache, found[1].size, found[1].struct) == ("task_struct", 8, "task_struct")
    assert str(found[1]) == f"task_struct:{found[1].offset}:8"
    assert (found[2].cache, found[2].offset, found[2].struct) == ("net_namespace", 0, "net")
    assert (found[3].cache, found[3].size, found[3].struct) == ("net_namespace", 4, "net")


def test_no_watches(kernel: Kernel) -> None:
    assert layout.watches(kernel.linux, []) == []


def test_fields_by_watch(kernel: Kernel) -> None:
    watches = layout.watches(kernel.linux, ["nsproxy", "task_struct.nsproxy"])
    name = layout.namer(kernel.linux, watches)
    assert name("nsproxy", 8, 8) == "uts_ns"
    assert name("task_struct.nsproxy", watches[1].offset, 8) == "nsproxy"
    assert name("unknown", 24, 8) == "+0x18"


@pytest.mark.parametrize(
    "name, message",
    [
        ("nsprox", "no slab cache 'nsprox' in * is 'nsproxy' meant?"),
        ("net", "no such slab cache in * is 'net_namespace' meant?"),
        ("signal_struct", "no such slab cache in * is 'signal_cache' meant?"),
        ("mnt_namespace", "no such slab cache in *; is 'net_namespace' * meant?"),
        ("cred_jar", "no slab cache 'cred_jar' in * is 'cred' meant?"),
        ("css_set.hits", "struct css_set has no slab cache of its own in *; there is *"),
        ("task_strct.nsproxy", "no struct 'task_strct' in * is 'task_struct' * meant?"),
        ("task_struct.nsprox", "struct task_struct has no member 'nsprox'; is 'nsproxy' * meant?"),
        ("nsproxy.", "struct nsproxy has no member ''; there is cgroup_ns, count, *"),
        ("", "no slab cache '' in * there is *"),
        ("a b", "no slab cache 'a b' in *"),
        ("x);gdb.execute('quit", "no struct 'x);gdb' in *"),
    ],
)
def test_what_is_not_there(kernel: Kernel, name: Any, message: Any) -> None:
    with pytest.raises(LabError) as caught:
        layout.watches(kernel.linux, ["nsproxy", name])
    assert caught.value.status == BAD_INPUT
    pattern = f"watch '{name}': {message}".replace("[", "[[]").replace("?", "[?]")
    assert fnmatch.fnmatchcase(caught.value.message, pattern), caught.value.message

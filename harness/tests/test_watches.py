# SPDX-License-Identifier: GPL-2.0
"""What can be watched in the kernel, by name; what its objects are called; whose accesses do not count."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest

from nslab_lab.build.catalog import Scenario
from nslab_lab.build.kernel import Kernel
from nslab_lab.cli import options
from nslab_lab.debuginfo import allocations, caches, layout, left_out, objects, symbols, units, watches
from nslab_lab.host.errors import BAD_INPUT, LabError
from nslab_lab.plans import machinery, profiles
from nslab_lab.plans.watch import ALL_SHARED, Watch, parse

# === Text ===


@pytest.mark.parametrize(
    "text, name",
    [
        ("shared", "shared"), ("cred:8:4", "cred"), ("page->ptl:0:8", None), ("UNIX-STREAM:0:0", "UNIX-STREAM"),
        ("@alloc_pipe_info:24:8", "kmalloc:alloc_pipe_info"), ("=init_task:0:7296", "static:init_task"),
        ("=count.3:0:4", "static:count.3"), ("cred", None), ("cred:8", None), ("!cred:8:4", None), ("", None),
    ],
)  # fmt: skip
def test_what_the_kernel_reads_can_be_read_again(text: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(LabError) as caught:
            parse(text)
        assert caught.value.status == BAD_INPUT
    else:
        assert (str(parse(text)), parse(text).name) == (text, name)


# === Names ===


def found(kernel: Kernel, *names: str) -> list[Watch]:
    return watches.watches(kernel.linux, kernel.src, names)


def test_watches(kernel: Kernel) -> None:
    names = ["nsproxy", "task_struct.nsproxy", "net_namespace", "net.ns.count", "shared"]
    one, two, three, four, five = found(kernel, *names)
    assert one == Watch("nsproxy", "nsproxy", 0, 88, "nsproxy")
    assert (two.name, two.cache, two.size, two.struct) == ("task_struct.nsproxy", "task_struct", 8, "task_struct")
    assert str(two) == f"task_struct:{two.offset}:8"
    assert (three.cache, three.offset, three.struct) == ("net_namespace", 0, "net")
    assert (four.cache, four.size, four.struct) == ("net_namespace", 4, "net")
    assert five is ALL_SHARED and found(kernel) == []


def test_any_cache_can_be_watched(kernel: Kernel) -> None:
    known = caches.of(kernel.linux, kernel.src)
    assert {"dentry", "filp", "eventpoll_epi", "mnt_cache", "pid", "signal_cache", "UNIX"} <= set(known)
    sizes = {name: found(kernel, name)[0].size for name in known}
    # Where nobody knows what is in it the kernel takes all of it.
    assert sizes["names_cache"] == 0 < sizes["filp"] and known["filp"] == "file"


def test_kmalloc_and_static_data(kernel: Kernel) -> None:
    whole, part, static, member = found(
        kernel, "kmalloc:newary", "kmalloc:newary+0x18:8", "static:init_task", "static:init_nsproxy.count"
    )
    assert (str(whole), whole.struct) == ("@newary:0:0", "sem_array")
    assert str(part) == "@newary:24:8"
    assert str(static) == f"=init_task:0:{layout.layouts(kernel.linux, ['task_struct'])['task_struct'].size}"
    assert (str(member), member.object) == ("=init_nsproxy:0:4", "static:init_nsproxy")


@pytest.mark.parametrize(
    "name, message",
    [
        ("nsprox", "no slab cache 'nsprox' in * is 'nsproxy' meant?; other memory is kmalloc:FUNCTION, *"),
        ("net", "no slab cache 'net' in * is 'net_namespace' meant?"),
        ("signal_struct", "no slab cache 'signal_struct' in * is 'signal_cache' meant?"),
        ("kmalloc-64", "no slab cache 'kmalloc-64' in * other memory is kmalloc:FUNCTION, static:SYMBOL"),
        ("css_set.hits", "struct css_set has no slab cache of its own in *; there is *"),
        ("task_strct.nsproxy", "no struct 'task_strct' in * is 'task_struct' * meant?"),
        ("task_struct.nsprox", "struct task_struct has no member 'nsprox'; is 'nsproxy' * meant?"),
        ("nsproxy.", "struct nsproxy has no member ''; there is cgroup_ns, count, *"),
        ("a b", "no slab cache 'a b' in *"),
        ("x);gdb.execute('quit", "no struct 'x);gdb' in *"),
        ("kmalloc:newar", "no function 'newar' in *; is 'newary' * meant?"),
        ("kmalloc:", "no function '' in *"),
        ("kmalloc:newary+x", "'x' is no number of bytes: it reads like kmalloc:FUNCTION+24:8"),
        ("static:init_tas", "no static data 'init_tas' in *; is 'init_task' * meant?"),
        ("static:init_task.cre", "init_task has no member 'cre'; is 'cred' meant?"),
        ("static:newary", "no static data 'newary' in *"),
    ],
)  # fmt: skip
def test_what_is_not_there(kernel: Kernel, name: str, message: str) -> None:
    with pytest.raises(LabError) as caught:
        found(kernel, "nsproxy", name)
    assert caught.value.status == BAD_INPUT and "\n" not in caught.value.message
    pattern = f"watch '{name}': {message}".replace("[", "[[]").replace("?", "[?]")
    assert fnmatch.fnmatchcase(caught.value.message, pattern), caught.value.message


def test_what_a_scenario_watches_is_its_subjects(kernel: Kernel, tmp_path: Path) -> None:
    scenarios = [Scenario("a", "", subject="nsproxy"), Scenario("b", "", subject="ipc"), Scenario("c", "")]
    watching = options.watching(profiles.load("none"), kernel, scenarios)
    assert [[one.name for one in each.watches] for each in watching] == [
        ["shared", "nsproxy", "task_struct.nsproxy"], ["shared"], ["shared"],
    ]  # fmt: skip
    assert len({each.left_out for each in watching}) == 1 and all(each.shared for each in watching)
    (tmp_path / "mine.toml").write_text('about = "x"\nwatch = ["crde"]\n')
    with pytest.raises(LabError, match="is 'cred' meant"):
        options.watching(profiles.load(str(tmp_path / "mine.toml")), kernel, scenarios)


# === What objects are called ===


def test_the_struct_that_is_allocated(kernel: Kernel) -> None:
    for function, struct in {
        "newary": "sem_array", "newque": "msg_queue", "alloc_mnt_ns": "mnt_namespace", "copy_ipcs": "ipc_namespace",
        "alloc_pipe_info": "", "vfs_read": "", "no_such_function": "",
    }.items():  # fmt: skip
        assert allocations.struct_of(kernel.linux, kernel.src, function) == struct, function


def test_members_have_names(kernel: Kernel) -> None:
    known = objects.of(
        kernel.linux, kernel.src,
        [("cred", 0), ("kmalloc:newary", 0), ("static:init_task", 0), ("kmalloc:alloc_pipe_info", 0), ("nowhere", 0)],
    )  # fmt: skip
    offset = next(
        one.offset for one in layout.members(kernel.linux, "sem_array") if one.name == "pending_const.next"
    )
    assert known["kmalloc:newary", 0].member(offset, 8) == "sem_array.pending_const.next"
    assert known["cred", 0].member(8, 4) == "cred.uid"
    assert known["kmalloc:alloc_pipe_info", 0].member(24, 8) == "kmalloc(alloc_pipe_info)+0x18"
    assert known["nowhere", 0].member(24, 8) == "nowhere+0x18"
    assert known["static:init_task", 0].static
    assert known["static:init_task", 0].member(0, 4) == "init_task.__state"


# === What does not count ===


def test_every_pattern_matches_a_file_of_the_kernel(kernel: Kernel) -> None:
    names = units.of(kernel.linux)
    assert {"kernel/fork.c", "fs/namespace.c", "kernel/sched/core.c"} <= set(names)
    unmatched = [
        pattern for one in machinery.load() for pattern in one.files
        if not any(machinery.LeftOut((pattern,), "x").has(name) for name in names)
    ]  # fmt: skip
    assert unmatched == []


def test_text_that_is_left_out(kernel: Kernel) -> None:
    text = left_out.text(kernel.linux)
    ranges = [tuple(int(end, 16) for end in one.split("-")) for one in text.split(",")]
    assert ranges == sorted(ranges) and all(low < high for low, high in ranges)
    start = symbols.start_of_text(kernel.linux) or 0
    assert start

    def is_out(name: str) -> bool:
        (at,) = (one.start - start for one in symbols.table(kernel.linux) if one.name == name)
        return any(low <= at < high for low, high in ranges)

    for name in ("try_to_wake_up", "__rcu_read_lock", "mutex_lock_nested", "kmem_cache_free", "add_timer"):
        assert is_out(name), name
    for name in ("switch_task_namespaces", "refcount_warn_saturate", "do_semtimedop", "idr_find"):
        assert not is_out(name), name


@pytest.mark.parametrize(
    "ranges, merged",
    [
        ([], []), ([(0, 5), (5, 9)], [(0, 9)]), ([(32, 40), (0, 17)], [(0, 40)]),
        ([(0, 16), (32, 48)], [(0, 16), (32, 48)]), ([(0, 100), (5, 9), (99, 120)], [(0, 120)]),
    ],
)  # fmt: skip
def test_ranges(ranges: list[tuple[int, int]], merged: list[tuple[int, int]]) -> None:
    assert left_out.merged(ranges) == merged


@pytest.mark.parametrize(
    "text, message",
    [
        ("x = 1\n", "m.toml:1: x: no such key, there is left_out"),
        ('[[left_out]]\nfiles = ["a"]\n', "m.toml:1: left_out: has to have files"),
        ('[[left_out]]\nfiles = []\nreason = "x"\n', "m.toml:1: left_out: has to have files"),
        ('[[left_out]]\nfiles = ["a"]\nreason = ""\n', "m.toml:1: left_out: has to have files"),
    ],
)
def test_a_list_that_makes_no_sense(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(LabError) as caught:
        machinery.load(tmp_path / "m.toml")
    assert message in caught.value.message

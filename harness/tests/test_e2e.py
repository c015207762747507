# SPDX-License-Identifier: GPL-2.0
"""The lab as a user runs it, on the real kernel: what it must find, and what it must not."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lab import FOREVER_S, NSLAB, Ended, nslab, patch_for
from nslab_lab.build import catalog
from nslab_lab.build.kernel import Kernel
from nslab_lab.host.paths import FAULTS_KERNEL, REPO, shown

WITHOUT_SEARCH = REPO / "harness" / "tests" / "lab_without_search.py"


@pytest.fixture(scope="session")
def names(scenarios_init: Path) -> list[str]:
    """The scenarios of the lab, as the program tells them."""
    return [one.name for one in catalog.from_init(scenarios_init).scenarios]


@pytest.fixture(scope="session")
def of_subjects(scenarios_init: Path) -> set[str]:
    """Those in code of a subject: there are named points, and their calls are marked."""
    return {one.name for one in catalog.from_init(scenarios_init).scenarios if one.subject}


# === Nothing to find ===


@pytest.mark.parametrize("profile", ["none", "delay", "failslab"])
def test_the_correct_kernel_passes(
    kernel: Kernel, names: list[str], of_subjects: set[str], profile: str
) -> None:
    done = nslab("run", "--profile", profile, "--executions", 300)
    assert done.status == 0, done.out + done.err
    assert f"{300 * len(names):,} executions of {len(names)} scenarios, 0 findings" in done.out
    lines = [json.loads(line) for line in done.executions.splitlines()]
    assert [(line["scenario"], line["n"]) for line in lines] == [
        (scenario, n) for scenario in names for n in range(1, 301)
    ]
    # Others may reach no named point, and no more is there without a strategy that decides.
    for scenario in of_subjects:
        mine = [line for line in lines if line["scenario"] == scenario]
        # An allocation may fail before an actor comes to a point.
        reaches = any if profile == "failslab" else all
        assert reaches(line["points"] > 0 for line in mine), scenario
        # Faults are injected where the profile has some, and nowhere else.
        assert any(line["faults"] for line in mine) == (profile != "none"), scenario
        # Executions differ by their seed, and by nothing where nothing is drawn from it.
        assert len({line["hash"] for line in mine}) > 1, scenario


def test_every_point_is_reached(kernel: Kernel) -> None:
    """By one scenario or another."""
    listed = json.loads(nslab("list", "--json").out)["points"]
    points = {one["name"] for one in listed}
    # As many as are defined, none of them twice.
    files = FAULTS_KERNEL.rglob("points.def")
    assert len(listed) == len(points) == sum(file.read_text().count("\nNSLAB_POINT(") for file in files)
    done = nslab("run", "--executions", 50)
    hits = json.loads((done.folder / "points.json").read_text())
    reached = {name for of_scenario in hits.values() for name, count in of_scenario.items() if count}
    assert points - reached == set()
    assert points_told(done) == (len(points), len(points))
    coverage = json.loads((done.folder / "coverage.json").read_text())["zombie-read"]
    # Of 50 executions, each counted once; two of these are called by the same function.
    assert coverage["points"]["rcu_read_lock"] == 50
    for reader in ("utsns_get", "validate_nsset", "pidfd_ioctl"):
        assert 0 < coverage["readers"][reader] <= 50
    assert coverage["readers"]["ipcns_get"] == 0


def points_told(done: Ended) -> tuple[int, int]:
    """How many points were reached, and of how many, of all subjects together."""
    told = re.findall(r"^[\w ]+: (\d+) of (\d+) points\b", done.out, re.M)
    return sum(int(of[0]) for of in told), sum(int(of[1]) for of in told)


def not_reached(done: Ended) -> set[str]:
    """What is told at the end as not reached."""
    end = done.out.rpartition("\n\n")[2]
    told = re.findall(r" reached; not ((?:\w+,?\s+)*\w+)$", end, re.M)
    return {name for names in told for name in re.findall(r"\w+", names)}


def never_reached(done: Ended) -> set[str]:
    return set(re.findall(r"^(?:reader|point) (\w+): never reached by any scenario$", done.out, re.M))


def test_scenarios_reach_what_they_say_and_together_all(kernel: Kernel) -> None:
    done = nslab("coverage")
    assert not never_reached(done), done.out
    assert done.status == 0, done.out + done.err
    assert "REACHES" not in done.out and "FINDING" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    # It counts the same again, however many guests there are.
    again = nslab("coverage", "--jobs", 1)
    assert again.out.rpartition("\nkept in ")[0] == done.out.rpartition("\nkept in ")[0]


def test_every_scenario_says_what_it_reaches() -> None:
    listed = json.loads(nslab("list", "--json").out)
    points = {one["name"] for one in listed["points"]}
    for scenario in listed["scenarios"]:
        reaches = set(scenario["reaches"])
        # Not all code of a subject has points of its own.
        assert reaches or scenario["subject"] != "nsproxy", scenario["name"]
        if scenario["subject"] == "nsproxy":
            # An actor that reads and one that writes.
            assert reaches - points and reaches & points, scenario["name"]


def test_one_scenario_alone_need_not_reach_all(kernel: Kernel) -> None:
    done = nslab("coverage", "--scenario", "proc-net-vs-setns", "--executions", 20)
    assert done.status == 0, done.out + done.err
    missed = not_reached(done)
    assert {"utsns_get", "validate_nsset", "unshare_commit", "copy_namespaces"} <= missed
    assert not {"get_proc_task_net", "setns_commit", "rcu_read_lock"} & missed
    assert not never_reached(done)


def test_a_reader_of_the_users_patch_counts(kernel: Kernel, tmp_path: Path) -> None:
    patch = tmp_path / "reader.patch"
    old = "static struct ns_common *utsns_get(struct task_struct *task)\n"
    new = (
        "bool one_more_get(struct task_struct *task);\n"
        "bool one_more_get(struct task_struct *task)\n"
        "{\n\tguard(rcu)();\n\treturn task_nsproxy(task);\n}\n\n"
    )
    patch.write_text(patch_for(kernel.src, "kernel/utsname.c", {old: new + old}))
    done = nslab("coverage", "--patch", patch, "--scenario", "zombie-read", "--executions", 20)
    assert done.status == 0, done.out + done.err
    assert "one_more_get" in not_reached(done) and "utsns_get" not in not_reached(done)


def patch_with_points(tree: Path, patch: Path, first: str, second: str) -> Path:
    """A patch that makes two points of the user's own around the reference on a uts_namespace."""
    get, include = "\t\tget_uts_ns(ns);\n", "#include <linux/slab.h>\n"
    changes = {
        include: f"{include}#include <linux/nslab.h>\n",
        get: f'\t\tNSLAB_POINT("{first}");\n{get}\t\tNSLAB_POINT("{second}");\n',
    }
    patch.write_text(patch_for(tree, "kernel/utsname.c", changes))
    return patch


def test_points_of_the_users_patch(kernel: Kernel, tmp_path: Path) -> None:
    """They are in the trace and in the coverage, and nothing else is compiled for them."""
    patch = patch_with_points(kernel.src, tmp_path / "points.patch", "before_get", "after_get")
    run = ("--patch", patch, "--scenario", "ns-readlink-vs-unshare", "--executions", 20)
    done = nslab("run", "--strategy", "random", *run)
    assert done.status == 0, done.out + done.err
    hits = json.loads((done.folder / "points.json").read_text())["ns-readlink-vs-unshare"]
    assert hits["before_get"] == hits["after_get"] > 0
    builds = [path for path in kernel.out.parents[2].glob("6.12+*") if _is_of(path, "before_get")]
    build = max(builds, key=lambda path: path.stat().st_mtime)
    compiled = re.findall(r"^  CC +(\S+)", (build / "build.log").read_text(), re.MULTILINE)
    assert "kernel/utsname.o" in compiled and len(compiled) <= 8, compiled
    assert "before_get" not in (done.folder / "summary.txt").read_text()  # it was reached
    plan = json.loads((done.folder / "plan.json").read_text())
    token = (
        f"NSLAB1.6.12-{plan['kernel_id']}.ns-readlink-vs-unshare.none"
        f".none-{plan['profile_digest']}.random.1.1.1"
    )
    traced = nslab("replay", token, "--patch", patch, "--format", "trace")
    assert traced.status == 0, traced.out + traced.err
    assert "before_get" in traced.out and "after_get" in traced.out and "rcu_read_lock" in traced.out

    patch_with_points(kernel.src, patch, "once_again", "once_again")
    refused = nslab("run", "--strategy", "random", *run)
    assert refused.status == 2
    assert 'two points are called "once_again"' in refused.err


def _is_of(build: Path, name: str) -> bool:
    """Whether a patched build has a point of that name."""
    source = build / "src" / "kernel" / "utsname.c"
    return source.exists() and f'NSLAB_POINT("{name}")' in source.read_text()


def test_same_plan_same_bytes(kernel: Kernel) -> None:
    """However many guests there are, in whatever order they end; and by the script left behind."""
    plan = ("run", "--profile", "mixed", "--executions", 200, "--batch", 50, "--seed", 7)
    one = nslab(*plan, "--jobs", 1)
    assert one.status == 0, one.out + one.err
    two = nslab(*plan, "--jobs", 3)
    assert one.folder != two.folder
    assert one.executions == two.executions
    again = nslab(command=one.folder / "repeat")
    assert again.folder not in (one.folder, two.folder)
    assert one.executions == again.executions
    other = nslab(*plan[:-1], 8)
    assert one.executions != other.executions


def test_an_execution_does_not_depend_on_those_before_it(kernel: Kernel) -> None:
    """Where a strategy decides it is the same in every boot, as the second or as the twelfth."""

    def hashes(batch: int) -> dict[tuple[str, int], str]:
        done = nslab("run", "--strategy", "random", "--executions", 12, "--batch", batch)
        assert done.status == 0, done.out + done.err
        lines = [json.loads(line) for line in done.executions.splitlines()]
        return {(line["scenario"], line["n"]): line["hash"] for line in lines}

    assert hashes(12) == hashes(4)


# === Each allocation fails once ===

NTH = ("run", "--profile", "fail-nth")


def test_each_allocation_of_each_call_fails(kernel: Kernel, of_subjects: set[str]) -> None:
    """The claim is measured: what it says is what the executions did."""
    done = nslab(*NTH)
    assert done.status == 0, done.out + done.err
    claims = re.findall(
        r"^([a-z-]+):\s+complete\s+for\s+the\s+schedules\s+run:\s+(\d+)\s+failure\s+sites?,\s+(?:each|it)\s+was\s+"
        r"tried", done.out, re.M,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.executions.splitlines()]
    claimed = {scenario for scenario, _ in claims}
    nothing = set(re.findall(r"^([a-z-]+): no marked call allocates memory, or none was made$", done.out, re.M))
    assert of_subjects <= claimed and not claimed & nothing
    assert claimed | nothing == {line["scenario"] for line in lines}
    text = (done.folder / "sites.txt").read_text()
    assert "NOT TRIED" not in text
    for scenario, number in claims:
        tried = {
            (one["actor"], one["name"], one["stack"])
            for line in lines
            if line["scenario"] == scenario and (one := line.get("refused"))
        }
        assert len(tried) == int(number), scenario
        part = re.split(rf"^{scenario}: {number} failure sites?, ", text, maxsplit=1, flags=re.M)[1]
        assert part, scenario
    # Each call once more with nothing failing, and what failed says so.
    assert any("refused" not in line for line in lines)
    assert all(line["faults"] == ("refused" in line) for line in lines)
    # Symbolised from the allocator up to the system call.
    assert re.search(r"kmem_cache_alloc\S* \(mm/slub.c:\d+\)\n +copy_utsname \(kernel/utsname.c:\d+\)\n"
                     r" +create_new_namespaces \(kernel/nsproxy.c:\d+\)\n", text)  # fmt: skip


def test_the_same_allocations_fail_in_any_split_of_the_work(kernel: Kernel) -> None:
    plan = (*NTH, "--scenario", "proc-net-vs-exit,zombie-read", "--executions", 120, "--batch", 40)
    one, two = nslab(*plan, "--jobs", 1), nslab(*plan, "--jobs", 3)
    assert one.status == 0, one.out + one.err
    assert one.executions == two.executions
    assert (one.folder / "sites.txt").read_bytes() == (two.folder / "sites.txt").read_bytes()


@pytest.mark.parametrize("strategy", ["random", "pct", "pos"])
def test_allocations_fail_under_schedules(kernel: Kernel, strategy: str) -> None:
    done = nslab(*NTH, "--strategy", strategy, "--scenario", "pidfd-setns-vs-exit,ns-readlink-vs-unshare")
    assert done.status == 0, done.out + done.err
    assert len(re.findall(r": (?:not )?complete[a-z ]*: .* failure sites", done.out)) == 2


NTH_CAUGHT = [
    ("leak-on-error", "ns-readlink-vs-unshare", "counts changed: nsproxies +1"),
    ("double-put", "ns-readlink-vs-unshare", "counts changed: uts namespace -1"),
    ("half-setns", "mountinfo-vs-unshare",
     "setns(stops[0], CLONE_NEWNS) failed with ENOMEM, but its nsproxy is another one now"),
]  # fmt: skip


@pytest.mark.parametrize("variant, scenario, headline", NTH_CAUGHT)
def test_a_failure_that_changes_something_is_caught(
    kernel: Kernel, variant: str, scenario: str, headline: str
) -> None:
    done = nslab(*NTH, "--variant", variant, "--scenario", scenario)
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["headline"].endswith(headline)
    assert (finding["reproduced"], finding["minimal"]) == ("solo", True)
    # One allocation is what it takes, and the picture says whose.
    assert re.search(r"\.replay-0-[a-h]\d+\.", finding["token"])
    assert "and 1 failed allocation\n" in done.out and re.search(r"! fail\w+ in \w+\(\)", done.out)
    # By its own number it comes again, too: what fails depends on that alone.
    assert nslab("replay", finding["first_token"]).status == 1
    replayed = nslab("replay", finding["token"])
    assert replayed.status == 1 and "the same as in" in replayed.out


# === Each oracle trips ===

CAUGHT = [
    ("no-grace-period", "ns-readlink-vs-unshare", "kasan", r"KASAN: slab-use-after-free in \w+_get\+"),
    ("no-grace-period", "proc-net-vs-setns", "kasan", r"KASAN: slab-use-after-free in get_proc_task_net\+"),
    ("no-grace-period", "mounts-vs-exit", "refcount",
     r"refcount_t: addition on 0; use-after-free in mounts_open_common\+"),
    ("no-grace-period", "netns-by-pid-vs-exit", "kasan", r"KASAN: slab-use-after-free in get_net_ns_by_pid\+"),
    ("no-grace-period", "zombie-read", "kasan", r"KASAN: slab-use-after-free in "),
    ("no-null-check", "zombie-read", "oops", r"NULL pointer dereference at 0x28 in get_proc_task_net\+"),
    ("load-before-lock", "zombie-read", "rcu", r"suspicious RCU usage in utsns_get\+"),
    ("null-means-init", "zombie-read", "assertion", r"zombie_read.c:\d+: readlink of ns/uts of a zombie: done, "),
    ("plain-get", "zombie-read", "refcount", r"refcount_t: addition on 0; use-after-free in get_task_nsproxy\+"),
    ("free-atomically", "mounts-vs-exit", "atomic", r"sleeping function called from invalid context at "),
    ("wait-for-owners", "mounts-vs-exit", "hang", r"actor target does not go on in switch_task_namespaces\+"),
    ("wrong-flavour", "mountinfo-vs-unshare", "grace period",
     r"(?:a nsproxy is gone within the read section of its reader|it has ended within a read section that it "
     r"should have waited for) in mounts_open_common\+"),
    ("grace-before-publish", "ns-readlink-vs-unshare", "grace period",
     r"a nsproxy is gone within the read section of its reader in \w+_get\+"),
    ("put-before-publish", "ns-readlink-vs-unshare-heavy", "kasan", r"KASAN: slab-use-after-free in \w+_get\+"),
    ("publish-unfilled", "ns-readlink-vs-newuser", "oops", r"NULL pointer dereference at 0x\w+ in utsns_get\+"),
    ("typesafe-by-rcu", "mounts-vs-exit", "refcount",
     r"refcount_t: addition on 0; use-after-free in mounts_open_common\+"),
    ("typesafe-by-rcu", "proc-net-vs-setns", "lifetime", r"a nsproxy is used after its end in get_proc_task_net\+"),
    ("sem-no-valid-check", "sem-vs-rmid", "hang", r"actor waiter does not go on in __do_semtimedop\+"),
    ("ipc-free-at-once", "shm-vs-rmid", "kasan", r"KASAN: slab-use-after-free in "),
    ("callback-sleeps", "mountinfo-vs-unshare", "atomic", r"sleeping function called from invalid context at "),
    ("callback-sleeps", "ipc-objects-vs-unshare", "lockdep", r"inconsistent lock state in "),
    ("two-sections", "mountinfo-vs-unshare", "kasan", r"KASAN: slab-use-after-free in mounts_open_common\+"),
    ("get-after-unlock", "pidfd-setns-vs-unshare", "assertion",
     r"pidfd_setns_vs_unshare.c:\d+: .*setns\(pidfd, .*: No such process"),
    ("double-put", "ns-readlink-vs-unshare", "leak", r"counts changed: uts namespace -1"),
    ("leak-on-error", "ns-readlink-vs-unshare", "leak", r"counts changed: nsproxies \+1"),
    ("half-setns", "nested-userns-vs-readers", "assertion",
     r"nested_userns_vs_readers.c:\d+: setns\(pidfd, CLONE_NEWUTS\) failed with EPERM, but its nsproxy is "),
    ("setns-leaks-fs", "zombie-read", "leak", r"counts changed: fs_cache \+1 from copy_fs_struct < "),
    ("exit-early", "ipc-undo-vs-exit", "oops", r"\S.* in exit_sem\+"),
    ("exit-borrows", "mounts-vs-exit", "order",
     r"a task that was almost dead has namespaces again in mounts_open_common\+"),
]  # fmt: skip

# How, if it is not by the defaults of `nslab run`.
HOW = {
    # A new network namespace takes thousands of steps: too many for a search.
    ("no-grace-period", "netns-by-pid-vs-exit"): ("--strategy", "pos"),
    ("wrong-flavour", "mountinfo-vs-unshare"): ("--strategy", "pos"),
    ("double-put", "ns-readlink-vs-unshare"): ("--profile", "failslab"),
    ("leak-on-error", "ns-readlink-vs-unshare"): ("--profile", "failslab"),
    ("typesafe-by-rcu", "proc-net-vs-setns"): ("--profile", "mixed"),
}
# Whether memory is used again may depend on what was freed in the executions before.
AFTER_OTHERS = {("typesafe-by-rcu", "proc-net-vs-setns")}


def test_every_variant_is_caught_here() -> None:
    listed = nslab("list").out.partition("\nvariants\n")[2].partition("\npoints\n")[0]
    variants = set(re.findall(r"^  (\S+)", listed, re.M)) - {"none"}
    assert variants == {variant for variant, *_ in CAUGHT}


@pytest.mark.parametrize("variant, scenario, oracle, headline", CAUGHT)
def test_variants_are_caught(
    kernel: Kernel, variant: str, scenario: str, oracle: str, headline: str
) -> None:
    how = HOW.get((variant, scenario), ())
    done = nslab("run", "--variant", variant, "--scenario", scenario, *how)
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] == oracle
    assert re.match(headline, finding["headline"]), finding["headline"]
    alone = finding["reproduced"] == "solo"
    assert alone or (variant, scenario) in AFTER_OTHERS and finding["reproduced"] == "prefix"
    assert finding["minimal"] == alone
    # Above the table the user sees the same, and the command on a line of its own.
    said = (done.out + done.err).splitlines()
    assert finding["headline"] in said
    assert f"make replay TOKEN={finding['token']}" in said


def test_a_finding_replays(kernel: Kernel) -> None:
    """20 times out of 20, with the report and the trace of the run."""
    done = nslab("run", "--variant", "no-grace-period", "--scenario", "ns-readlink-vs-unshare")
    (finding,) = done.findings
    again = nslab("replay", finding["token"], "--times", 20)
    assert again.status == 1, again.out + again.err
    assert "20 of 20 replays are the same: verdict and trace hash" in again.out
    assert finding["headline"] in again.out.splitlines()
    assert f"trace hash {finding['hash']}, the same as in " in again.out
    (folder,) = done.folder.glob("findings/*/report.txt")
    assert folder.read_text() in again.out
    # The same execution of the correct kernel passes.
    fixed = nslab("replay", finding["token"].replace("no-grace-period", "none"))
    assert fixed.status == 0, fixed.out + fixed.err
    assert "PASS ns-readlink-vs-unshare" in fixed.out


# === A scenario of the user's own ===

MINE = """\
/* SPDX-License-Identifier: GPL-2.0 */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/scenario.h"
#include "nsproxy/lib/namespaces.h"
#include "mine.h"

SCENARIO("zombie-read", "the lab has one of that name, too");
SUBJECT("nsproxy");
REACHES("utsns_get", "unshare_commit");

STATE {
	ssize_t length;
};

ACTOR(target, KEPT)
{
	REQUIRE(unshare(CLONE_NEWUTS));
	self->length = 0;
}

AFTER(target)
{
	REQUIRE(namespaces_restore());
}

ACTOR(reader, KEPT)
{
	char path[LENGTH], link[LENGTH];

	snprintf(path, sizeof(path), "/proc/%d/ns/uts", actor_pid("target"));
	REQUIRE(self->length = readlink(path, link, sizeof(link)));
}

CHECK()
{
	ASSERT_TRUE(self->length != 0);
}
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """One whose assertion does not hold where the reader ends before the target does."""
    path = tmp_path / "my files" / "mine.c"
    path.parent.mkdir()
    path.write_text(MINE)
    path.with_name("mine.h").write_text("#define LENGTH 64\n")
    return path


def test_a_file_of_the_users_own(kernel: Kernel, mine: Path, tmp_path: Path) -> None:
    before = (REPO / "build" / "scenarios" / "init").read_bytes()
    done = nslab("run", "--scenario", f"{mine},zombie-read", "--strategy", "random", "--executions", 50)
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert (finding["reproduced"], finding["minimal"]) == ("solo", True)
    assert finding["headline"] == "mine.c:39: self->length != 0 does not hold"
    assert re.fullmatch(r"zombie-read\+[0-9a-f]{8}", finding["token"].split(".")[3])
    assert f"'SCENARIO={mine}'" in finding["command"] and finding["command"] in done.out
    assert (REPO / "build" / "scenarios" / "init").read_bytes() == before
    # By the command that is printed, in a shell.
    make = subprocess.run(finding["command"], shell=True, cwd=REPO, capture_output=True, text=True)
    assert make.returncode == 2 and "Error 1" in make.stderr, make.stderr
    assert f"trace hash {finding['hash']}, the same as in " in make.stdout
    # From another place, and by the script left behind, it is the same.
    moved = mine.parent.rename(tmp_path / "moved") / "mine.c"
    again = nslab("replay", finding["token"], "--scenario", moved)
    assert again.status == 1 and f"trace hash {finding['hash']}, the same" in again.out
    repeated = nslab(command=done.folder / "repeat")
    assert repeated.executions == done.executions
    # Not from another text, nor from none.
    moved.with_name("mine.h").write_text("#define LENGTH 65\n")
    for words, line in (
        (("--scenario", moved), f"{shown(moved)} is not the text of the token "),
        ((), "the token is of a scenario of your own, zombie-read: give its file, SCENARIO="),
    ):
        refused = nslab("replay", finding["token"], *words)
        assert refused.status == 2 and refused.err.count("\n") == 1
        assert refused.err.startswith(f"nslab: {line}")


def test_coverage_of_a_file_of_the_users_own(kernel: Kernel, mine: Path) -> None:
    mine.write_text(MINE.replace("!= 0", ">= 0"))
    done = nslab("coverage", "--scenario", mine, "--executions", 20)
    assert done.status == 0, done.out + done.err
    mine.write_text(MINE.replace("!= 0", ">= 0").replace('"unshare_commit"', '"setns_commit"'))
    done = nslab("coverage", "--scenario", mine, "--executions", 20)
    assert done.status == 1
    assert "REACHES names 'setns_commit', but in 40 executions it was not reached" in done.out


# === Controlled scheduling ===

TARGET = "ns-readlink-vs-unshare"


def bounded(*more: object) -> Ended:
    return nslab("run", "--scenario", TARGET, "--strategy", "bounded", *more)


# Two actors of few steps: pct with three changes of priority has no more to draw from.
FEW_SCHEDULES = {
    "mq-notify-close": 20, "mq-vs-unlink": 20, "pidfd-setns-vs-newuser": 30, "sem-vs-rmid": 20,
    "shm-vs-setns-exit": 10,
}  # fmt: skip


@pytest.mark.parametrize("strategy", ["random", "pct", "pos"])
def test_the_correct_kernel_passes_under_each_strategy(
    kernel: Kernel, names: list[str], of_subjects: set[str], strategy: str
) -> None:
    done = nslab("run", "--strategy", strategy, "--executions", 100)
    assert done.status == 0, done.out + done.err
    assert f"{100 * len(names):,} executions of {len(names)} scenarios, 0 findings" in done.out
    lines = [json.loads(line) for line in done.executions.splitlines()]
    for scenario in names:
        # Another seed is another schedule.
        mine = [line["hash"] for line in lines if line["scenario"] == scenario]
        few = FEW_SCHEDULES.get(scenario, 40) if scenario in of_subjects else 1
        assert len(set(mine)) > few, scenario
    assert ("with a probability of at least 1/" in " ".join(done.out.split())) == (strategy == "pct")


def test_nobody_goes_on_while_references_are_counted(kernel: Kernel) -> None:
    """Execution 530 was a finding that was none: another actor switched in the middle of it."""
    done = nslab(
        "run", "--scenario", "nested-userns-vs-readers", "--strategy", "pct", "--executions", 600
    )
    assert done.status == 0, done.out + done.err


# Small enough for all its schedules with two preemptions.
SMALL = "sem-vs-rmid"
OVER = (
    r"over \d+ shared words(?: \(\d+ more under a common lock\))?, as far as \d+ of [\d,]+ executions show, "
    "which were profiled again"
)


def test_every_schedule_with_two_preemptions(kernel: Kernel) -> None:
    small = ("run", "--scenario", SMALL, "--strategy", "bounded")
    done = nslab(*small)
    assert done.status == 0, done.out + done.err
    said = " ".join(done.out.split())
    match = re.search(
        rf"{SMALL}: complete for c <= 2 {OVER}: ([\d,]+) schedules of 3 inputs, \d+ points, 0 findings; "
        r"pruned: ([\d,]+) alternatives", said
    )  # fmt: skip
    assert match, said
    schedules, pruned = (int(number.replace(",", "")) for number in match.groups())
    assert schedules > 200 and pruned > schedules
    lines = [json.loads(line) for line in done.executions.splitlines()]
    assert len(lines) == schedules
    # None is run twice.
    assert len({(line["n"], line["schedule"]) for line in lines}) == schedules
    # And in another run they are the same, to the byte.
    assert nslab(*small, "--jobs", 1).executions == done.executions


def test_pruning_saves_and_finds_the_same(kernel: Kernel) -> None:
    schedules = []
    for more in ((), ("--unpruned",)):
        done = bounded("--preemptions", 1, *more)
        assert done.status == 0, done.out + done.err
        match = re.search(rf"complete for c <= 1 {OVER}: ([\d,]+) schedules", " ".join(done.out.split()))
        assert match, done.out
        schedules.append(int(match[1].replace(",", "")))
        broken = bounded("--preemptions", 1, "--variant", "no-grace-period", *more)
        assert broken.status == 1, broken.out + broken.err
        assert broken.findings[0]["oracle"] == "kasan"
        assert preemptions(broken) == 1
    assert schedules[0] < schedules[1]


def test_a_search_that_is_cut_short_says_so(kernel: Kernel) -> None:
    done = bounded("--executions", 50)
    assert done.status == 0, done.out + done.err
    said = " ".join(done.out.split())
    assert re.search(rf"{TARGET}: complete for c <= 0 {OVER}: 200 schedules of 4 inputs", said), said
    assert "cut short by EXECUTIONS=" in said


def preemptions(done: Ended) -> int:
    count: int = json.loads((done.finding_folder / "diagram.json").read_text())["preemptions"]
    return count


@pytest.mark.parametrize("profile", ["none", "access"])
@pytest.mark.parametrize("strategy", ["bounded", "pct"])
def test_no_grace_period_is_found_and_drawn(kernel: Kernel, strategy: str, profile: str) -> None:
    """With and without the named points; small enough to be understood at once.

    The reader may look once more, which KASAN sees, or leave its read section first, which the
    oracle "grace period" sees: it depends on what pct draws.
    """
    done = nslab(
        "run", "--scenario", TARGET, "--variant", "no-grace-period", "--strategy", strategy,
        "--profile", profile,
    )  # fmt: skip
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] in ("kasan", "grace period")
    assert (finding["reproduced"], finding["minimal"]) == ("solo", True)
    assert preemptions(done) <= 2
    assert ".replay-" in finding["token"]
    folder = done.finding_folder
    drawn = (folder / "diagram.txt").read_text()
    assert max(map(len, drawn.splitlines())) <= 80
    # The reader has the pointer; the target publishes another and frees it; the reader looks, or
    # leaves its section.
    reads = re.search(r"nsproxy → #(\d+)$", drawn, re.M)
    assert reads, drawn
    rest = drawn[reads.end() :]
    number = reads[1]
    kasan = finding["oracle"] == "kasan"
    ends = re.search(rf"✗ (nsproxy )?#{number}->" if kasan else r"^ *\d+ .*✗ \S", rest, re.M)
    assert ends, drawn
    said = "✗ KASAN: slab-use-after-free in " if kasan else "✗ a nsproxy is gone within the read "
    order = [
        rest.index(f"was #{number}\n"), rest.index(f"free nsproxy #{number}\n"), ends.start(),
        rest.index(said),
    ]  # fmt: skip
    assert order == sorted(order), drawn
    assert re.search("~ (?:preempted )?before", drawn), drawn
    assert drawn in done.out


def test_a_schedule_replays_a_hundred_times(kernel: Kernel) -> None:
    done = bounded("--variant", "no-grace-period")
    (finding,) = done.findings
    again = nslab("replay", finding["token"], "--times", 100)
    assert again.status == 1, again.out + again.err
    assert "100 of 100 replays are the same: verdict and trace hash" in again.out
    assert f"trace hash {finding['hash']}, the same as in " in again.out
    folder = done.finding_folder
    assert (folder / "diagram.txt").read_text() in again.out
    for form in ("svg", "json"):
        drawn = nslab("replay", finding["token"], "--format", form)
        assert drawn.status == 1
        assert drawn.out == (folder / f"diagram.{form}").read_text()
    # The correct kernel waits for the reader, so the same schedule passes.
    fixed = nslab("replay", finding["token"].replace("no-grace-period", "none"))
    assert fixed.status == 0, fixed.out + fixed.err


@pytest.mark.parametrize(
    "variant, scenario",
    [
        ("no-grace-period", TARGET), ("plain-get", "zombie-read"),
        ("free-atomically", "ns-readlink-vs-unshare-heavy"), ("wait-for-owners", TARGET),
    ],
)  # fmt: skip
def test_what_delays_did_becomes_a_schedule(kernel: Kernel, variant: str, scenario: str) -> None:
    done = nslab(
        "run", "--variant", variant, "--scenario", scenario, command=WITHOUT_SEARCH
    )
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert (finding["reproduced"], finding["minimal"]) == ("solo", True)
    assert preemptions(done) <= 2
    again = nslab("replay", finding["token"])
    assert again.status == 1 and finding["headline"] in again.out


def test_failed_allocations_are_part_of_a_schedule(kernel: Kernel) -> None:
    """What random choices and random failures did, done again from the token alone."""
    done = nslab(
        "run", "--scenario", TARGET, "--variant", "no-grace-period", "--strategy", "pct",
        "--profile", "failslab",
    )  # fmt: skip
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["minimal"]
    # None of them is needed for this one.
    assert re.search(r"\.replay-(?:[a-hz]\d+[a-h])+\.", finding["token"]), finding["token"]
    assert re.fullmatch(r".*\.pct-3-\d+\..*", finding["first_token"])


def test_a_schedule_that_does_not_fit_is_no_finding(kernel: Kernel) -> None:
    done = bounded("--variant", "no-grace-period")
    (finding,) = done.findings
    token = re.sub(r"replay-[a-z0-9-]+", "replay-a60000b", finding["token"])
    replayed = nslab("replay", token)
    assert replayed.status == 3, replayed.out + replayed.err
    assert "the execution does not follow its schedule" in replayed.err


def test_a_defect_far_from_every_named_point_is_caught(kernel: Kernel, tmp_path: Path) -> None:
    """A reader without a read section: only its accesses tell where it is."""
    patch = tmp_path / "no-read-section.patch"
    old = (
        "\trcu_read_lock();\n\tif (!nslab_variant(LOAD_BEFORE_LOCK))\n"
        "\t\tnsproxy = task_nsproxy(task);\n\tif (!nsproxy && nslab_variant(NULL_MEANS_INIT))\n"
        "\t\tnsproxy = &init_nsproxy;\n\tif (nsproxy) {\n\t\tns = nsproxy->uts_ns;\n"
        "\t\tget_uts_ns(ns);\n\t}\n\trcu_read_unlock();\n"
    )
    new = (
        "\tnsproxy = READ_ONCE(task->nsproxy);\n\tif (nsproxy) {\n\t\tns = nsproxy->uts_ns;\n"
        "\t\tget_uts_ns(ns);\n\t}\n"
    )
    patch.write_text(patch_for(kernel.src, "kernel/utsname.c", {old: new}))
    for strategy, profile in (("pct", "none"), ("bounded", "none"), ("bounded", "access")):
        done = nslab(
            "run", "--patch", patch, "--scenario", TARGET, "--strategy", strategy, "--profile", profile
        )
        assert done.status == 1, done.out + done.err
        (finding,) = done.findings
        assert finding["oracle"] == "kasan" and "utsns_get+" in finding["headline"]
        assert preemptions(done) <= 2


def guest_of(harness: int) -> int:
    """The process of the guest that this one has started, once it has told of some executions."""
    end = time.monotonic() + FOREVER_S
    while time.monotonic() < end:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = stat.read_text().rpartition(")")
            except OSError:
                continue
            results = stat.parent / "fd" / "3"
            if (
                name.endswith("(linux") and int(rest.split()[1]) == harness
                and results.exists() and results.stat().st_size > 1000
            ):  # fmt: skip
                return int(stat.parent.name)
        time.sleep(0.1)
    raise AssertionError("no guest was started")


def test_a_guest_that_does_not_answer(kernel: Kernel) -> None:
    """It is stopped from outside, as nothing in it goes on any more when its clock stands still."""
    words = ("run", "--scenario", TARGET, "--executions", 100_000, "--silence", 5, "--jobs", 1)
    with subprocess.Popen(
        [NSLAB, *map(str, words)], cwd=REPO, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as harness:  # fmt: skip
        os.kill(guest_of(harness.pid), signal.SIGSTOP)
        done = Ended(harness.wait(FOREVER_S), *harness.communicate())
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert (finding["oracle"], finding["headline"]) == ("no-answer", "no answer from the guest for 5 s")
    # Nothing was wrong with the execution itself.
    assert finding["reproduced"] == "not reproduced"


def bench(part: str, *options: object) -> str:
    """What a short run of one part prints: it is the figures of a full one that mean something."""
    done = nslab("bench", "--part", part, *options)
    assert done.status == 0, done.out + done.err
    assert max(map(len, done.out.splitlines())) <= 80
    return done.out


def test_bench_measures(kernel: Kernel) -> None:
    out = bench("speed", "--rounds", 1)
    for name in ("random, named points", "random, shared words", "unsteered, random sleeps"):
        assert re.search(rf"^  {name} +[\d,]+ ", out, re.M), out
    assert re.search(r"exec to first execution: \d+ ms", out)
    assert re.search(r"host CPU time per execution: [\d,]+ us", out)
    assert re.search(r"\d+\.\d+ times", bench("sweep", "--rounds", 1))
    assert re.search(r"\d+\.\d+ times", bench("gdb", "--rounds", 1))


def test_bench_compares_strategies(kernel: Kernel) -> None:
    out = bench("variants", "--seeds", 1, "--baseline", 2)
    variants = {variant for variant, *_ in CAUGHT}
    rows = {line.split()[0] for line in out.splitlines() if line.split()}
    assert variants <= rows, out
    # What a schedule is needed for, no luck finds.
    (row,) = re.findall(r"^no-grace-period .*$", out, re.M)
    assert row.endswith("not found") and re.search(r"\d \(\d+\.\d\)", row)


def kept_in(done: Ended) -> Path:
    """The folder of a matrix, as printed."""
    match = re.search(r"^kept in (\S+): ", done.out, re.M)
    assert match, done.out + done.err
    return REPO / match[1]


def test_a_part_of_the_matrix_twice(kernel: Kernel) -> None:
    """The same numbers, however many guests there are, and those that a run comes to."""
    words = (
        "matrix", "--variant", "no-grace-period,none", "--scenario", TARGET, "--strategy", "random,pos",
        "--executions", 200, "--seeds", 3,
    )  # fmt: skip
    one, two = nslab(*words), nslab(*words, "--jobs", 1)
    assert one.status == two.status == 0, one.out + one.err
    assert one.out.rpartition("\nkept in ")[0] == two.out.rpartition("\nkept in ")[0]
    for name in ("cells.jsonl", "matrix.svg"):
        assert (kept_in(one) / name).read_bytes() == (kept_in(two) / name).read_bytes()
    assert "the correct kernel: 600 executions in 3 cells, 0 findings" in one.out
    cells = [json.loads(line) for line in (kept_in(one) / "cells.jsonl").read_text().splitlines()]
    caught = [cell for cell in cells if cell["variant"] == "no-grace-period" and cell["oracle"]]
    assert len(caught) >= 4
    cell = caught[0]
    again = nslab(
        "run", "--variant", cell["variant"], "--scenario", TARGET, "--strategy", cell["strategy"],
        "--profile", cell["profile"], "--executions", cell["executions"],
    )  # fmt: skip
    failed = [json.loads(line) for line in again.executions.splitlines()][-1]
    assert (failed["n"], failed["oracle"]) == (cell["executions"], cell["oracle"])


# === The user's own patch ===


def test_a_defect_in_the_users_patch_is_caught(kernel: Kernel, tmp_path: Path) -> None:
    """A reader that ignores NULL, put in by one line."""
    patch = tmp_path / "ignore-null.patch"
    get = "\t\tnet = get_net(nsproxy->net_ns);"
    changes = {f"\t\tif (nsproxy)\n\t{get}": get}
    patch.write_text(patch_for(kernel.src, "net/core/net_namespace.c", changes))
    stamp = (REPO / "build" / "kernels" / "6.12" / "stamp.json").read_bytes()
    done = nslab("run", "--patch", patch, "--scenario", "netns-by-pid-vs-exit")
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] == "oops"
    assert "get_net_ns_by_pid+" in finding["headline"]
    assert f"PATCH={patch}" in finding["command"]
    replayed = nslab("replay", finding["token"], "--patch", patch)
    assert replayed.status == 1, replayed.out + replayed.err
    assert f"trace hash {finding['hash']}, the same as in " in replayed.out
    # The plain build is as it was, and the token says that it is not of it.
    assert stamp == (REPO / "build" / "kernels" / "6.12" / "stamp.json").read_bytes()
    plain = nslab("replay", finding["token"])
    assert plain.status == 2
    assert "the token is of kernel build 6.12-" in plain.err
    assert "PATCH=" in plain.err


# === Who may run it, and what stays behind ===


def test_the_guest_is_unprivileged(kernel: Kernel) -> None:
    """Whoever runs the lab: the guest's host process has no capability and can get none."""
    script = (
        "import os, sys; from nslab_lab.guest import machine;"
        "os.execvp('setpriv', ['setpriv', *machine._drop_privileges(), 'cat', '/proc/self/status'])"
    )
    done = subprocess.run(
        ["/usr/bin/python3", "-c", script], cwd=REPO / "harness", capture_output=True, text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=True,
    )  # fmt: skip
    status = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == 0

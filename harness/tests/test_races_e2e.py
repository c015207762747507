# SPDX-License-Identifier: GPL-2.0
"""`nslab races` and watches on the real kernel, from end to end."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from lab import nslab, patch_for
from nslab_lab.build.kernel import Kernel
from nslab_lab.host.paths import BUILD, SCENARIOS
from test_races import Checker, check

SCENARIO = "sem-vs-rmid"


def words_of(out: str, scenario: str = SCENARIO) -> list[dict[str, Any]]:
    """The words of a printed JSON."""
    data = json.loads(out)
    check(data)
    words: list[dict[str, Any]] = data["scenarios"][scenario]["words"]
    return words


def test_the_words_of_a_scenario(kernel: Kernel) -> None:
    done = nslab("races", "--scenario", SCENARIO)
    assert done.status == 0, done.out + done.err
    assert max(map(len, done.out.splitlines()[:-1])) <= 80
    assert re.search(rf"^{SCENARIO}: \d+ shared words? under no common lock, \d+ more under one$", done.out, re.M)
    # A count that both take without a lock, where it is, and what stands there.
    part = done.out.partition("sem_array.sem_perm.refcount\n")[2].partition("\n\n")[0]
    assert "allocated in newary (ipc/sem.c:" in part
    assert re.search(r"W  ?remover  ipc_rcu_putref\(\)  ipc/util\.c:\d+\n      if \(!refcount_dec_and_test", part)
    assert re.search(r"RW waiter   ipc_rcu_getref\(\)  ipc/util\.c:\d+\n.*\n      under rcu_read_lock$", part, re.M)
    # Nothing of the machinery is among them.
    assert "runqueues" not in done.out and "kernel/sched/core.c" not in done.out.partition("not counted")[0]
    folder = BUILD / "races" / "latest"
    assert {path.name for path in folder.iterdir()} >= {"races.txt", "races.html", "races.json"}
    checker = Checker()
    checker.feed((folder / "races.html").read_text())
    assert checker.open == []
    words = words_of((folder / "races.json").read_text())
    assert [bool(one["locked"]) for one in words] == sorted(bool(one["locked"]) for one in words)
    assert {"sem_array.sem_perm.deleted", "sem_array.sem_perm.refcount"} <= {one["name"] for one in words}


def test_they_are_the_same_in_every_boot(kernel: Kernel) -> None:
    first, second = (nslab("races", "--scenario", SCENARIO, "--format", "json") for _ in range(2))
    assert first.status == second.status == 0 and first.out == second.out


def test_a_variant_and_a_file_of_ones_own(kernel: Kernel, tmp_path: Path) -> None:
    done = nslab(
        "races", "--scenario", "ns-readlink-vs-unshare", "--variant", "no-grace-period", "--format", "json"
    )  # fmt: skip
    assert done.status in (0, 1), done.out + done.err
    words = words_of(done.out, "ns-readlink-vs-unshare")
    assert "nsproxy.uts_ns" in [one["name"] for one in words]
    own = tmp_path / "mine.c"
    shutil.copy(SCENARIOS / "ipc" / "shm_vs_rmid.c", own)
    text = own.read_text().replace('#include "ipc/', f'#include "{SCENARIOS}/ipc/')
    own.write_text(text)
    done = nslab("races", "--scenario", own)
    said = re.search(r"^shm-vs-rmid\+\w{8}: \d+ shared words? under", done.out, re.M)
    assert done.status == 0 and said, done.out + done.err


def test_wrong_usage(kernel: Kernel) -> None:
    for words, says in (
        (("--format", "pdf"), "format=pdf: there is text, html, json"),
        (("--scenario", "sem-vs-rmdi"), "is 'sem-vs-rmid' meant"),
        (("--variant", "none-such"), "no variant 'none-such'"),
    ):
        done = nslab("races", *words)
        assert done.status == 2 and says in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("strategy", ["none", "random", "pct", "bounded"])
def test_a_name_that_does_not_exist_is_refused_with_every_strategy(
    kernel: Kernel, tmp_path: Path, strategy: str
) -> None:
    (tmp_path / "mine.toml").write_text('about = "x"\nwatch = ["kmalloc:newar"]\n')
    done = nslab("run", "--scenario", SCENARIO, "--strategy", strategy, "--profile", tmp_path / "mine.toml")
    assert done.status == 2 and "no function 'newar'" in done.err and "is 'newary'" in done.err
    assert done.err.count("\n") == 1


def test_memory_that_is_watched_by_hand(kernel: Kernel, tmp_path: Path) -> None:
    """Of a slab cache that no table has, of a function, of a symbol: in a trace by their names."""
    (tmp_path / "mine.toml").write_text('about = "x"\nwatch = ["kmalloc:newary", "seq_file", "static:init_ipc_ns"]\n')
    done = nslab(
        "run", "--scenario", SCENARIO, "--strategy", "random", "--executions", 20, "--profile", tmp_path / "mine.toml"
    )  # fmt: skip
    assert done.status == 0, done.out + done.err
    words = json.loads((done.folder / "words.json").read_text())
    assert {one["name"] for one in words[SCENARIO]} >= {"newary"}
    # The claim of a strategy that counts points says what they leave out.
    done = nslab(
        "run", "--scenario", SCENARIO, "--strategy", "pct", "--executions", 20, "--profile", tmp_path / "mine.toml"
    )  # fmt: skip
    said = " ".join(done.out.split())
    assert "among the steps over the memory that the profile watches" in said
    assert re.search(r"shared words are not watched, \d+ of them under no common lock \(", said)


# === Findings ===


@pytest.mark.parametrize("strategy", ["random", "pct", "pos", "bounded"])
def test_a_race_on_memory_that_nobody_named(kernel: Kernel, strategy: str) -> None:
    """semop() against IPC_RMID without the check behind the lock: one preemption, and a picture of it."""
    done = nslab("run", "--scenario", SCENARIO, "--variant", "sem-no-valid-check", "--strategy", strategy)
    assert done.status == 1, done.out + done.err
    assert "the smallest schedule found has 1 preemption\n" in done.out
    (finding,) = done.findings
    assert finding["oracle"] == "hang" and finding["minimal"] is True
    folder = done.finding_folder
    picture = (folder / "diagram.txt").read_text()
    rows = json.loads((folder / "diagram.json").read_text())["rows"]
    assert {"sem_array.sem_perm.deleted", "sem_array.sems[0].pending_alter.next"} <= {row["field"] for row in rows}
    texts = {row["text"] for row in rows}
    assert {"semtimedop()", "takes perm->lock"} <= texts
    assert picture.partition("\n✗")[0].count("\n") < 40 and re.search(r"^ *\d+  semtimedop\(\)$", picture, re.M)
    # It names the words, not their offsets.
    assert not re.search(r"#\d+\+0x", picture.partition("\n✗")[0])


def test_a_correct_kernel_is_complete_over_its_shared_words(kernel: Kernel) -> None:
    done = nslab("run", "--scenario", SCENARIO, "--strategy", "bounded")
    assert done.status == 0, done.out + done.err
    said = " ".join(done.out.split())
    assert re.search(
        rf"{SCENARIO}: complete for c <= 2 over \d+ shared words? \(\d+ more under a common lock\), as far as "
        r"\d+ of \d+ executions show, which were profiled again: \d+ schedules of 3 inputs", said
    ), said  # fmt: skip


@pytest.mark.parametrize("strategy", ["random", "pct", "pos", "bounded"])
def test_an_update_of_a_variable_that_gets_lost(strategy: str) -> None:
    """Static data that nobody named: `counter++` without a lock, in two tasks at once."""
    patch = Path(__file__).with_name("patches") / "unlocked-counter.patch"
    done = nslab(
        "run", "--scenario", "pidfd-setns-vs-unshare", "--strategy", strategy, "--patch", str(patch)
    )
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] == "warn"
    rows = json.loads((done.finding_folder / "diagram.json").read_text())["rows"]
    assert {"nr_switches_started", "nr_switches_done"} & {str(row["text"]).split()[-1] for row in rows}, rows


def test_memory_of_vmalloc_and_of_each_cpu(kernel: Kernel, tmp_path: Path) -> None:
    """Named by who asked for it, and every access a scheduling point."""
    patch = tmp_path / "areas.patch"
    old = "void switch_task_namespaces(struct task_struct *p, struct nsproxy *new)\n{\n"
    new = (
        "static unsigned long *far;\nstatic unsigned long __percpu *each;\n\n"
        "static noinline void ask_far(void)\n{\n\tfar = vzalloc(PAGE_SIZE);\n}\n\n"
        "static noinline void ask_each(void)\n{\n\teach = alloc_percpu(unsigned long);\n}\n\n"
        "static int __init ask(void)\n{\n\task_far();\n\task_each();\n\treturn 0;\n}\nlate_initcall(ask);\n\n"
        "static void count(unsigned long *n)\n{\n"
        "\tunsigned long before = READ_ONCE(*n);\n\n"
        "\tWARN_ON(READ_ONCE(*n) != before);\n\tWRITE_ONCE(*n, before + 1);\n}\n\n"
    )
    calls = "\tcount(far + 3);\n\tcount(per_cpu_ptr(each, 0));\n\n"
    point = "\tnslab_point(SWITCH_AFTER_PUBLISH);\n"
    include = "#include <linux/slab.h>\n"
    changes = {include: f"{include}#include <linux/vmalloc.h>\n", old: new + old, point: calls + point}
    patch.write_text(patch_for(kernel.src, "kernel/nsproxy.c", changes))
    scenario = "pidfd-setns-vs-unshare"
    done = nslab("races", "--scenario", scenario, "--patch", patch, "--format", "json")
    assert done.status == 0, done.out + done.err
    words = {one["of"]: one for one in words_of(done.out, scenario)}
    for function, offset in (("ask_far", 24), ("ask_each", 0)):
        assert words[function]["offset"] == offset and not words[function]["locked"], words[function]
        assert words[function]["allocated"].startswith("kernel/nsproxy.c:")
    done = nslab("run", "--scenario", scenario, "--patch", patch, "--strategy", "bounded")
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] == "warn" and "kernel/nsproxy.c:" in finding["headline"]
    assert "the smallest schedule found has 1 preemption\n" in done.out
    watched = tmp_path / "mine.toml"
    watched.write_text('about = "x"\nwatch = ["kmalloc:ask_each"]\n')
    done = nslab(
        "run", "--scenario", scenario, "--patch", patch, "--strategy", "random", "--profile", watched
    )  # fmt: skip
    assert done.status == 1 and done.findings[0]["oracle"] == "warn", done.out + done.err


@pytest.mark.parametrize("strategy", ["random", "pct", "pos", "bounded"])
@pytest.mark.parametrize(
    "patch, scenario, oracles",
    [("pipe-files-unlocked", "pipe-vs-close", {"leak"}), ("msg-send-unchecked", "msg-vs-rmid", {"hang", "leak"})],
)  # fmt: skip
def test_defects_that_nothing_was_made_for(strategy: str, patch: str, scenario: str, oracles: set[str]) -> None:
    """Of our own, in code that the lab knows nothing of: found by the defaults."""
    file = Path(__file__).with_name("patches") / f"{patch}.patch"
    done = nslab("run", "--scenario", scenario, "--strategy", strategy, "--patch", file)
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] in oracles
    assert (finding["reproduced"], finding["minimal"]) == ("solo", True)

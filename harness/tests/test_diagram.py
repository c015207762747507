# SPDX-License-Identifier: GPL-2.0
"""Traces as interleavings, in text, JSON and SVG."""

from __future__ import annotations

import json
import random
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import pytest

from nslab_lab.findings import diagram
from nslab_lab.findings.diagram import build
from nslab_lab.findings.diagram_text import fit, shorten, text
from nslab_lab.findings.diagram_svg import svg
from nslab_lab.guest.results import Step
from nslab_lab.guest.verdict import Verdict, assertion

SVG = "{http://www.w3.org/2000/svg}"


def step(
    number: int,
    actor: str,
    kind: str,
    point: str = "",
    where: str = "",
    nesting: int = 0,
    delay_ns: int = 0,
    **more: Any,
) -> Step:
    return Step(1, number, actor, point, where, nesting, delay_ns, kind=kind, **more)


class Trace(list[Step]):
    """Steps as the kernel would number them."""

    def add(
        self,
        actor: str,
        kind: str,
        point: str = "",
        where: str = "",
        decides: bool = True,
        next: str = "",
        **more: Any,
    ) -> None:
        local = 0
        if decides:
            local = sum(one.actor == actor and one.local > 0 for one in self) + 1
        self.append(
            step(
                len(self) + 1, actor, kind, point or kind, where and f"{where}+0x1/0x90",
                local=local, next=(next or actor) if decides else "", **more,
            )
        )  # fmt: skip

    def point(self, actor: str, name: str, where: str = "", **more: Any) -> None:
        self.add(actor, "point", name, where, **more)

    def access(
        self, actor: str, where: str, watch: str, object: int, offset: int, **more: Any
    ) -> None:
        more.setdefault("size", 4 if offset in (0, 428) else 8)
        self.add(actor, "access", "", where, watch=watch, object=object, offset=offset, **more)

    def task(self, actor: str, where: str, **more: Any) -> None:
        self.access(actor, where, "task_struct.nsproxy", 1, 1360, of="target", **more)


FIELDS = {
    "nsproxy": {0: "count", 8: "uts_ns", 16: "ipc_ns", 24: "mnt_ns", 32: "pid_ns_for_children"},
    "uts_namespace": {428: "ns.count"},
    "task_struct.nsproxy": {1360: "nsproxy"},
}
SOURCE = {
    "kernel/utsname.c": {
        2: "\trcu_read_lock();", 3: "\tnsproxy = task_nsproxy(task);",
        5: "\t\tns = nsproxy->uts_ns;",
    },
    "kernel/nsproxy.c": {
        4: "\tnew = kmem_cache_alloc(nsproxy_cachep, GFP_KERNEL);",
        7: "\trcu_assign_pointer(*(struct nsproxy __rcu **)&p->nsproxy, new);",
        9: "\tkmem_cache_free(nsproxy_cachep, ns);",
    },
}  # fmt: skip
LINES = {
    "utsns_get": "kernel/utsname.c:2", "task_nsproxy": "kernel/utsname.c:3",
    "get_uts_ns": "kernel/utsname.c:5", "create_nsproxy": "kernel/nsproxy.c:4",
    "switch_task_namespaces": "kernel/nsproxy.c:7", "free_nsproxy": "kernel/nsproxy.c:9",
}  # fmt: skip
KASAN = Verdict(
    "kasan", "KASAN: slab-use-after-free in get_uts_ns+0x1/0x90", "sig", "", "get_uts_ns+0x1/0x90"
)


def field_of(watch: str, offset: int, size: int) -> str:
    return FIELDS.get(watch, {}).get(offset, "")


def line_of(frame: str, is_return_address: bool) -> str | None:
    return LINES.get(frame.partition("+")[0])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "kernel").mkdir()
    for name, lines in SOURCE.items():
        (tmp_path / name).write_text("\n".join(lines.get(n, "") for n in range(1, 12)))
    return tmp_path


def semop_against_rmid() -> Trace:
    """Calls, locks and wake-ups, as naming.named() leaves them."""
    trace = Trace()
    trace.add("", "begin", next="waiter", free=True)
    trace.add("waiter", "start", decides=False)
    trace.add("waiter", "syscall", "semop", what=65)
    trace.add("waiter", "section", what=0)
    trace.access("waiter", "sem_obtain_object_check", "sem_array", 2, 136, next="remover")
    trace.add("remover", "start", decides=False)
    trace.add("remover", "syscall", "semctl", what=66)
    trace.add("remover", "lock", "sma->sem_perm.lock", "sem_lock", object=3)
    trace.access("remover", "freeary", "sem_array", 2, 136, write=True)
    trace.add("remover", "wake", "", "wake_up_process", of="waiter", what=0)
    trace.add("remover", "wake", "", "wake_up_process", of="waiter", what=0, value=1)
    trace.access("remover", "count_rmid", "static:removed", 4, 0, write=True)
    trace.add("remover", "unlock", "sma->sem_perm.lock", "sem_unlock", object=3, what=2)
    trace.add("remover", "return", "semctl", what=66)
    trace.add("remover", "end", next="waiter", free=True)
    trace.access("waiter", "count_rmid", "static:removed", 4, 0)
    trace.add("waiter", "lock", "sma->sem_perm.lock", "sem_lock", object=3)
    trace.add("waiter", "block", "", "schedule", decides=False)
    trace.add("waiter", "return", "semop", what=65, value=43)
    trace.add("waiter", "end", next="", free=True)
    return trace


def test_calls_locks_and_wakeups_in_words() -> None:
    names = {"sem_array": {136: "sem_perm.deleted"}}
    shown = build(semop_against_rmid(), field_of=lambda watch, offset, size: names.get(watch, {}).get(offset, ""))
    assert text(shown) == CALLS
    assert xml.etree.ElementTree.fromstring(svg(shown)).tag == f"{SVG}svg"
    fields = [row["field"] for row in diagram.json_of(shown)["rows"] if row["field"]]
    assert set(fields) == {"sem_array.sem_perm.deleted", "removed"}


CALLS = """\
    waiter                                 remover
 1  semop()
    ~ before #2->sem_perm.deleted
 2                                         semctl()
 3                                         write sem_array #2->sem_perm.deleted
 4                                         wakes waiter
 5                                         write removed
 6                                         end
 7  sem_array #2->sem_perm.deleted
 8  removed
 9  waits for sma->sem_perm.lock
10  semop() returns: EIDRM
11  end

  3  freeary()
  4  wake_up_process()
5,8  count_rmid()
  7  sem_obtain_object_check()
  9  schedule()
"""


def without_grace_period() -> Trace:
    """A reader of /proc/PID/ns/uts against unshare(), without the grace period."""
    trace = Trace()
    trace.add("", "begin", next="reader", free=True)
    trace.add("reader", "start", decides=False)
    for where in ("path_init", "__d_lookup_rcu", "pid_revalidate", "proc_pid_permission"):
        trace.point("reader", "rcu_read_lock", where, nesting=1)
        trace.point("reader", "rcu_read_unlock", where, nesting=1)
    trace.point("reader", "rcu_read_lock", "utsns_get", nesting=1)
    trace.task("reader", "task_nsproxy", nesting=1, value=3)
    trace.point("reader", "task_nsproxy", "utsns_get", nesting=1)
    trace.access("reader", "get_uts_ns", "nsproxy", 3, 8, nesting=1, next="target")
    trace.add("target", "start", decides=False)
    new: dict[str, Any] = {"decides": False, "write": True, "size": 72}
    trace.add("target", "alloc", "", "create_nsproxy", watch="nsproxy", object=4, **new)
    trace.access("target", "create_nsproxy", "nsproxy", 4, 0, write=True)
    for offset in (8, 16, 24, 32):
        trace.access("target", "create_new_namespaces", "nsproxy", 3, offset)
        trace.access("target", "create_new_namespaces", "nsproxy", 4, offset, write=True)
    trace.point("target", "unshare_commit", "ksys_unshare")
    trace.task("target", "switch_task_namespaces", value=3)
    trace.point("target", "switch_before_publish", "switch_task_namespaces")
    trace.task("target", "switch_task_namespaces", write=True, value=4)
    trace.point("target", "switch_after_publish", "switch_task_namespaces")
    trace.access("target", "put_nsproxy", "nsproxy", 3, 0, write=True)
    trace.point("target", "switch_before_gp", "put_nsproxy")
    trace.point("target", "switch_after_gp", "put_nsproxy")
    for offset in (24, 8, 16, 32):
        trace.access("target", "free_nsproxy", "nsproxy", 3, offset)
    trace.point("target", "switch_before_free", "free_nsproxy")
    trace.add("target", "free", "", "free_nsproxy", watch="nsproxy", object=3, write=True, size=72)
    trace.add("target", "end", next="reader", free=True)
    return trace


GOLDEN = """\
    reader                                 target
    … 8 steps
 1  rcu_read_lock()
 2  │ task->nsproxy → #3
    │ ~ preempted before #3->uts_ns
    │                                      … 13 steps
 3  │                                      publish nsproxy #4, was #3
    │                                      … 9 steps
 4  │                                      free nsproxy #3
 5  │                                      end
 6  │ ✗ nsproxy #3->uts_ns
✗ KASAN: slab-use-after-free in get_uts_ns (kernel/utsname.c:5)

 1  kernel/utsname.c:2  utsns_get(): rcu_read_lock();
 2  kernel/utsname.c:3  task_nsproxy(): nsproxy = task_nsproxy(task);
 3  kernel/nsproxy.c:7  switch_task_namespaces(): rcu_assign_pointer(*(struct n…
 4  kernel/nsproxy.c:9  free_nsproxy(): kmem_cache_free(nsproxy_cachep, ns);
 6  kernel/utsname.c:5  get_uts_ns(): ns = nsproxy->uts_ns;
"""


def cells(shown: diagram.Diagram) -> list[str]:
    """The rows without what stands beside them, up to the legend."""
    return [" ".join(line.split()) for line in text(shown).split("\n\n")[0].splitlines()[1:]]


# === Condensed ===


def test_the_bug_of_2007(tree: Path) -> None:
    trace = without_grace_period()
    shown = build(trace, KASAN, line_of=line_of, field_of=field_of, tree=tree)
    assert text(shown) == GOLDEN
    assert (shown.steps, shown.preemptions) == (len(trace), 1)


def test_without_any_help() -> None:
    shown = build(without_grace_period(), KASAN)
    assert cells(shown)[-2:] == [
        "6 │ ✗ nsproxy #3+0x8",
        "✗ KASAN: slab-use-after-free in get_uts_ns+0x1/0x90",
    ]
    assert " 6  get_uts_ns()\n" in text(shown)


def test_an_access_is_made_when_its_actor_runs_again() -> None:
    trace = Trace()
    trace.task("reader", "f", next="target")
    trace.task("target", "g", write=True, value=2, next="reader")
    # Recorded when the reader ran again, so it is none of the two before.
    trace.point("reader", "task_nsproxy", "f", next="target")
    trace.add("target", "end", decides=False)
    assert cells(build(trace, field_of=field_of)) == [
        "~ preempted before task->nsproxy",
        "~ before writing current->nsproxy",
        "1 task->nsproxy → NULL",
        "2 task_nsproxy",
        "~ preempted",
        "3 publish nsproxy #2",
        "4 end",
    ]


def test_a_read_section_ends_when_its_actor_runs_again() -> None:
    trace = Trace()
    trace.point("reader", "rcu_read_lock", nesting=1)
    trace.point("reader", "rcu_read_unlock", nesting=1, next="target")
    trace.point("target", "switch_before_gp", next="target")
    trace.add("target", "block", next="reader", free=True)
    trace.add("reader", "end", next="target", free=True)
    trace.add("target", "resume", decides=False)
    assert text(build(trace)).splitlines()[1:] == [
        " 1  rcu_read_lock()",
        "    │ ~ preempted before rcu_read_unlock",
        " 2  │                                      waits for a grace period",
        " 3  rcu_read_unlock()",
        " 4  end",
        " 5                                         goes on",
    ]


def test_accesses_that_nobody_else_depends_on_are_left_out() -> None:
    trace = Trace()
    trace.access("a", "f", "nsproxy", 1, 0)  # others only read
    trace.access("a", "f", "nsproxy", 2, 0, write=True)  # nobody else
    trace.access("a", "f", "nsproxy", 4, 8)  # others write, but beside it
    trace.access("a", "f", "nsproxy", 3, 0, write=True)
    trace.access("b", "f", "nsproxy", 1, 0)
    trace.access("b", "f", "nsproxy", 3, 0)
    trace.access("b", "f", "nsproxy", 4, 16, write=True)
    assert cells(build(trace, field_of=field_of)) == [
        "… 3 steps",
        "1 write nsproxy #3->count",
        "2 nsproxy #3->count",
    ]
    assert len(build(trace, full=True).rows) == 7


def test_objects_that_nobody_else_touches_come_and_go_unseen() -> None:
    trace = Trace()
    for number in (1, 2):
        trace.add("a", "alloc", "", "f", watch="nsproxy", object=number, decides=False)
    trace.access("b", "g", "nsproxy", 2, 0, write=True)
    for number in (1, 2):
        trace.add("a", "free", "", "f", watch="nsproxy", object=number)
    assert cells(build(trace, field_of=field_of)) == [
        "1 alloc nsproxy #2", "2 write nsproxy #2->count", "3 free nsproxy #2",
    ]  # fmt: skip


def test_the_object_that_went_wrong_is_what_is_shown() -> None:
    """Of many accesses by which the actors meet: those to it, and to the pointer to it."""
    trace = Trace()
    trace.add("", "begin", next="reader", free=True)
    for number in range(10, 15):  # what both write, and nothing comes of it
        trace.access("reader", "task_dump_owner", "inode", number, 8, write=True)
    trace.task("reader", "task_nsproxy", value=2)
    trace.access("reader", "get_uts_ns", "nsproxy", 2, 8, next="target")
    for number in range(10, 15):
        trace.access("target", "task_dump_owner", "inode", number, 8, write=True)
    trace.task("target", "switch_task_namespaces", write=True, value=3)
    trace.add("target", "free", "", "free_nsproxy", watch="nsproxy", object=2, size=64)
    trace.add("target", "end", next="reader", free=True)
    trace.access("reader", "get_uts_ns", "nsproxy", 2, 8)
    shown = text(build(trace, KASAN, field_of=field_of))
    assert "inode" not in shown and "5 steps" in shown
    for words in ("preempted before", "task->nsproxy", "publish nsproxy", "free nsproxy", "uts_ns"):
        assert words in shown, shown
    # An oracle may report it where no access is.
    gone = Verdict("grace period", "a nsproxy is gone", "sig", "", "get_uts_ns+0x1/0x90")
    again = text(build(Trace([*trace[:-1]]), gone, field_of=field_of))
    assert "inode" not in again and "free nsproxy" in again
    # If it is not known what went wrong, all of them may matter.
    assert "inode" in text(build(trace, field_of=field_of))


def test_equal_accesses_in_a_row_are_one() -> None:
    trace = Trace()
    for _ in range(5):
        trace.access("a", "f", "nsproxy", 1, 0, write=True)
    trace.access("b", "f", "nsproxy", 1, 0)
    assert cells(build(trace, field_of=field_of)) == [
        "1 write nsproxy #1->count ×5",
        "2 nsproxy #1->count",
    ]


def test_read_sections_in_which_nothing_happens_are_left_out() -> None:
    trace = Trace()
    for nesting in (1, 2, 2, 1):
        name = "rcu_read_lock" if len(trace) < 2 else "rcu_read_unlock"
        trace.point("reader", name, nesting=nesting)
    trace.add("reader", "end", next="target", free=True)
    assert cells(build(trace)) == ["… 4 steps", "1 end"]


def test_faults_and_delays() -> None:
    trace = Trace()
    trace.add("a", "fault", "failslab", "copy_utsname", decides=False)
    trace.point("a", "exit_notify", "exit_notify", delay_ns=656_000, decides=False)
    trace.add("a", "end", decides=False)
    assert cells(build(trace)) == [
        "1 ! failslab in copy_utsname()", "2 exit_notify +656 us", "3 end",
    ]  # fmt: skip


def test_without_a_strategy_nothing_is_decided() -> None:
    trace = Trace()
    for _ in range(3):
        trace.point("reader", "rcu_read_lock", nesting=1, decides=False)
        trace.point("reader", "rcu_read_unlock", nesting=1, decides=False)
    trace.point("reader", "rcu_read_lock", nesting=1, decides=False)
    trace.point("reader", "task_nsproxy", nesting=1, delay_ns=656_000, decides=False)
    trace.point("target", "switch_before_gp", decides=False)
    trace.point("target", "switch_after_gp", decides=False)
    trace.point("reader", "rcu_read_unlock", nesting=1, decides=False)
    assert cells(build(trace)) == [
        "… 6 steps", "1 rcu_read_lock()", "2 │ task_nsproxy +656 us", "3 │ switch_after_gp",
        "4 rcu_read_unlock()",
    ]  # fmt: skip


def test_a_section_counts_that_others_run_in() -> None:
    trace = Trace()
    trace.point("reader", "rcu_read_lock", nesting=1, decides=False)
    trace.add("target", "end", decides=False)
    assert cells(build(trace)) == ["1 rcu_read_lock()", "2 │ end"]


def test_who_waits_for_nobody_does_not_matter() -> None:
    trace = Trace()
    trace.add("a", "block", next="a", free=True)
    trace.add("a", "resume", decides=False)
    trace.add("a", "end", next="b", free=True)
    assert cells(build(trace)) == ["1 end"]


def test_whose_task_it_is() -> None:
    trace = Trace()
    for owner, number in (("reader", 1), ("target", 2), ("", 3)):
        trace.access("reader", "f", "task_struct.nsproxy", number, 8, of=owner, value=9)
        trace.access("target", "f", "task_struct.nsproxy", number, 8, of=owner, write=True, value=8)
    assert cells(build(trace, field_of=lambda *_: "nsproxy"))[::2] == [
        "1 current->nsproxy → #9", "3 target->nsproxy → #9", "5 task #3->nsproxy → #9",
    ]  # fmt: skip


# === The verdict ===


def test_where_no_step_was() -> None:
    shown = build(without_grace_period(), Verdict("oops", "fault in f+0x1/0x2", "", "", "f+0x1/0x2"))
    row = shown.rows[-1]
    assert (row.kind, shown.actors[row.actor], row.failing) == ("verdict", "reader", True)
    assert cells(shown)[-2:] == ["7 │ ✗ f()", "✗ fault in f+0x1/0x2"]


def test_the_line_of_an_oops_is_the_instructions_own() -> None:
    asked = []
    verdict = Verdict("oops", "fault in f+0x1/0x2", "", "", "f+0x1/0x2")
    build(without_grace_period(), verdict, line_of=lambda *args: asked.append(args))
    assert ("f+0x1/0x2", False) in asked and ("utsns_get+0x1/0x90", True) in asked


def test_an_actor_that_never_ran_can_fail() -> None:
    trace = Trace()
    trace.add("a", "end", next="b", free=True)
    shown = build(trace, Verdict("oops", "fault", "", "", "f+0x1/0x2"))
    assert shown.actors == ("a", "b") and shown.rows[-1].actor == 1


def test_an_assertion_has_no_row() -> None:
    shown = build(without_grace_period(), assertion("the link is old"))
    assert cells(shown)[-1] == "✗ the link is old"
    assert not any(row.failing for row in shown.rows)


def test_a_pass() -> None:
    shown = build(without_grace_period())
    assert "✗" not in text(shown) and shown.verdict == ""


def test_a_long_verdict_is_wrapped() -> None:
    lines = text(build(without_grace_period(), assertion("word " * 60 + "x" * 200))).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("  ") and "word" in line for line in lines) >= 3


# === Full ===


def test_every_step(tree: Path) -> None:
    trace = without_grace_period()
    shown = build(trace, KASAN, line_of=line_of, field_of=field_of, tree=tree, full=True)
    steps = [row.step for row in shown.rows if row.number]
    # All but the beginning, and the access that failed at the end.
    assert sorted(steps) == list(range(2, len(trace) + 1))
    assert steps[-1] == [one.next for one in trace].index("target") + 1
    assert [row.number for row in shown.rows if row.number] == list(range(1, len(trace)))


def test_nested_sections() -> None:
    trace = Trace()
    for nesting in (1, 2, 3):
        trace.point("a", "rcu_read_lock", nesting=nesting)
    trace.point("a", "task_nsproxy", nesting=3)
    assert cells(build(trace, full=True)) == [
        "1 rcu_read_lock()", "2 │ rcu_read_lock()", "3 │ │ rcu_read_lock()",
        "4 │ │ │ task_nsproxy",
    ]  # fmt: skip


# === Whatever comes ===

NAMES = [
    "reader", "target", "setns", 'a<&"\'>', "actor-number-five", "tab\there", "\x00\x1b[31m", "é",
]  # fmt: skip
PLACES = ["", "f+0x1/0x2", f"a_long_name{'_that_goes_on' * 5}+0x1/0x2", "<&>+0x0/0x1"]


def anything(seed: int | str, actors: int) -> list[Step]:
    """A trace without sense."""
    chance = random.Random(seed)
    names = NAMES[:actors]
    kinds = ["point", "fault", "start", "end", "access", "access", "alloc", "free", "block",
             "resume", "lock", "unlock", "news"]  # fmt: skip
    points = ["rcu_read_lock", "rcu_read_unlock", "switch_before_gp", "]]><!-- & -->"]
    steps = [step(1, "", "begin", next=chance.choice(names))]
    for number in range(2, chance.randrange(2, 120)):
        kind = chance.choice(kinds)
        steps.append(
            step(
                number, chance.choice(names), kind,
                point=chance.choice(points) if kind == "point" else kind,
                where=chance.choice(PLACES),
                nesting=chance.randrange(60) if chance.random() < 0.1 else 1,
                delay_ns=chance.choice([0, 0, 999, 10**12]),
                local=chance.choice([0, number]),
                next=chance.choice(["", *names]),
                free=chance.random() < 0.3,
                object=chance.choice([0, 1, 2, 65535]),
                watch=chance.choice([-1, "nsproxy", "task_struct.nsproxy", "<w>"]),
                of=chance.choice(["", *names]),
                offset=chance.choice([0, 8, 65535]),
                size=chance.choice([0, 8, 255]),
                write=chance.random() < 0.5,
                value=chance.choice([0, 7]),
            )
        )  # fmt: skip
    return steps


VERDICTS = [
    None, KASAN, assertion('"<&>" ]]> \x00'),
    Verdict("oops", "in f+0x1/0x2", "", "", "f+0x1/0x2"),
]  # fmt: skip


@pytest.mark.parametrize("actors", range(1, 9))
@pytest.mark.parametrize("full", [False, True])
def test_any_trace(actors: int, full: bool) -> None:
    for seed in range(24):
        steps = anything(f"{actors}/{seed}", actors)
        verdict = VERDICTS[seed % len(VERDICTS)]
        long: dict[str, Any] = {"line_of": lambda *_: "a/rather/deep/folder/with/a_long_file_name.c:12345"}
        shown = build(steps, verdict, full=full, **(long if seed % 2 else {}))
        lines = text(shown).splitlines()
        assert max(map(len, lines), default=0) <= 80, lines
        assert all(line.isprintable() and line == line.rstrip() for line in lines)
        data = diagram.json_of(shown)
        assert json.loads(json.dumps(data)) == data
        if shown.rows:
            root = xml.etree.ElementTree.fromstring(svg(shown))
            assert root.tag == f"{SVG}svg"
            numbers = [row.number for row in shown.rows if row.number]
            assert numbers == list(range(1, len(numbers) + 1))
        if full:
            told = [row.step for row in shown.rows if row.kind not in ("preempted", "verdict")]
            assert len(told) == len(set(told))
        failing = [row.failing for row in shown.rows]
        assert not any(failing[:-1])


@pytest.mark.parametrize("steps", [[], [step(1, "", "begin", next="a")]])
def test_no_steps(steps: list[Step]) -> None:
    shown = build(steps, KASAN)
    assert text(shown) == svg(shown) == ""
    assert diagram.json_of(shown)["rows"] == []


def test_many_actors_share_a_column() -> None:
    trace = Trace()
    for index, name in enumerate("stuvwxyz"):
        trace.point(name, "exit_notify", next="stuvwxyz"[(index + 1) % 8])
    lines = text(build(trace)).splitlines()
    assert lines[:4] == [
        "A s, B t, C u, D v, E w, F x, G y, H z", " 1  A  exit_notify", "    A  ~ preempted",
        " 2  B  exit_notify",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words, width, short",
    [
        ("proc_ns_dir_readlink", 20, "proc_ns_dir_readlink"),
        ("proc_ns_dir_readlink", 19, "proc_ns_dir_…adlink"),
        ("abcdef", 4, "ab…f"), ("abcdef", 2, "a…"), ("abcdef", 1, "…"), ("abcdef", 0, ""),
    ],
)  # fmt: skip
def test_the_head_and_the_tail_stay(words: str, width: int, short: str) -> None:
    assert shorten(words, width) == short


def test_the_longest_wording_that_fits() -> None:
    assert fit(("long words", "short", "s"), 9) == "short"
    assert fit(("long words", "short"), 4) == "sh…t"


# === JSON and SVG ===


def test_json(tree: Path) -> None:
    shown = build(without_grace_period(), KASAN, line_of=line_of, field_of=field_of, tree=tree)
    data = json.loads(json.dumps(diagram.json_of(shown)))
    assert data["actors"] == ["reader", "target"]
    assert data["verdict"] == "KASAN: slab-use-after-free in get_uts_ns (kernel/utsname.c:5)"
    assert (data["steps"], data["preemptions"]) == (shown.steps, 1)
    assert data["rows"][-1] == {
        "number": 6, "step": 14, "actor": "reader", "kind": "access",
        "text": "nsproxy #3->uts_ns", "depth": [1, 0], "where": "get_uts_ns+0x1/0x90",
        "line": "kernel/utsname.c:5", "source": "ns = nsproxy->uts_ns;", "count": 1,
        "failing": True, "nesting": 1, "object": 3, "field": "nsproxy.uts_ns", "write": False,
    }  # fmt: skip
    assert data["rows"][0] == {
        "number": None, "step": None, "actor": "reader", "kind": "fold", "text": "… 8 steps",
        "depth": [0, 0], "where": None, "line": None, "source": None, "count": 8,
        "failing": False, "nesting": 0, "object": None, "field": None, "write": None,
    }  # fmt: skip


def test_svg(tree: Path) -> None:
    shown = build(without_grace_period(), KASAN, line_of=line_of, field_of=field_of, tree=tree)
    root = xml.etree.ElementTree.fromstring(svg(shown))
    assert root.get("role") == "img" and root.get("width") == "900"
    assert root[0].tag == f"{SVG}title" and "KASAN" in root[0].text
    assert root[1].tag == f"{SVG}desc" and "4. target: free nsproxy #3" in root[1].text
    words = ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]
    assert {"reader", "target", "✗ nsproxy #3->uts_ns", "kernel/utsname.c:5"} <= set(words)
    kinds = [element.get("class") for element in root.iter()]
    # One way there, one way back; only the first is a preemption.
    assert kinds.count("switch preemption") == kinds.count("switch") == 1
    assert kinds.count("section") == kinds.count("step failing") == kinds.count("preempted") == 1
    assert "prefers-color-scheme: dark" in svg(shown)


def test_svg_of_hostile_names() -> None:
    trace = Trace()
    trace.add('<&"', "end", "", "<script>", next="]]>", free=True)
    trace.add("]]>", "end", decides=False)
    shown = build(trace, assertion("</text><script>alert(1)</script>"))
    root = xml.etree.ElementTree.fromstring(svg(shown))
    assert '<&"' in ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]
    assert not list(root.iter(f"{SVG}script"))


@pytest.mark.parametrize("actors", range(1, 9))
def test_everything_lies_inside(actors: int) -> None:
    shown = build(anything(actors, actors), KASAN)
    root = xml.etree.ElementTree.fromstring(svg(shown))
    width, height = float(root.get("width")), float(root.get("height"))
    assert width >= 900
    for box in root.iter(f"{SVG}rect"):
        x, y = float(box.get("x")), float(box.get("y"))
        assert 0 <= x <= x + float(box.get("width")) <= width
        assert 0 <= y <= y + float(box.get("height")) <= height

# SPDX-License-Identifier: GPL-2.0
"""What caused a failure, from consoles of the real kernel (consoles/) and of its documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nslab_lab.guest import cause, verdict

CONSOLES = Path(__file__).parent / "consoles"
EARLY = "nsproxy released by switch_task_namespaces"

# By file of consoles/. Each is of a deliberate defect.
REAL = {
    # no-grace-period: four oracles, five readers, and members of the object that went with it.
    "kasan-utsns": EARLY, "kasan-mounts": EARLY, "kasan-member": EARLY, "kasan-kmalloc": EARLY,
    "grace-gone": EARLY, "lifetime": EARLY, "refcount-released": EARLY,
    # wrong-flavour: nothing is freed yet, or it is, and the reader dies of something else.
    "grace-ended": EARLY, "refcount-broken": EARLY,
    # plain-get: whoever takes the count is wrong, in two system calls.
    "refcount-getter": "refcount_t: addition on 0; use-after-free in get_task_nsproxy",
    "refcount-getter-2": "refcount_t: addition on 0; use-after-free in get_task_nsproxy",
    "kasan-double-put": "uts_ns released by create_new_namespaces",
    "oops-double-put": "NULL pointer dereference while uts_ns is released by create_new_namespaces",
    "oops-unfilled": "NULL pointer dereference in utsns_get",
    # callback-sleeps: two oracles.
    "atomic-callback": "nsproxy released by rcu_do_batch where it must not sleep",
    "lockdep-callback": "nsproxy released by rcu_do_batch where it must not sleep",
    "atomic-preemption": f"{EARLY} where it must not sleep",
    # load-before-lock
    "rcu-name": "suspicious RCU usage in utsns_get",
    "rcu-path": "suspicious RCU usage in utsns_get",
    "hang-owners": "hang in switch_task_namespaces",
    # exit-borrows: two readers.
    "order-mounts": "a task that was almost dead has namespaces again",
    "order-uts": "a task that was almost dead has namespaces again",
}  # fmt: skip


def cause_of(console: str) -> str:
    found = verdict.of_console(console)
    return cause.of(found.oracle, found.signature, console)


def real(name: str) -> str:
    return (CONSOLES / f"{name}.txt").read_text()


def test_every_console_is_looked_at() -> None:
    assert {path.stem for path in CONSOLES.iterdir()} == set(REAL)


@pytest.mark.parametrize("name", REAL)
def test_consoles_of_the_kernel(name: Any) -> None:
    assert cause_of(real(name)) == REAL[name]


def test_signatures_of_one_cause_differ() -> None:
    """That is what a cause is for."""
    of_one = [name for name, said in REAL.items() if said == EARLY]
    assert len({verdict.of_console(real(name)).signature for name in of_one}) == 8


@pytest.mark.parametrize("name", REAL)
def test_it_does_not_depend_on_the_build(name: Any) -> None:
    """Nor on addresses, offsets, numbers of processes, or lines of the source."""
    text = real(name)
    other = re.sub(r"\+0x[0-9a-f]+/0x[0-9a-f]+", "+0x7/0x77", text)
    other = re.sub(r"\[<[0-9a-f]+>\]", "[<60123456>]", other)
    other = re.sub(r"(task |init/|PID: |pid:)\d+", r"\g<1>77", other)
    other = re.sub(r"(\.[ch]):\d+", r"\1:7", other)
    assert other != text and cause_of(other) == REAL[name]
    timed = "\n".join(f"[    1.234567][   T35] {line}" for line in text.splitlines())
    assert cause_of(timed) == REAL[name]


def test_without_the_stack_of_the_free() -> None:
    """A kernel that tells less: the object, but not who released it."""
    text = re.sub(r"^nslab:   (freed|waited for) by .*\n", "", real("grace-gone"), flags=re.M)
    assert cause_of(text) == "nsproxy released too early"


def test_a_broken_read_section_is_why_the_kernel_dies() -> None:
    """Whatever it dies of, and wherever the others are."""
    text = re.sub(r"^nslab: \S+ is in .*\n", "", real("refcount-broken"), flags=re.M)
    assert "is broken" in text and cause_of(text) == EARLY
    broken = re.search(r"^nslab: the read section of .*\n(?:nslab:   .*\n)+", text, re.M)[0]
    oops = real("oops-unfilled").replace("nslab: token", f"{broken}nslab: token")
    assert cause_of(oops) == EARLY


FREED_BY_CALLBACK = """\
==================================================================
BUG: KASAN: slab-use-after-free in pipe_poll+0x5e/0xb0
Read of size 8 at addr 0000000060b8f5c8 by task reader/35

Call Trace:
 [<600f1a2f>] print_report+0x15c/0x4d0
 [<600f1a2f>] pipe_poll+0x5e/0xb0
 [<600f1a2f>] vfs_poll+0x2a/0x60

Allocated by task 36:
 kasan_save_stack+0x30/0x50
 __kmalloc_noprof+0x1/0x2
 alloc_pipe_info+0x4e/0x5d0
 create_pipe_files+0x4e/0x5d0

Freed by task 0:
 kasan_save_stack+0x30/0x50
 kfree+0x1/0x2
 free_pipe_info_rcu+0x1/0x2
 rcu_do_batch+0x1/0x2
 rcu_core+0x1/0x2

Last potentially related work creation:
 kasan_save_stack+0x30/0x50
 __kasan_record_aux_stack+0x1/0x2
 __call_rcu_common.constprop.0+0x1/0x2
 call_rcu+0x1/0x2
 put_pipe_info+0x4e/0x5d0
 pipe_resize+0x4e/0x5d0
 sys_fcntl+0x1/0x2

The buggy address belongs to the object at 0000000060b8f5c0
 which belongs to the cache kmalloc-64 of size 64
==================================================================
"""


def test_what_a_callback_freed_is_of_whoever_asked_for_it() -> None:
    assert cause_of(FREED_BY_CALLBACK) == "pipe_info released by pipe_resize"


def test_memory_that_is_freed_by_no_destructor() -> None:
    """The cache is one of sizes, so where it was allocated says what it was."""
    text = FREED_BY_CALLBACK.partition("Last potentially")[0].replace("free_pipe_info_rcu", "shrink_ring")
    text += " which belongs to the cache kmalloc-64 of size 64\n" + "=" * 66 + "\n"
    assert cause_of(text) == "memory of alloc_pipe_info released by shrink_ring"
    assert cause_of(text.replace("kmalloc-64", "pipe_ring")) == "pipe_ring released by shrink_ring"


def test_out_of_bounds_is_of_the_object() -> None:
    text = FREED_BY_CALLBACK.replace("slab-use-after-free", "slab-out-of-bounds")
    assert cause_of(text) == "slab-out-of-bounds of memory of alloc_pipe_info, in pipe_poll"


CIRCULAR = """\
======================================================
WARNING: possible circular locking dependency detected
6.12.117-nslab #1 Not tainted
------------------------------------------------------
init/24 is trying to acquire lock:
0000000060a4e028 ({first}){{+.+.}}-{{3:3}}, at: one+0x6d/0x100

but task is already holding lock:
0000000060a4e0a8 ({second}){{+.+.}}-{{3:3}}, at: other+0x6d/0x100

which lock already depends on the new lock.
Call Trace:
 [<60111110>] print_circular_bug+0x1/0x2
 [<60111110>] {where}+0x10/0x20
"""


def test_two_locks_are_one_cause_in_either_order() -> None:
    texts = [CIRCULAR.format(first="&a->lock", second="b_mutex", where="one"),
             CIRCULAR.format(first="b_mutex", second="&a->lock", where="other")]  # fmt: skip
    assert {cause_of(text) for text in texts} == {"locks &a->lock and b_mutex in both orders"}
    assert len({verdict.of_console(text).signature for text in texts}) == 2
    third = CIRCULAR.format(first="c_mutex", second="b_mutex", where="one")
    assert cause_of(third) == "locks b_mutex and c_mutex in both orders"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "================================================\n"
            "WARNING: lock held when returning to user space!\n6.12.117-nslab #1 Not tainted\n"
            "init/23 is leaving the kernel with locks still held!\n1 lock held by init/23:\n"
            " #0: 0000000060a11e28 (&p->lock){+.+.}-{3:3}, at: seq_read+0x1ea/0x2f0\n",
            "lock &p->lock held, taken by seq_read",
        ),
        (
            "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:585\n"
            "in_atomic(): 1, irqs_disabled(): 0, non_block: 0, pid: 23, name: init\n"
            "Preemption disabled at:\n[<0000000060123456>] pipe_lock_nested+0x1c/0x60\n"
            "Call Trace:\n [<60111110>] __might_resched+0x1/0x2\n [<60111110>] mutex_lock+0x1/0x2\n"
            " [<60111110>] pipe_read+0x1/0x2\n",
            "preemption disabled by pipe_lock_nested",
        ),
        (
            "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:585\n"
            "Call Trace:\n [<60111110>] __might_resched+0x1/0x2\n [<60111110>] mutex_lock+0x1/0x2\n"
            " [<60111110>] pipe_read+0x1/0x2\n",
            "pipe_read called where it must not sleep",
        ),
        (
            "Voluntary context switch within RCU read-side critical section!\n"
            "1 lock held by init/23:\n"
            " #0: 0000000060a11e28 (rcu_read_lock){....}-{1:3}, at: find_task+0x1ea/0x2f0\n",
            "read section begun by find_task left by sleeping",
        ),
        (
            "WARNING: CPU: 0 PID: 35 at fs/pipe.c:251 pipe_read+0x10/0x20\nCall Trace:\n"
            " [<60111110>] __warn+0x1/0x2\n [<60111110>] pipe_read+0x10/0x20\n [<60111110>] vfs_read+0x1/0x2\n",
            "WARNING at fs/pipe.c in pipe_read",
        ),
    ],
)  # fmt: skip
def test_rules_of_locks_and_contexts(text: Any, said: Any) -> None:
    assert cause_of(text) == said


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        (verdict.leak("pipes +1"), "left behind: pipes"),
        (verdict.leak("pipes +12, users -1"), "left behind: pipes, users"),
        (verdict.kmemleak("1 object, one of 8 bytes from copy_it < sys_it"), "memory forgotten: from copy_it < sys_it"),
        (verdict.assertion("a.c:12: read 3 of 7"), "a.c:#: read # of #"),
        (verdict.no_answer(60), "no-answer"),
        (verdict.crash(-11), "crash -11"),
    ],
)  # fmt: skip
def test_what_the_guest_program_found(judged: Any, said: Any) -> None:
    assert cause.of(judged.oracle, judged.signature, "") == said


def test_a_console_that_is_of_something_else() -> None:
    """It is kept, but of another report, or cut: the signature says what there is to say."""
    one = verdict.of_console(real("kasan-utsns"))
    assert cause.of(one.oracle, one.signature, "") == "kasan slab-use-after-free in utsns_get"
    assert cause.of(one.oracle, one.signature, real("kasan-double-put")) == "kasan slab-use-after-free in utsns_get"

# SPDX-License-Identifier: GPL-2.0
"""Consoles and what they say went wrong."""

from __future__ import annotations

import pytest

from nslab_lab.guest import verdict

BOOT = """\
Core dump limits :
	soft - 0
	hard - 0
Checking that ptrace can change system call numbers...OK
Warning: tempdir run is not on tmpfs
Linux version 6.12.117-nslab (gcc (Debian 12.2.0-14) 12.2.0) #1 PREEMPT
Kernel command line: mem=256M panic=-1 oops=panic panic_on_warn=1 root=98:0
rcu: Preemptible hierarchical RCU implementation.
FAULT_INJECTION: forcing a failure.
Call Trace:
 [<6003b5a2>] should_failslab+0x5/0x10
reader: page allocation failure: order:0, mode:0xcc0(GFP_KERNEL), nodemask=(null)
Run /init as init process
"""

TRACE = """\
Stack:
 60c0fb10 60030000 60c0fb90 6003b5a2
 00000000 00000000 60c0fb90 60030000
Call Trace:
 [<60037c2f>] ? show_stack+0x0/0x1a
 [<60037c2f>] show_stack+0x11c/0x1a0
 [<60037c2f>] dump_stack_lvl+0x5c/0x80
"""

KASAN = (
    """\
==================================================================
BUG: KASAN: slab-use-after-free in utsns_get+0x5e/0xb0
Read of size 8 at addr 0000000060b8f5c8 by task reader/35

CPU: 0 UID: 0 PID: 35 Comm: reader Not tainted 6.12.117-nslab #1
"""
    + TRACE
    + """\
 [<600f1a2f>] print_report+0x15c/0x4d0
 [<600f1a2f>] ? __virt_addr_valid+0x0/0x100
 [<600f1a2f>] kasan_report+0xa4/0xe0
 [<600f1a2f>] __asan_load8+0x85/0xb0
 [<600f1a2f>] utsns_get+0x5e/0xb0
 [<600f1a2f>] ? utsns_get+0x0/0xb0
 [<600f1a2f>] ns_get_path_task.isra.0+0x2a/0x60
 [<600f1a2f>] proc_ns_readlink+0x9e/0x150
 [<600f1a2f>] vfs_readlink+0xc4/0x1a0

Allocated by task 36:
 kasan_save_stack+0x30/0x50
 create_new_namespaces+0x4e/0x5d0

The buggy address belongs to the object at 0000000060b8f5c0
 which belongs to the cache nsproxy of size 80
==================================================================
Kernel panic - not syncing: kasan.fault=panic set ...
"""
    + TRACE
    + """\
 [<600f1a2f>] panic+0x10/0x20
nslab: token=NSLAB1.6.12-0123abcd.a.none.delay-00ff00.none.1.1.7
nslab: trace hash=00000000deadbeef points=42
"""
)


def test_kasan() -> None:
    found = verdict.of_console(BOOT + KASAN)
    assert found.oracle == "kasan"
    assert found.headline == "KASAN: slab-use-after-free in utsns_get+0x5e/0xb0"
    assert found.function == "utsns_get+0x5e/0xb0"
    assert found.signature == (
        "kasan:slab-use-after-free:utsns_get:ns_get_path_task:proc_ns_readlink"
    )
    lines = found.report.splitlines()
    assert lines[0] == lines[-1] == "=" * 66
    assert "Allocated by task 36:" in lines and "Kernel panic" not in found.report


def test_the_dying_kernels_trace_and_token() -> None:
    assert verdict.trace_of(BOOT + KASAN) == ("00000000deadbeef", 42)
    assert verdict.token_of(BOOT + KASAN).endswith(".1.1.7")
    assert verdict.trace_of(BOOT) == (None, None)
    assert verdict.token_of(BOOT) is None


def test_a_quiet_console() -> None:
    assert verdict.of_console(BOOT) is None
    assert verdict.of_console("") is None


def test_printk_times_do_not_matter() -> None:
    timed = "\n".join(f"[    1.234567][   T35] {line}" for line in KASAN.splitlines())
    plain = verdict.of_console(KASAN)
    assert verdict.of_console(timed).signature == plain.signature
    assert verdict.of_console(timed).headline == plain.headline
    assert verdict.trace_of(timed) == ("00000000deadbeef", 42)


def test_the_signature_does_not_depend_on_addresses_offsets_and_pids() -> None:
    other = KASAN.replace("0x5e", "0x77").replace("600f1a2f", "60aaaaaa").replace("/35", "/99")
    assert verdict.of_console(other).signature == verdict.of_console(KASAN).signature


FRAMES = " [<60111111>] {}+0x10/0x20\n [<60111112>] create_new_namespaces+0x3/0x9\n"


@pytest.mark.parametrize(
    "text, oracle, headline, signature",
    [
        (
            "=============================\nWARNING: suspicious RCU usage\n"
            "6.12.117-nslab #1 Not tainted\n-----------------------------\n"
            "kernel/nsproxy.c:77 suspicious rcu_dereference_check() usage!\n"
            + TRACE + " [<60111110>] lockdep_rcu_suspicious+0x1/0x2\n" + FRAMES.format("task_nsproxy"),
            "rcu", "suspicious RCU usage in task_nsproxy+0x10/0x20",
            "rcu:suspicious-RCU-usage:task_nsproxy:create_new_namespaces",
        ),
        (
            "======================================================\n"
            "WARNING: possible circular locking dependency detected\n" + TRACE
            + " [<60111110>] print_circular_bug+0x1/0x2\n [<60111110>] check_noncircular+0x1/0x2\n"
            " [<60111110>] __lock_acquire+0x1/0x2\n" + FRAMES.format("mutex_lock_nested"),
            "lockdep", "possible circular locking dependency detected in mutex_lock_nested+0x10/0x20",
            "lockdep:possible-circular-locking-dependency-detected:mutex_lock_nested:create_new_namespaces",
        ),
        (
            "================================================\n"
            "WARNING: lock held when returning to user space!\n",
            "lockdep", "lock held when returning to user space",
            "lockdep:lock-held-when-returning-to-user-space",
        ),
        (
            "=============================\n[ BUG: Invalid wait context ]\n" + TRACE
            + FRAMES.format("put_nsproxy"),
            "lockdep", "Invalid wait context in put_nsproxy+0x10/0x20",
            "lockdep:Invalid-wait-context:put_nsproxy:create_new_namespaces",
        ),
        (
            "------------[ cut here ]------------\nrefcount_t: underflow; use-after-free.\n"
            "WARNING: CPU: 0 PID: 35 at lib/refcount.c:28 refcount_warn_saturate+0xd4/0x150\n"
            + TRACE + " [<60111110>] __warn+0x1/0x2\n [<60111110>] refcount_warn_saturate+0xd4/0x150\n"
            + FRAMES.format("free_nsproxy") + "---[ end trace 0000000000000000 ]---\nafter\n",
            "refcount", "refcount_t: underflow; use-after-free in free_nsproxy+0x10/0x20",
            "refcount:refcount_t:-underflow;-use-after-free:free_nsproxy:create_new_namespaces",
        ),
        (
            "------------[ cut here ]------------\n"
            "WARNING: CPU: 0 PID: 35 at lib/refcount.c:25 refcount_warn_saturate+0xd4/0x150\n"
            "refcount_t: addition on 0; use-after-free.\n"
            + TRACE + " [<60111110>] refcount_warn_saturate+0xd4/0x150\n"
            + FRAMES.format("mntns_get") + "---[ end trace 0000000000000000 ]---\nafter\n",
            "refcount", "refcount_t: addition on 0; use-after-free in mntns_get+0x10/0x20",
            "refcount:refcount_t:-addition-on-;-use-after-free:mntns_get:create_new_namespaces",
        ),
        (
            "------------[ cut here ]------------\n"
            "WARNING: CPU: 0 PID: 35 at kernel/nsproxy.c:251 switch_task_namespaces+0x10/0x20\n"
            + TRACE + " [<60111110>] __warn+0x1/0x2\n" + FRAMES.format("switch_task_namespaces"),
            "warn", "WARNING at kernel/nsproxy.c:251 in switch_task_namespaces+0x10/0x20",
            "warn:WARNING-at-kernel/nsproxy.c:switch_task_namespaces:create_new_namespaces",
        ),
        (
            "------------[ cut here ]------------\n"
            "Voluntary context switch within RCU read-side critical section!\n"
            "WARNING: CPU: 0 PID: 35 at kernel/rcu/tree_plugin.h:331 rcu_note_context_switch+0x1/0x2\n",
            "rcu", "Voluntary context switch within RCU read-side critical section",
            "rcu:Voluntary-context-switch-within-RCU-read-side-critical-section",
        ),
        (
            "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:585\n"
            + TRACE + " [<60111110>] __might_resched+0x1/0x2\n" + FRAMES.format("mutex_lock"),
            "atomic",
            "sleeping function called from invalid context at kernel/locking/mutex.c:585 "
            "in mutex_lock+0x10/0x20",
            "atomic:sleeping-function-called-from-invalid-context-at-kernel/locking/mutex.c"
            ":mutex_lock:create_new_namespaces",
        ),
        (
            "BUG: scheduling while atomic: reader/35/0x00000002\n",
            "atomic", "scheduling while atomic: reader", "atomic:scheduling-while-atomic:-reader",
        ),
        (
            "BUG: failure at kernel/nsproxy.c:66/put_nsproxy()!\nKernel panic - not syncing: BUG!\n"
            + TRACE + " [<60111110>] panic+0x1/0x2\n" + FRAMES.format("put_nsproxy"),
            "bug", "BUG at kernel/nsproxy.c:66 in put_nsproxy+0x10/0x20",
            "bug:BUG-at-kernel/nsproxy.c:put_nsproxy:create_new_namespaces",
        ),
        (
            "list_del corruption. prev->next should be 0000000060b8f5c8, but was 6b6b6b6b6b6b6b6b\n"
            "------------[ cut here ]------------\nkernel BUG at lib/list_debug.c:62!\n",
            "bug", "list_del corruption", "bug:list_del-corruption",
        ),
        (
            "\nModules linked in:\nPid: 35, comm: reader Not tainted 6.12.117-nslab\n"
            "RIP: 0033:utsns_get+0x5e/0xb0\nRSP: 0000000060c0fb90  EFLAGS: 00010246\n"
            "Kernel panic - not syncing: Kernel mode fault at addr 0x8, ip 0x600f1a2f\n"
            + TRACE + " [<60111110>] panic+0x1/0x2\n [<60111110>] segv+0x1/0x2\n"
            " [<60111110>] sig_handler_common+0x1/0x2\n" + FRAMES.format("utsns_get"),
            "oops", "NULL pointer dereference at 0x8 in utsns_get+0x5e/0xb0",
            "oops:NULL-pointer-dereference-at:utsns_get:create_new_namespaces",
        ),
        (
            "Kernel panic - not syncing: Kernel mode fault at addr 0x6b6b6b6b6b6b6b73, ip 0x600f1a2f\n",
            "oops", "fault at a wild address", "oops:fault-at-a-wild-address",
        ),
        (
            "Kernel panic - not syncing: Kernel tried to access user memory at addr 0x40a00000, ip 0x6\n",
            "oops", "fault at a wild address", "oops:fault-at-a-wild-address",
        ),
        (
            "BUG: kernel NULL pointer dereference, address: 0000000000000008\n",
            "oops", "NULL pointer dereference", "oops:NULL-pointer-dereference",
        ),
        (
            "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\n",
            "panic", "Attempted to kill init! exitcode=0x00000100", None,
        ),
        (
            "INFO: task reader:35 blocked for more than 122 seconds.\n",
            "hang", "task reader blocked", "hang:task-reader-blocked",
        ),
        (
            "nslab: hang: actor reader does not go on\n"
            "task:init            state:D stack:0     pid:24    tgid:24    ppid:1\n"
            "Call Trace:\n [<602bf320>] ? __asan_load8+0x0/0x90\n [<60031433>] __switch_to+0xe3/0x150\n"
            " [<605f47bb>] __schedule+0x59b/0xd80\n [<605f50a4>] schedule+0x104/0x2c0\n"
            + FRAMES.format("synchronize_rcu")
            + "nslab: hang: actor target does not go on\nreboot: Power down\nafter\n",
            "hang", "actor reader does not go on in synchronize_rcu+0x10/0x20",
            "hang:actor-reader-does-not-go-on:synchronize_rcu:create_new_namespaces",
        ),
        (
            "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n",
            "hang", "rcu_preempt detected a stall", "hang:rcu_preempt-detected-a-stall",
        ),
        (
            "rcu: INFO: rcu_preempt self-detected stall on CPU\n",
            "hang", "rcu_preempt self-detected a stall", None,
        ),
        (
            "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [reader:35]\n",
            "hang", "soft lockup", "hang:soft-lockup",
        ),
        (
            "=====================\nBUG nsproxy (Not tainted): Object already free\n",
            "bug", "nsproxy (Not tainted): Object already free", None,
        ),
        (
            "BUG: KASAN: double-free in kmem_cache_free+0x10/0x20\n",
            "kasan", "KASAN: double-free in kmem_cache_free+0x10/0x20",
            "kasan:double-free:kmem_cache_free",
        ),
    ],
)  # fmt: skip
def test_reports(text: str, oracle: str, headline: str, signature: str | None) -> None:
    found = verdict.of_console(BOOT + text)
    assert (found.oracle, found.headline) == (oracle, headline)
    if signature:
        assert found.signature == signature
    assert text.splitlines()[0].lstrip() in found.report or oracle == "oops"
    assert "after" not in found.report.split()


def test_the_report_of_a_fault_begins_with_the_registers() -> None:
    text = (
        "Pid: 35, comm: reader Not tainted 6.12.117-nslab\nRIP: 0033:utsns_get+0x5e/0xb0\n"
        "Kernel panic - not syncing: Kernel mode fault at addr 0x8, ip 0x600f1a2f\n"
    )
    assert verdict.of_console(BOOT + text).report == text


def test_verdicts_without_a_console() -> None:
    one = verdict.leak("nsproxies +2, uts namespaces +1")
    assert one.headline == "counts changed: nsproxies +2, uts namespaces +1"
    assert one.signature == "leak:nsproxies +#, uts namespaces +#"
    one = verdict.kmemleak("2 objects, one of 64 bytes from f < g")
    assert one.headline == "unreferenced memory: 2 objects, one of 64 bytes from f < g"
    assert one.signature == "kmemleak:f < g"
    one = verdict.assertion("a.c:9: link 17 uts:[4026532209] went  back\n")
    assert one.oracle == "assertion"
    assert one.headline == "a.c:9: link 17 uts:[4026532209] went back"
    assert one.signature == verdict.assertion(
        "a.c:9: link 18 uts:[4026532210] went back"
    ).signature
    assert verdict.hang(None).headline == "the execution does not end"
    assert verdict.no_answer(60.0).headline == "no answer from the guest for 60 s"
    assert verdict.crash(-11).headline == "the guest ended without a report (signal 11)"
    assert verdict.crash(1).headline == "the guest ended without a report (status 1)"

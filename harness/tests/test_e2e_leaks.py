# SPDX-License-Identifier: GPL-2.0
"""Memory left behind, reports that come late, per-CPU allocations: on the real kernel."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab import nslab, patch_for
from nslab_lab.build.kernel import Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

NTH = ("run", "--profile", "fail-nth")


def test_memory_lost_on_an_error_path_is_a_leak(kernel: Kernel, tmp_path: Path) -> None:
    """As create_ipc_ns() was until v5.19: db7cfc380900."""
    patch = tmp_path / "leak.patch"
    old = "fail_mq_sysctls:\n\tretire_mq_sysctls(ns);\n"
    patch.write_text(patch_for(kernel.src, "ipc/namespace.c", {old: "fail_mq_sysctls:\n"}))
    done = nslab(*NTH, "--patch", patch, "--scenario", "ipc-objects-vs-unshare")
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] == "leak"
    assert "kmalloc-512 +1 from setup_mq_sysctls < copy_ipcs" in finding["headline"]
    assert finding["headline"].endswith("in each of 3 repetitions")
    assert (finding["reproduced"], finding["minimal"], finding["late"]) == ("solo", True, 0)
    assert "and 1 failed allocation\n" in done.out


def test_per_cpu_allocations_fail_and_are_counted(kernel: Kernel, tmp_path: Path) -> None:
    done = nslab(*NTH, "--scenario", "mounts-vs-exit,proc-net-vs-exit")
    assert done.status == 0, done.out + done.err
    sites = (done.folder / "sites.txt").read_text()
    assert "fail_percpu, first tried in execution " in sites
    assert "fail_percpu, NOT TRIED" not in sites


def test_a_late_report_is_traced_back(kernel: Kernel, tmp_path: Path) -> None:
    """A sender that finds its queue removed leaves a pointer for the next who makes one."""
    newque = "static int newque(struct ipc_namespace *ns, struct ipc_params *params)\n"
    made = "\tmsq = kmalloc(sizeof(*msq), GFP_KERNEL_ACCOUNT);\n"
    removed = (
        "\t\tif (ipcperms(ns, &msq->q_perm, S_IWUGO))\n\t\t\tgoto out_unlock0;\n\n"
        "\t\t/* raced with RMID? */\n\t\tif (!ipc_valid_object(&msq->q_perm)) {\n"
    )
    changes = {
        newque: f"static struct msg_queue *lost;\n\n{newque}",
        made: f"\tif (lost && READ_ONCE(lost->q_qnum))\n\t\treturn -ENOMEM;\n{made}",
        removed: f"{removed}\t\t\tlost = msq;\n",
    }
    patch = tmp_path / "late.patch"
    patch.write_text(patch_for(kernel.src, "ipc/msg.c", changes))
    done = nslab("run", "--patch", patch, "--scenario", "msg-vs-rmid", "--strategy", "random")
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] == "kasan" and "in newque+" in finding["headline"]
    assert (finding["reproduced"], finding["minimal"], finding["late"]) == ("solo", True, 1)
    assert "the report came 1 execution later" in done.out
    # The picture is that of the execution to blame: the sender is preempted, and its queue removed.
    assert "the smallest schedule found has 1 preemption" in done.out
    (drawn,) = done.folder.glob("findings/*/diagram.txt")
    assert re.search("~ (?:preempted )?before ", drawn.read_text())
    replayed = nslab("replay", finding["token"], "--patch", patch)
    assert replayed.status == 1 and "the same as in" in replayed.out, replayed.out + replayed.err


def test_what_an_rcu_callback_reports_is_drawn(kernel: Kernel, tmp_path: Path) -> None:
    """Each queue that was removed is reported by the callback that frees it."""
    patch = tmp_path / "twice.patch"
    old = "static void msg_rcu_free(struct rcu_head *head)\n{\n"
    new = f"{old}\tWARN_ON_ONCE(container_of(head, struct kern_ipc_perm, rcu)->deleted);\n"
    patch.write_text(patch_for(kernel.src, "ipc/msg.c", {old: new}))
    done = nslab("run", "--patch", patch, "--scenario", "msg-vs-rmid", "--strategy", "random")
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert "in msg_rcu_free+" in finding["headline"]
    assert (finding["reproduced"], finding["minimal"], finding["late"]) == ("solo", True, 0)
    console = next(done.folder.glob("console-*")).read_text()
    assert "nslab: died after an execution" in console
    (drawn,) = done.folder.glob("findings/*/diagram.txt")
    assert "msg_rcu_free" in drawn.read_text()

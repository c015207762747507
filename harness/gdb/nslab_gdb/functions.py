# SPDX-License-Identifier: GPL-2.0
"""$nslab_hash(), $nslab_step(), $nslab_task(): in expressions."""

from __future__ import annotations

import gdb

from nslab_gdb import kernel, show
from nslab_gdb.command import actor_of
from nslab_gdb.guest import GUEST


class Hash(gdb.Function):
    """$nslab_hash(): of the trace up to here, 16 hex digits."""

    def __init__(self) -> None:
        super().__init__("nslab_hash")

    def invoke(self) -> str:
        kernel.require_guest()
        return show.trace_hash()


class Step(gdb.Function):
    """$nslab_step(): how many steps the trace has here."""

    def __init__(self) -> None:
        super().__init__("nslab_step")

    def invoke(self) -> int:
        kernel.require_guest()
        return len(GUEST.so_far())


class Task(gdb.Function):
    """$nslab_task("reader"): the task of an actor, a struct task_struct *."""

    def __init__(self) -> None:
        super().__init__("nslab_task")

    def invoke(self, name: gdb.Value) -> gdb.Value:
        kernel.require_guest()
        return kernel.variable("nslab_actors")[actor_of(name.string())]["task"]

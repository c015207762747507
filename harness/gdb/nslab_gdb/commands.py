# SPDX-License-Identifier: GPL-2.0
"""nslab ...: the lab's commands in gdb, and what is done when the guest stops."""

from __future__ import annotations

import gdb

from nslab_gdb import choosing, functions, kernel, looking, moving, show, subjects
from nslab_gdb.command import Nslab
from nslab_gdb.guest import GUEST, NEVER


def register() -> None:
    """Have gdb know them."""
    for command in (
        Nslab, looking.Actors, looking.Trace, looking.Points,
        *(one for module in subjects.modules() for one in module.COMMANDS),
        moving.Next, moving.Switch, moving.Break, moving.Goto, moving.Back, choosing.Choose,
        choosing.Save, looking.Diagram, looking.Frame,
    ):  # fmt: skip
        command()
    for function in (functions.Hash, functions.Step, functions.Task):
        function()
    GUEST.prepare()
    GUEST.points = moving.points
    gdb.events.stop.connect(_on_stop)
    gdb.events.exited.connect(_on_exit)
    gdb.events.gdb_exiting.connect(_on_quit)
    gdb.events.breakpoint_modified.connect(lambda _: GUEST.tell_points())
    gdb.events.breakpoint_deleted.connect(lambda gone: GUEST.tell_points())


def begin() -> None:
    """Boot, and stop where it begins to matter: before what goes wrong, or at the first point."""
    session = GUEST.session
    if session.verdict:
        GUEST.boot(NEVER)
    else:
        GUEST.boot(_first_point, next=1)
    if not kernel.alive():
        show.ended(GUEST.status)
        return
    GUEST.take_warm_up()
    GUEST.remember()
    if session.steps:
        show.interleaving()
        print()
    show.here()
    show.compare_with_token()
    print("`help nslab` lists the lab's commands")


def _first_point(moment: int, step: int, actor: int) -> bool:
    return moving.is_point(moment) and GUEST.so_far()[step - 1].name in ("point", "access")


def _on_stop(event: gdb.StopEvent) -> None:
    GUEST.leaving = False  # it was asked for, and not done
    GUEST.remember()
    if GUEST.busy:
        return
    name = gdb.newest_frame().name()
    # Elsewhere gdb says itself where it is.
    if name in (kernel.STOP, GUEST.reported):
        show.here()


def _on_exit(event: gdb.ExitedEvent) -> None:
    GUEST.status = getattr(event, "exit_code", None)
    if not GUEST.busy and not GUEST.leaving:
        show.ended(GUEST.status)
    GUEST.leaving = False


def _on_quit(event: gdb.GdbExitingEvent) -> None:
    GUEST.leaving = True

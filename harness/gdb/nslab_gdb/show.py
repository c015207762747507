# SPDX-License-Identifier: GPL-2.0
"""What is said when the guest stops, and of what it is made."""

from __future__ import annotations

import contextlib
import os
import textwrap

import gdb

from nslab_gdb import kernel, stacks, subjects
from nslab_gdb.guest import GUEST
from nslab_gdb.trace import place_of
from nslab_lab.findings import diagram, diagram_text, stepping
from nslab_lab.findings.stepping import Event
from nslab_lab.guest import abi, verdict
from nslab_lab.host.paths import shown

WIDTH = 80
# What begins with each of guest.REPORTS.
_COMPLAINTS = {
    "nslab_kasan_reports": "KASAN: a bad access",
    "refcount_warn_saturate": "refcount_t: a count that is wrong",
    "lockdep_rcu_suspicious": "suspicious RCU usage",
    "show_regs": "a fault",
    "sched_show_task": "a hang",
    "__warn": "a warning",
    "panic": "a panic",
}
_STATUS = tuple(
    (abi.constant(f"NSLAB_STATUS_{name}"), said)
    for name, said in (
        ("HANG", "HANG"), ("SPLAT", "the kernel complained"), ("DIVERGED", "it left its schedule"),
    )
)  # fmt: skip


def bold(text: str) -> str:
    """On a terminal, if gdb is to use colours."""
    # Python's own idea of its output is gdb, which is no terminal.
    styled = os.isatty(1) and gdb.parameter("style enabled")
    return f"\033[1m{text}\033[m" if styled else text


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False))


# === Where it stands ===


def here() -> None:
    """Say where the guest stands, select the frame that matters and show its line."""
    if not kernel.alive():
        return
    moment = kernel.at_stop()
    events = GUEST.so_far()
    if GUEST.reported and gdb.newest_frame().name() == GUEST.reported:
        print(bold(_wrapped(_report(events))))
    elif moment is None:
        gdb.execute("frame")
        return
    elif moment == kernel.ENDS:
        print(bold(_end(len(events))))
        return
    else:
        print(bold(_wrapped(_moment(moment, events))))
    select()
    if GUEST.reported == "sched_show_task" and moment is None:
        # Who does not go on is somebody else than who noticed.
        with contextlib.suppress(gdb.error, ValueError):
            stacks.other(gdb.newest_frame().read_var("p"))
    gdb.execute("frame")


def _report(events: list[Event]) -> str:
    actor = next((one.name for one in kernel.actors(GUEST.session.actors) if one.runs), "no actor")
    judged = GUEST.session.verdict
    of = "" if GUEST.by_hand or not judged else f" of {len(GUEST.session.steps)}"
    at = f"after step {len(events)}{of}" if events else "outside of an execution"
    if judged is None or GUEST.by_hand:
        return f"{actor}, {at}, before it is reported: {_complaint()}"
    headline = judged.headline
    if judged.function:
        place = GUEST.trace.place(judged.function)
        headline = headline.replace(judged.function, place)
    return f"{actor}, {at}, before it is reported: {headline}"


def select() -> None:
    """Select the frame that matters: of the step at which it stands, if it stands at one."""
    where = ""
    if kernel.at_stop() in (kernel.RECORDED, kernel.DECIDES):
        at = int(kernel.control()["at"])
        where = GUEST.trace.steps(GUEST.so_far()[at - 1 : at])[0].where
    stacks.interesting(where).select()


def _complaint() -> str:
    if GUEST.reported == "nslab_oracle_begin":
        with contextlib.suppress(gdb.error):
            return gdb.newest_frame().read_var("what").string()
    return _COMPLAINTS.get(GUEST.reported or "", "something")


def _moment(moment: int, events: list[Event]) -> str:
    what = kernel.control()
    at, actor = int(what["at"]), int(what["actor"])
    name = GUEST.session.actors[actor] if actor < len(GUEST.session.actors) else "others"
    whole = len(GUEST.session.steps)
    number = f"step {at} of {whole}" if whole and not GUEST.by_hand else f"step {at}"
    if moment == kernel.GOES_ON:
        return f"{name} goes on, after {number}"
    (step,) = GUEST.trace.steps(events[at - 1 : at])
    who = f", {name}" if step.kind != "begin" else ""
    said = f"{number}{who}: {GUEST.trace.announced(step)}"
    if moment == kernel.DECIDES:
        said += f"; can run: {', '.join(able(events[at - 1]))}"
        if at in GUEST.choices:
            said += f"; {GUEST.session.actors[GUEST.choices[at]]} is chosen"
    return said


def able(event: Event) -> list[str]:
    """The names of those that can run."""
    return [GUEST.session.actors[index] for index in event.able()]


def _end(steps: int) -> str:
    what = kernel.control()
    status, value = int(what["status"]), f"{int(what['hash']):016x}"
    said = [text for bit, text in _STATUS if status & bit] or ["no complaint of the kernel"]
    same = ""
    if GUEST.session.hash and not GUEST.by_hand:
        same = ", that of the token" if value == GUEST.session.hash else ", NOT that of the token"
    lines = [f"the execution is over after {steps} steps: {', '.join(said)}"]
    judged = GUEST.session.verdict
    if judged and not GUEST.by_hand:
        lines.append(_wrapped(f"what comes now, without the kernel: {judged.headline}"))
    return "\n".join([*lines, f"trace hash {value}{same}"])


def ended(status: int | None) -> None:
    """Say that the guest has gone."""
    try:
        console = GUEST.session.console.read_text(errors="replace")
    except OSError:
        console = ""
    report = verdict.of_console(console)
    why = f": {report.headline}" if report else ""
    how = "" if status is None else f" with status {status}"
    print(_wrapped(f"the guest has ended{how}{why}"))
    print(f"console: {shown(GUEST.session.console)}; `nslab goto N` boots it again, up to step N")


def compare_with_token() -> None:
    """Say so if what happened is not what happens without gdb."""
    steps = GUEST.trace.steps(GUEST.so_far())
    if not stepping.same_steps(steps, GUEST.session.steps):
        print("these are NOT the steps that the token has outside of gdb")


# === What there is ===


def actors() -> None:
    """Each actor with what it does and has."""
    events = GUEST.so_far()
    steps = GUEST.trace.steps(events)
    for one in kernel.actors(GUEST.session.actors):
        mine = [step for step in steps if step.actor == one.name]
        mark = "*" if one.runs else " "
        print(bold(f"{mark} {one.name}") + f": {_state(one, bool(mine))}")
        if mine:
            place = GUEST.trace.place(mine[-1].where)
            at = f", {place}" if place else ""
            print(f"    step {mine[-1].step}: {GUEST.trace.announced(mine[-1])}{at}")
        if one.task is not None:
            for line in (line for module in subjects.modules() for line in module.about(one.task)):
                print(f"    {line}")
            nesting, prio = int(one.task["rcu_read_lock_nesting"]), int(one.task["rt_priority"])
            kind = "real-time " if int(one.task["policy"]) == 1 else ""
            print(f"    RCU read sections {nesting}, {kind}priority {prio}, pid {int(one.task['pid'])}")


def _state(one: kernel.Actor, started: bool) -> str:
    if one.done:
        return "through"
    if one.task is None:
        return "not there yet"
    if one.runs:
        return "running"
    if one.can_run:
        return "preempted" if started else "ready, has not run yet"
    function = stacks.waits_in(one.task)
    return f"blocked in {function}()" if function else "blocked"


def moment(what: str, actor: int, address: int, step: int) -> None:
    """Say who did @what to an object, at which step, and where."""
    at = f"step {step}, " if step else ""
    print(f"  {what} by {_who(actor)}: {at}{place_of(GUEST.trace, address)}")


def step_of(kind: str, number: int) -> int:
    """The last step of that kind with that object, 0 for none in this execution."""
    events = enumerate(GUEST.so_far(), 1)
    found = [step for step, event in events if number and (event.name, event.object) == (kind, number)]
    return found[-1] if found else 0


def _who(index: int) -> str:
    actors = GUEST.session.actors
    return actors[index] if index < len(actors) else "others"


def points() -> None:
    """The named points, and how often each actor met them in this execution."""
    events = GUEST.so_far()
    names = kernel.point_names()
    for index, name in names.items():
        met = [event.actor for event in events if event.name == "point" and event.what == index]
        counts = [f"{_who(actor)} {met.count(actor)}" for actor in sorted(set(met))]
        print(f"{name:<24} {', '.join(counts)}".rstrip())
    others = sum(event.is_decision and event.name != "point" for event in events)
    print(f"and {others} others (accesses to watched objects, waits, ends) of {len(events)} steps")


def interleaving() -> None:
    """The diagram, with a mark where the guest stands."""
    events = GUEST.so_far()
    session = GUEST.session
    if session.steps and not GUEST.by_hand:
        drawn = GUEST.trace.drawn(session.steps, judged=True)
        at = int(kernel.control()["at"]) if kernel.at_stop() is not None else len(events)
        done = GUEST.reported or kernel.at_stop() == kernel.ENDS
        row = len(drawn.rows) - 1 if done else diagram.position(drawn, session.steps[:at])
    else:
        drawn = GUEST.trace.drawn(GUEST.trace.steps(events), judged=False)
        row = len(drawn.rows) - 1
    print(diagram_text.text(drawn, row) or "nothing has happened yet\n", end="")


def trace_hash() -> str:
    """Of the steps up to where the guest stands."""
    moment = kernel.at_stop()
    events = GUEST.so_far()
    at = int(kernel.control()["at"]) if moment is not None else len(events)
    return stepping.hash_so_far(events[:at])

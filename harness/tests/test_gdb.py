# SPDX-License-Identifier: GPL-2.0
"""What the debugger has of its own, without a kernel: traces in memory, the terminal, bad input."""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lab import FOREVER_S
from nslab_lab.findings import diagram, diagram_text, stepping
from nslab_lab.findings.stepping import NOBODY, Event
from nslab_lab.guest.results import Step
from nslab_lab.host import terminal
from nslab_lab.host.paths import REPO

NSLAB = REPO / "harness" / "nslab"
POINT, START, END, BEGIN, ACCESS, FREE, LOCK = 0, 2, 3, 4, 5, 7, 10


def event(kind: int, actor: int, **more: int) -> Event:
    values = dict(
        kind=kind, actor=actor, nesting=0, what=0, flags=0, next=NOBODY, enabled=0, size=0, local=0,
        object=0, offset=0, value=0, ip=0, delay_ns=0,
    )  # fmt: skip
    return Event(**values | more)


def decided(kind: int, actor: int, next_one: int, **more: int) -> Event:
    return event(kind, actor, flags=1, next=next_one, enabled=3, **more)


# Actor 0 is preempted before it reads; 1 frees meanwhile.
EVENTS = [
    decided(BEGIN, NOBODY, 0),
    event(START, 0),
    decided(POINT, 0, 0, local=1, ip=16),
    decided(ACCESS, 0, 1, local=2, object=2, offset=8, size=8, ip=32),
    event(START, 1),
    event(LOCK, 1, object=1),
    decided(FREE, 1, 1, local=1, object=2, size=72, ip=48),
    event(END, 1, flags=3, next=0, enabled=1, local=2),
]
NAMES = stepping.Names(
    ("reader", "target"), ("rcu_read_lock",), (("nsproxy", 0),), lambda ip: f"f+{ip:#x}/0x40", lambda n: NOBODY
)


def packed(events: list[Event]) -> bytes:
    return b"".join(struct.pack("<6B5H2IQ", *vars(one).values()) for one in events)


# === A trace in memory ===


def test_events_are_read_as_the_kernel_lays_them_out() -> None:
    assert stepping.SIZE == 32
    assert stepping.events_of(packed(EVENTS)) == EVENTS


def test_the_hash_is_the_kernels() -> None:
    """FNV-1a over the number of events and their words, the high half folded into the low."""
    memory = packed(EVENTS[:1])
    value = 0xCBF29CE484222325
    for word in (1, *struct.unpack("<4Q", memory)):
        value = (value ^ word) * 0x100000001B3 % 2**64
    assert stepping.trace_hash(memory) == f"{value ^ value >> 32:016x}"
    assert stepping.trace_hash(b"") != stepping.trace_hash(memory)


def test_the_hash_so_far_does_not_change_when_it_is_decided() -> None:
    before = [*EVENTS[:-1], replace(EVENTS[-1], next=NOBODY, enabled=0, value=0)]
    assert stepping.hash_so_far(before) == stepping.hash_so_far(EVENTS)
    assert stepping.same(before, EVENTS) and stepping.same(EVENTS[:3], EVENTS)
    assert stepping.same([], EVENTS)


@pytest.mark.parametrize("field", ["kind", "actor", "nesting", "what", "flags", "size", "local",
                                   "object", "offset", "ip", "delay_ns"])  # fmt: skip
def test_the_hash_so_far_sees_all_else(field: str) -> None:
    other = [*EVENTS[:3], replace(EVENTS[3], **{field: getattr(EVENTS[3], field) ^ 1}), *EVENTS[4:]]
    assert stepping.hash_so_far(other) != stepping.hash_so_far(EVENTS)
    assert not stepping.same(other, EVENTS)


@pytest.mark.parametrize(
    ("count", "at_last", "step"),
    [(1, True, 7), (2, True, 4), (3, True, 3), (4, True, 1), (5, True, 0), (1, False, 8), (2, False, 7)],
)
def test_back_counts_scheduling_points(count: int, at_last: bool, step: int) -> None:
    assert stepping.points_back(EVENTS, True, count, at_last) == step


def test_nobody_goes_back_to_what_was_never_decided() -> None:
    """The end of the last actor: there is nobody left."""
    over = [*EVENTS, event(END, 0, flags=1, local=3)]
    assert stepping.points_back(over, True, 1, False) == 8


def test_without_a_strategy_the_named_points_count() -> None:
    unsteered = [replace(one, flags=0, next=NOBODY) for one in EVENTS]
    assert stepping.points_back(unsteered, False, 1, False) == 3
    assert stepping.points_back(unsteered, False, 2, False) == 0


def test_steps_are_those_a_guest_reports() -> None:
    steps = stepping.steps(7, EVENTS, NAMES)
    assert [step.actor for step in steps[:4]] == ["", "reader", "reader", "reader"]
    assert steps[2] == Step(
        7, 3, "reader", "rcu_read_lock", "f+0x10/0x40", 0, 0, "point", 1, "reader", 3, watch=""
    )
    assert (steps[3].watch, steps[3].next, steps[3].object) == ("nsproxy", "target", 2)
    others = stepping.steps(7, [event(FREE, NOBODY, object=1)], NAMES)
    assert others[0].actor == "others"


def test_steps_are_compared_as_far_as_both_go() -> None:
    steps = stepping.steps(7, EVENTS, NAMES)
    undecided = [replace(step, next="", enabled=0, value=0) for step in steps]
    assert stepping.same_steps(steps[:3], undecided)
    assert not stepping.same_steps(steps, [*steps[:3], replace(steps[3], offset=0)])


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "who starts?"), (3, "rcu_read_lock"), (4, "about to read nsproxy #2->uts_ns"),
     (6, "about to lock"), (7, "about to free nsproxy #2"), (8, "is through")],
)  # fmt: skip
def test_what_is_about_to_be_done(number: int, said: str) -> None:
    step = stepping.steps(1, EVENTS, NAMES)[number - 1]
    assert stepping.announced(step, lambda watch, offset, size: "uts_ns") == said


def test_whose_task_it_is() -> None:
    step = Step(1, 1, "reader", "access", "", 0, 0, "access", watch="task_struct.nsproxy", of="target")
    assert stepping.announced(step) == "about to read target's task->nsproxy"
    own = replace(step, of="reader", write=True)
    assert stepping.announced(own) == "about to write its own task->nsproxy"
    unnamed = replace(step, of="", watch="", object=3, offset=24)
    assert stepping.announced(unnamed) == "about to read object #3->+0x18"


# === The mark in the diagram ===


def test_the_mark_is_at_the_last_row_that_is_reached() -> None:
    steps = stepping.steps(1, EVENTS, NAMES)
    drawn = diagram.build(steps)
    kinds = [row.kind for row in drawn.rows]
    assert kinds == ["point", "preempted", "free", "end", "access"]
    assert [diagram.position(drawn, steps[:count]) for count in (3, 4, 6, 7, 8)] == [0, 1, 1, 2, 4]
    lines = diagram_text.text(drawn, 2).splitlines()
    marked = [line for line in lines if line.startswith(diagram_text.HERE)]
    assert len(marked) == 1 and "free nsproxy #2" in marked[0]
    assert diagram_text.HERE not in diagram_text.text(drawn)
    assert max(map(len, lines)) <= diagram_text.WIDTH


# === The terminal ===


@pytest.mark.parametrize(("code", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 128 + 15)])
def test_the_status_is_the_commands(code: str, status: int) -> None:
    assert terminal.run(["/bin/sh", "-c", code], os.environ, silent=True) == status


def test_whoever_ends_the_call_ends_the_command(tmp_path: Path) -> None:
    """With all of its processes."""
    pid = tmp_path / "pid"
    os.mkfifo(pid)
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); "
        "from nslab_lab.host import interrupts, terminal\n"
        "words = ['/bin/sh', '-c', 'echo $$ >$0; read x <$0', sys.argv[2]]\n"
        "try:\n"
        "    with interrupts.armed():\n"
        "        terminal.run(words, os.environ, silent=True)\n"
        "except KeyboardInterrupt as error: sys.exit(128 + error.number)\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", code, str(REPO / "harness"), str(pid)])
    command = int(pid.read_text())
    pidfd = os.pidfd_open(command)
    caller.send_signal(signal.SIGTERM)
    assert caller.wait() == 128 + signal.SIGTERM
    # A pidfd can be read when its process has ended.
    assert select.select([pidfd], [], [], FOREVER_S)[0]
    os.close(pidfd)


# === Bad input ===


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "gdb needs either TOKEN=... of a finding or SCENARIO=... (make list)"),
        (["NSLAB1.x", "--scenario", "zombie-read"], "gdb needs either TOKEN="),
        (["NSLAB1.x"], "'NSLAB1.x' is no token: it is cut short"),
        (["NSLAB1.x", "--seed", "3"], "a token has its strategy, variant and seed: give TOKEN= alone"),
        (["--scenario", "zombie-read", "--script", "/no/such"], "gdbscript /no/such: No such file"),
        (["--scenario", "zombie-read", "--strategy", "bounded"], "strategy bounded has no one execution"),
        (["--scenario", "zombie-read", "--strategy", "pct"], "strategy pct has no one execution"),
        (["--scenario", "zombie-read", "--strategy", "chance"], "'chance' is no strategy"),
        (["--scenario", "zombie-read", "--seed", "x"], "seed=x: not a whole number"),
        (["--scenario", "zombie-read", "--profile", "delay"], "profile delay delays actors, but"),
        (["--scenario", "zombie-read", "--variant", "nono"], "no variant 'nono'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(words: list[str], line: str) -> None:
    done = subprocess.run([NSLAB, "gdb", *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"nslab: {line}") and done.stderr.count("\n") == 1


def test_without_gdb_it_says_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [NSLAB, "gdb", "NSLAB1.x"], capture_output=True, text=True, env={"PATH": str(tmp_path)}
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "nslab: gdb is not there: apt-get install gdb\n"


def test_the_commands_want_a_session() -> None:
    entry = REPO / "harness" / "gdb" / "nslab.py"
    environment = {name: text for name, text in os.environ.items() if name != "NSLAB_GDB"}
    done = subprocess.run(
        ["gdb", "-nx", "-batch", "-x", entry], capture_output=True, text=True,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "nslab: gdb could not set itself up: no session was prepared: start it by `make gdb`\n"
    )

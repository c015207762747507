# SPDX-License-Identifier: GPL-2.0
"""gdb itself on the real kernel, in batch mode and on a terminal."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import select
from pathlib import Path
from typing import Any, Callable, Iterator

import pexpect
import pytest

from lab import FOREVER_S, Ended, nslab, running
from nslab_lab.build.kernel import Kernel
from nslab_lab.host.paths import BUILD, REPO

SCENARIO = "ns-readlink-vs-unshare"
VARIANT = "no-grace-period"
PROMPT = "(gdb) "


@pytest.fixture(scope="module")
def token(kernel: Kernel) -> str:
    """A finding of a reader that is preempted between the pointer and its use."""
    done = nslab("run", "--variant", VARIANT, "--scenario", SCENARIO, "--strategy", "bounded")
    assert done.status == 1, done.out + done.err
    found = re.search(r"TOKEN=(\S+)", done.out)
    assert found, done.out
    return found[1]


@dataclasses.dataclass(frozen=True)
class Use:
    """Where the reader is preempted before it uses what is freed meanwhile."""

    step: int
    object: int  # the number of the nsproxy
    freed: int  # the step at which the target frees it


@pytest.fixture(scope="module")
def use(token: str) -> Use:
    rows = json.loads(nslab("replay", token, "--format", "json").out)["rows"]
    (at,) = [row for row in rows if row["kind"] == "preempted" and row["field"] == "nsproxy.uts_ns"]
    (free,) = [row for row in rows if row["kind"] == "free" and row["object"] == at["object"]]
    return Use(at["step"], at["object"], free["step"])


@pytest.fixture
def gdb(tmp_path: Path, token: str) -> Iterator[Callable[..., Ended]]:
    """gdb(commands, *words): a session in batch mode, of the token if no words are given."""
    yield functools.partial(session, tmp_path, token)


def session(folder: Path, token: str, commands: str, *words: object) -> Ended:
    script = folder / "commands.gdb"
    script.write_text(commands)
    return nslab("gdb", *(words or (token,)), "--script", script)


def tried(*commands: str) -> str:
    """Commands as Python that says what each says, or its error, below a mark.

    By itself an error ends a script.
    """
    lines = ["python"]
    for number, command in enumerate(commands):
        lines += [
            f"print('@{number}')", "try:", f"    gdb.execute({command!r})",
            "except gdb.error as error:", "    print(f'error: {error}')",
        ]  # fmt: skip
    return "\n".join([*lines, "print('@')", "end", ""])


def said(done: Ended, number: int) -> str:
    return done.after(str(number))


# === Where it stops ===


def test_a_token_stops_before_the_report(gdb: Any) -> None:
    done = gdb(tried("python print(open(nslab_gdb.guest.GUEST.session.console).read())", "bt 4"))
    assert done.status == 0, done.out + done.err
    # The minimal interleaving, with a mark at the access that goes wrong.
    (marked,) = [line for line in done.out.splitlines() if line.startswith("▶")]
    assert re.search(r"✗ nsproxy #\d+->uts_ns", marked)
    stopped = done.out.partition("reader, after step ")[2]
    assert re.match(r"(\d+) of \1, before it is reported: KASAN: slab-use-after-free\s+in utsns_get", stopped)
    assert re.search(r"^#\d+ .*utsns_get \(.*\) at \.\./kernel/utsname\.c:(\d+)\n\1\t.*nsproxy->uts_ns;$",
                     done.out, re.M)  # fmt: skip
    # Nothing was reported yet, and the address is one of a nsproxy.
    assert "Run /init" in said(done, 0) and "KASAN: slab-use" not in said(done, 0)
    assert said(done, 1).startswith("#0  nslab_kasan_reports ()")
    assert " in kasan_report (addr=" in said(done, 1)
    lines = done.out.partition("@0\n")[0].splitlines()
    assert max(map(len, [line for line in lines if not line.startswith("#")])) <= 80


def test_a_scenario_stops_at_the_first_point_of_the_first_actor(gdb: Any) -> None:
    done = gdb("nslab trace\n", "--scenario", SCENARIO)
    assert re.match(r"step \d+, target: rcu_read_lock; can run: target, reader\n#", done.out), done.out
    trace = done.out.partition("----")[2].splitlines()[1:]
    assert trace[0].split()[1] == "start" and trace[-1].split()[1:3] == ["|", "rcu_read_lock"]
    # Besides, the system call, and the read section that it is about to begin.
    assert [one.split()[1] for one in trace[1:-1]] == ["syscall", "section"]


def test_what_fails_while_the_guest_warms_up_is_stepped_through_too(gdb: Any) -> None:
    done = gdb(
        tried("nslab back", "nslab next"), "--scenario", "zombie-read", "--variant", "load-before-lock"
    )
    assert "reader, after step" in done.out and "suspicious RCU usage" in done.out, done.out
    assert "the same as before" in said(done, 0)
    assert "before it is reported: suspicious RCU usage" in said(done, 1)


# === Forwards and backwards ===

LOOP = """python
start = gdb.parse_and_eval("$nslab_hash()").string()
steps = int(gdb.parse_and_eval("$nslab_step()"))
same = 0
for _ in range(20):
    back = gdb.execute("nslab back 3", to_string=True)
    between = gdb.parse_and_eval("$nslab_hash()").string()
    for _ in range(3):
        gdb.execute("nslab next", to_string=True)
    same += (gdb.parse_and_eval("$nslab_hash()").string() == start != between
             and int(gdb.parse_and_eval("$nslab_step()")) == steps
             and gdb.newest_frame().name() == "nslab_kasan_reports")
print("same:", same)
end
"""


def test_back_and_next_arrive_at_the_same_trace(gdb: Any) -> None:
    done = gdb(LOOP)
    assert "same: 20\n" in done.out, done.out + done.err


def test_the_trace_is_that_of_a_replay_without_gdb(gdb: Any, token: str) -> None:
    """Of an execution that comes to its end: whether somebody looks on makes no difference."""
    passing = token.replace(VARIANT, "none")
    replayed = re.search(r"trace hash (\w{16})", nslab("replay", passing).out)
    done = gdb("nslab goto 9\nnslab switch\nnslab goto 5\nnslab next\ncontinue\n", passing)
    assert replayed and f"trace hash {replayed[1]}, that of the token" in done.out, done.out


def test_goto_goes_both_ways_and_says_what_the_trace_is(gdb: Any) -> None:
    done = gdb(tried("nslab goto 20", "nslab goto 40", "nslab goto 20", "nslab goto 100000", "nslab goto 1"))
    for number, step in ((0, 20), (1, 40), (2, 20), (4, 1)):
        assert said(done, number).startswith(f"step {step} of "), done.out
    assert re.search(r"trace hash \w{16} up to here, the same as before", said(done, 2))
    assert "that is not step 100000: this came first" in said(done, 3)
    assert "who starts?" in said(done, 4)


def test_another_trace_than_the_tokens_is_noticed(gdb: Any) -> None:
    """The check is seen failing: somebody writes into what the token does."""
    done = gdb(
        "python\nimport dataclasses\nfrom nslab_gdb import show\nfrom nslab_gdb.guest import GUEST\n"
        "steps = list(GUEST.session.steps)\nsteps[5] = dataclasses.replace(steps[5], actor='me')\n"
        "GUEST.session = dataclasses.replace(GUEST.session, steps=tuple(steps))\n"
        "print('@0')\nshow.compare_with_token()\nend\n"
    )  # fmt: skip
    line = "these are NOT the steps that the token has outside of gdb\n"
    assert done.out.count(line) == 1 and said(done, 0) == line, done.out


def test_another_trace_is_noticed(gdb: Any) -> None:
    """The check is seen failing: somebody writes into what was seen."""
    spoil = (
        "python\nimport dataclasses\nfrom nslab_gdb.guest import GUEST\n"
        "GUEST._seen[3] = dataclasses.replace(GUEST._seen[3], offset=77)\nend\n"
    )
    done = gdb(spoil + "nslab goto 12\nnslab goto 11\n")
    assert re.search(r"trace hash \w{16} up to here, NOT the same as before", done.out), done.out


def test_switch_goes_to_the_next_turn(gdb: Any) -> None:
    done = gdb(tried("nslab goto 2", "nslab switch", "nslab switch", "nslab switch"))
    assert said(done, 1).startswith("target goes on, after step")
    assert said(done, 2).startswith("reader goes on, after step")
    assert "before it is reported" in said(done, 3)


# === By hand ===

BY_HAND = """nslab goto 1
nslab choose reader
nslab break task_nsproxy reader
continue
nslab next
nslab choose target
delete
continue
nslab save
"""


def test_a_schedule_made_by_hand_replays_outside_of_gdb(gdb: Any) -> None:
    done = gdb(BY_HAND, "--scenario", SCENARIO, "--variant", VARIANT)
    found = re.search(r"^make replay TOKEN=(\S+)$", done.out, re.M)
    assert found, done.out + done.err
    assert f"FAIL {SCENARIO}, execution 1\nKASAN: slab-use-after-free in utsns_get" in done.out
    replayed = nslab("replay", found[1])
    assert replayed.status == 1 and "KASAN: slab-use-after-free in utsns_get" in replayed.out


def test_choices_are_made_again_on_the_way_back(gdb: Any) -> None:
    commands = BY_HAND.partition("delete")[0] + "nslab next\nnslab back\nnslab next\n"
    done = gdb(commands, "--scenario", SCENARIO, "--variant", VARIANT)
    assert "can run: target, reader; target is chosen" in " ".join(done.out.split())
    first, again = re.findall(r"^step \d+, target: .*$", done.out, re.M)[-2:]
    assert first == again
    assert "NOT" not in done.out


def test_who_cannot_run_is_not_chosen(gdb: Any) -> None:
    done = gdb(
        "nslab break exit_notify\ncontinue\n"
        + tried("nslab choose nobody", "nslab choose"), "--scenario", "mounts-vs-exit",
    )  # fmt: skip
    assert "error: no actor 'nobody': there is target, reader" in said(done, 0), done.out
    assert "error: which actor? nslab choose ACTOR" in said(done, 1)
    blocked = gdb(
        tried("nslab goto 3", "nslab choose reader", "nslab switch", "nslab choose reader"),
        "--scenario", "zombie-read",
    )  # fmt: skip
    assert "error: nothing is decided here" in said(blocked, 3), blocked.out


def test_without_a_strategy_nothing_is_chosen_but_all_else_works(gdb: Any) -> None:
    done = gdb(
        tried("nslab choose reader", "nslab save", "nslab next", "nslab switch", "nslab back", "continue"),
        "--scenario", SCENARIO, "--strategy", "none", "--profile", "delay",
    )  # fmt: skip
    assert "error: strategy none leaves it to the scheduler who runs" in said(done, 0), done.out
    assert "error: strategy none has no schedule to save" in said(done, 1)
    assert said(done, 2).startswith("step 3, target: rcu_read_lock\n")
    assert re.match(r"step \d+, reader: ", said(done, 3))
    assert "the same as before" in said(done, 4)
    assert "the execution is over after" in said(done, 5)


# === Every command ===

COMMANDS = (
    "nslab actors", "nslab trace 3", "nslab points", "nslab nsproxy", "nslab nsproxy reader",
    "nslab frame target", "nslab frame reader", "nslab frame", "nslab diagram", "nslab next",
    "nslab switch", "nslab break rcu_read_lock", "nslab goto 30", "nslab back", "nslab choose target",
    "nslab save", "nslab", "p $nslab_task(\"reader\")",
)  # fmt: skip
NEED_GUEST = [one for one in COMMANDS if one.split()[-1] != "nslab" and
              one.split()[1] not in ("goto", "break")]  # fmt: skip


def test_every_command_on_a_live_guest(gdb: Any, use: Use) -> None:
    done = gdb(f"nslab goto {use.step}\n" + tried(*COMMANDS))
    assert "error: " not in done.out and "Traceback" not in done.err, done.out + done.err
    listed = nslab("list").out.partition("\npoints\n")[2].partition("\nkernels\n")[0]
    points = re.findall(r"^  (\S+)", listed, re.M)
    assert [line.split()[0] for line in said(done, 2).splitlines()[:-1]] == points
    actors = said(done, 0)
    assert re.search(rf"^\* reader: running\n    step {use.step}: about to read nsproxy #{use.object}->uts_ns, "
                     r"utsns_get \(kernel/utsname\.c:\d+\)$", actors, re.M), actors  # fmt: skip
    assert re.search(r"^  target: ready, has not run yet$", actors, re.M)
    assert re.search(r"nsproxy #?\S+, count \d+: uts 40265\d+, ipc 40265\d+, ", actors)
    assert "RCU read sections 1, real-time priority 10, pid " in actors
    assert said(done, 16).startswith("Show the execution as the lab sees it")
    assert {one.split()[1] for one in COMMANDS[:16]} == set(
        re.findall(r"^nslab (\w+) -- ", said(done, 16), re.M)
    )
    mine = [line for number in range(16) for line in said(done, number).splitlines()]
    # Frames, source lines and breakpoints are shown by gdb itself, tokens are to be copied.
    others = re.compile(r"#\d|\d+\t|make replay|Breakpoint")
    long = [line for line in mine if len(line) > 80 and not others.match(line)]
    assert not long


def test_every_command_without_a_guest(gdb: Any) -> None:
    done = gdb("kill\n" + tried(*NEED_GUEST, "nslab goto 12"))
    for number, command in enumerate(NEED_GUEST):
        expected = "error: no guest is running: `nslab goto N` boots it again, up to step N"
        assert said(done, number).strip().endswith(expected.removeprefix("error: ")), command
        assert len(said(done, number).splitlines()) <= 2, command
    # And that is true.
    assert said(done, len(NEED_GUEST)).startswith("step 12 of "), done.out


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("nslab nonsense", "nslab nonsense: no such command; see `help nslab`"),
        ("nslab next 3", "too many words: nslab next"),
        ("nslab trace x", "x: not a whole number; nslab trace [N]"),
        ("nslab back 0", "0: too small; nslab back [N]"),
        ("nslab back 5000", "there is no scheduling point that far back"),
        ("nslab goto", "to which step? nslab goto N; `nslab trace` has their numbers"),
        ("nslab goto 0", "0: too small; steps begin with 1"),
        ("nslab break", "at which point? nslab break POINT [ACTOR]; `nslab points` lists them"),
        ("nslab break rcu_red_lock", "no point 'rcu_red_lock': is 'rcu_read_lock' meant?"),
        ("nslab break rcu_read_lock me", "no actor 'me': there is target, reader"),
        ("nslab frame target", "target has no stack: it has not come yet, or has left"),
        ("nslab nsproxy 8", "nothing can be read at 0x8"),
        ("nslab nsproxy me", "no actor 'me': there is target, reader"),
        ("nslab nsproxy target", "target has no nsproxy: it is not there, or almost dead"),
        ("nslab choose reader", "nothing is decided here: `nslab next` goes to where something is"),
    ],
)  # fmt: skip
def test_each_error_is_one_line(command: str, line: str, errors: dict[str, str]) -> None:
    assert errors[command].splitlines()[-1] == f"error: {line}"


@pytest.fixture(scope="module")
def errors(token: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each of those commands says where the token stops."""
    marks = [mark for mark in getattr(test_each_error_is_one_line, "pytestmark") if mark.name == "parametrize"]
    commands = [command for command, _ in marks[0].args[1]]
    done = session(tmp_path_factory.mktemp("errors"), token, tried(*commands))
    return {command: said(done, number) for number, command in enumerate(commands)}


# === What gdb can do anyway ===


def test_the_stack_of_a_preempted_reader(gdb: Any, use: Use) -> None:
    done = gdb(tried(
        f"nslab goto {use.step + 8}", "info registers rip", "nslab frame reader", "bt", "up", "info registers rip",
        "nslab frame", "bt", "nslab frame reader", "nslab next", "continue",
    ))  # fmt: skip
    assert "utsns_get (task=" in said(done, 2), done.out
    stack = said(done, 3)
    order = [stack.index(name) for name in ("switch_threads", "preempt_schedule", "__asan_report_load8",
                                            "utsns_get", "proc_ns_readlink", "handle_syscall")]  # fmt: skip
    assert order == sorted(order)
    assert re.search(r"^#\d+ <user space of reader, in readlink", stack, re.M)
    assert stack.rstrip().endswith("()") and "fork_handler" not in stack
    assert "ns_get_name" in said(done, 4)
    # One's own is as it was; and going on from the other's is safe.
    assert "utsns_get" not in said(done, 7) and "user space of target" in said(done, 7)
    assert said(done, 9).startswith("step ")
    assert "before it is reported: KASAN" in said(done, 10)


def test_it_does_not_matter_which_stack_lies_above_the_other(gdb: Any) -> None:
    done = gdb(
        tried(
            "nslab frame reader", "bt", "nslab goto 1", "nslab choose reader", "nslab next",
            "nslab frame target", "bt",
        ),
        "--scenario", SCENARIO,
    )  # fmt: skip
    for number, name in ((1, "reader"), (6, "target")):
        assert "__schedule (" in said(done, number), done.out
        assert f"<user space of {name}, in ioctl> ()" in said(done, number)
        assert "__se_sys_ioctl" in said(done, number - 1)


def test_breakpoints_watchpoints_and_finish_are_gdbs_own(gdb: Any) -> None:
    done = gdb(
        tried(
            "break switch_task_namespaces if p == $nslab_task(\"target\")", "continue",
            "watch -l $nslab_task(\"target\")->nsproxy", "continue", "delete 2", "up", "continue",
            "finish",
        ),
        "--scenario", SCENARIO,
    )  # fmt: skip
    assert "Breakpoint 1, switch_task_namespaces (p=" in said(done, 1), done.out
    assert "Hardware watchpoint 2" in said(done, 3)
    assert re.search(r"Old value = .*\nNew value = ", said(done, 3))
    assert "switch_task_namespaces" in said(done, 3)
    assert "Breakpoint 1, switch_task_namespaces" in said(done, 6)
    assert re.match(r"\S+ \(.*\) at \.\./kernel/fork\.c:\d+\n", said(done, 7))


def test_structures_are_printed_as_people_read_them(gdb: Any, use: Use) -> None:
    done = gdb(tried(
        f"nslab goto {use.step}", "p init_nsproxy", "p init_uts_ns.ns", "p *init_task.thread_pid",
        "p init_nsproxy.count", "p init_task.tasks", "p init_task.rcu",
        f"p nslab_events[{use.step - 1}]", "p nslab_actors[1]",
        "p nslab_switches[0]", "p/r init_nsproxy.count", "lx-ps",
    ))  # fmt: skip
    assert re.search(r"= nsproxy = \{count = \d+, uts_ns = 40265\d+, ", said(done, 1)), done.out
    assert re.search(r"= uts:\[40265\d+\] count \d+$", said(done, 2))
    assert re.search(r"= pid 0, count \d+$", said(done, 3))
    assert re.search(r"= \d+$", said(done, 4))
    assert re.search(r"= list of \d+, next 0x\w+$", said(done, 5))
    assert re.search(r"= (no callback|callback \w+)$", said(done, 6))
    assert re.search(rf"= reader: about to read nsproxy #{use.object}->uts_ns, utsns_get\+0x\w+/0x\w+$", said(done, 7))
    assert re.search(r"= actor reader, in, \d+ points, task 0x\w+$", said(done, 8))
    assert re.search(r"= z0b$", said(done, 9))
    assert "refs = {" in said(done, 10)
    assert re.search(r"swapper\b", said(done, 11)) and re.search(r"rcu_exp_gp_kthr", said(done, 11))


def test_a_nsproxy_tells_its_life(gdb: Any, use: Use) -> None:
    done = gdb(tried(f"nslab goto {use.freed + 2}") + "nslab frame reader\n" + tried(
        "nslab nsproxy target", f"nslab nsproxy #{use.object}", "nslab nsproxy #500", "nslab nsproxy &init_nsproxy",
    ))  # fmt: skip
    alive = done.out.rpartition("@0\n")[2]
    assert re.match(r"nsproxy #\d+ at 0x\w+, generation \d+, alive\n  allocated by target: step \d+, "
                    r"create_new_namespaces \(kernel/nsproxy\.c:\d+\)\n", alive)  # fmt: skip
    assert "error: the execution has no object #500 yet" in alive
    assert ", alive, the first one\n" in alive
    freed = done.out.rpartition("@1\n")[2]
    assert re.match(rf"nsproxy #{use.object} at 0x\w+, generation \d+, freed\n", freed), done.out
    assert re.search(r"^  freed by target: step \d+, free_nsproxy \(kernel/nsproxy\.c:\d+\)$", freed, re.M)


# === The end of a guest, of gdb ===


def test_gdb_outlives_the_guest(gdb: Any) -> None:
    done = gdb(tried("continue", "nslab actors", "nslab goto 20", "nslab actors"))
    assert "the guest has ended: KASAN: slab-use-after-free in utsns_get" in said(done, 0), done.out
    assert "no guest is running" in said(done, 1)
    assert said(done, 2).startswith("step 20 of ") and "the same as before" in said(done, 2)
    assert "* reader: running" in said(done, 3)


@pytest.mark.parametrize(("commands", "status"), [("quit 7\n", 7), ("bt 1\n", 0), ("no-such-command\n", 1)])
def test_the_exit_status_is_gdbs(gdb: Any, commands: str, status: int) -> None:
    done = gdb(commands, "--scenario", SCENARIO)
    assert done.status == status, done.out + done.err
    assert "Quit anyway" not in done.out


def test_a_token_of_another_execution_is_refused(token: str) -> None:
    # Of the correct kernel, or it would fail before that point could be missed.
    done = nslab("gdb", re.sub(r"replay-\w+", "replay-z0bb9999a", token.replace(VARIANT, "none")))
    assert (done.status, done.out) == (3, "")
    assert done.err.endswith(": the token is not of this execution\n") and done.err.count("\n") == 1


def test_run_is_a_way_to_boot_as_well(gdb: Any) -> None:
    done = gdb(tried("nslab goto 12", "nslab break switch_after_gp", "run", "continue", "continue"))
    assert re.search(r"^step \d+ of \d+, target: switch_after_gp;", said(done, 2), re.M), done.out
    assert "the guest has ended" not in said(done, 2)
    assert re.match(r"step \d+ of \d+, target: switch_after_gp;", said(done, 3)), done.out
    assert "before it is reported: KASAN" in said(done, 4)


PID = "python print('@pid', gdb.selected_inferior().pid)\n"


def test_nothing_is_left_behind(gdb: Any) -> None:
    done = gdb("nslab goto 20\n" + PID)
    found = re.search(r"@pid (\d+)", done.out)
    assert found and not running(int(found[1]))
    assert not list((BUILD / "gdb" / "latest").glob("boot*"))


# === On a terminal ===


@pytest.fixture
def terminal(token: str) -> Iterator[pexpect.spawn]:
    """`make gdb` of the token, at its first prompt."""
    child = pexpect.spawn(
        "make", ["-C", str(REPO), "gdb", f"TOKEN={token}"], encoding="utf-8", timeout=FOREVER_S,
        dimensions=(150, 100),  # no pager between the picture and the prompt
    )  # fmt: skip
    child.expect_exact(PROMPT)
    yield child
    child.close(force=True)


def test_completion(terminal: pexpect.spawn) -> None:
    for typed, completed in (
        ("nslab cho\t", "nslab choose "), ("tar\t", "target"), ("\x15nslab break switch_before_f\t", "free"),
        ("\x15nslab frame re\t", "reader"), ("\x15nslab ns\t", "nsproxy"),
    ):  # fmt: skip
        terminal.send(typed)
        terminal.expect_exact(completed)
    terminal.send("\x15nslab \t\t")
    terminal.expect_exact(f"{PROMPT}nslab ")
    assert {"actors", "choose", "goto", "save", "switch"} <= set(terminal.before.split())


def test_ctrl_c_stops_the_guest_and_all_goes_on(terminal: pexpect.spawn) -> None:
    assert "\033[1m" in terminal.before  # colours
    for command in (
        "set pagination off", "nslab goto 3", "set can-use-hw-watchpoints 0",
        # The guest is stepped instruction by instruction now.
        "watch nslab_gdb.hash",
    ):  # fmt: skip
        terminal.sendline(command)
        terminal.expect_exact(PROMPT)
    terminal.sendline("continue")
    terminal.expect_exact("Continuing.")
    terminal.sendintr()
    terminal.expect(r"Program received signal SIGINT")
    terminal.expect_exact(PROMPT)
    terminal.sendline("delete 1")
    terminal.expect_exact(PROMPT)
    terminal.sendline("nslab next")
    terminal.expect(r"step [4-9] of \d+")
    terminal.expect_exact(PROMPT)
    terminal.sendline("info inferiors")
    terminal.expect(r"process (\d+)")
    guest = int(terminal.match[1])
    assert running(guest)
    terminal.expect_exact(PROMPT)
    terminal.sendline("quit")
    terminal.expect("Quit anyway")
    terminal.sendline("y")
    terminal.expect(pexpect.EOF)
    terminal.close()
    # make has seen neither Ctrl-C nor a failure.
    assert (terminal.exitstatus, terminal.signalstatus) == (0, None)
    assert not running(guest)


def test_the_end_of_the_terminal_ends_the_guest(terminal: pexpect.spawn) -> None:
    terminal.sendline("info inferiors")
    terminal.expect(r"process (\d+)")
    guest = int(terminal.match[1])
    terminal.close(force=True)
    await_end(guest)


def await_end(pid: int) -> None:
    """Wait for the end of a process that may be gone already."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([pidfd], [], [], FOREVER_S)[0]
    finally:
        os.close(pidfd)

# SPDX-License-Identifier: GPL-2.0
"""nslab ...: the lab's commands in gdb."""

from __future__ import annotations

import difflib
import subprocess
from dataclasses import replace
from typing import Sequence

import gdb

from nslab_gdb import kernel, show, stacks
from nslab_gdb.guest import GUEST, NEVER
from nslab_lab.cli import options
from nslab_lab.findings import minimize, stepping, trace
from nslab_lab.guest import abi
from nslab_lab.host.errors import LabError
from nslab_lab.host.paths import REPO
from nslab_lab.plans import profiles

DEFAULT_STEPS = 10
MAX_CHOICES = abi.constant("NSLAB_MAX_CHOICES")


def register() -> None:
    """Have gdb know them."""
    for command in (
        Nslab, Actors, Trace, Points, Nsproxy, Next, Switch, Break, Goto, Back, Choose, Save,
        Diagram, Frame,
    ):  # fmt: skip
        command()
    Hash()
    Step()
    Task()
    GUEST.prepare()
    GUEST.points = _points
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
    return _is_point(moment) and GUEST.so_far()[step - 1].name in ("point", "access")


def _is_point(moment: int) -> bool:
    return moment == (kernel.DECIDES if GUEST.session.steers else kernel.RECORDED)


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


# === Arguments ===


def _whole(text: str, low: int, what: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        raise gdb.GdbError(f"{text}: not a whole number; {what}") from None
    if value < low:
        raise gdb.GdbError(f"{text}: too small; {what}")
    return value


def _one_of(kind: str, name: str, known: Sequence[str]) -> int:
    if name in known:
        return list(known).index(name)
    close = difflib.get_close_matches(name, known, 1)
    hint = f"is '{close[0]}' meant?" if close else f"there is {', '.join(known)}"
    raise gdb.GdbError(f"no {kind} '{name}': {hint}")


def _actor(name: str) -> int:
    return _one_of("actor", name, GUEST.session.actors)


class _Command(gdb.Command):
    """One below `nslab`; the first line of its text is what `help nslab` shows."""

    name = ""
    usage = ""
    most = 0  # arguments
    needs_guest = True

    def __init__(self) -> None:
        super().__init__(f"nslab {self.name}", gdb.COMMAND_USER)

    def invoke(self, text: str, from_tty: bool) -> None:
        words = gdb.string_to_argv(text)
        if len(words) > self.most:
            raise gdb.GdbError(f"too many words: nslab {self.name} {self.usage}".rstrip())
        if self.needs_guest:
            kernel.require_guest()
        try:
            self.run(words)
        except LabError as error:
            raise gdb.GdbError(error.message) from None

    def run(self, words: list[str]) -> None:
        raise NotImplementedError

    def choices(self, index: int) -> Sequence[str]:
        """What there is for an argument, from 0."""
        return ()

    def complete(self, text: str, word: str) -> list[str]:
        before = text[: len(text) - len(word)].split()
        return [one for one in self.choices(len(before)) if one.startswith(word)]


class Nslab(gdb.Command):
    """Show the execution as the lab sees it, and move through it."""

    def __init__(self) -> None:
        super().__init__("nslab", gdb.COMMAND_USER, gdb.COMPLETE_NONE, True)

    def invoke(self, text: str, from_tty: bool) -> None:
        if text:
            raise gdb.GdbError(f"nslab {text.split()[0]}: no such command; see `help nslab`")
        gdb.execute("help nslab")


# === Looking ===


class Actors(_Command):
    """Show each actor: its state, point, nsproxy and priority."""

    name = "actors"

    def run(self, words: list[str]) -> None:
        show.actors()


class Trace(_Command):
    """Show the last steps of the trace.

    nslab trace [N]: the last N, 10 by default.
    """

    name, usage, most = "trace", "[N]", 1

    def run(self, words: list[str]) -> None:
        count = _whole(words[0], 1, "nslab trace [N]") if words else DEFAULT_STEPS
        steps = GUEST.trace.steps(GUEST.so_far())
        print(trace.table(steps[-count:]) or "nothing has happened yet\n", end="")


class Points(_Command):
    """Show the named points, and how often each actor has reached them."""

    name = "points"

    def run(self, words: list[str]) -> None:
        show.points()


class Nsproxy(_Command):
    """Show a nsproxy: fields, ids, allocated or freed, and by which actor.

    nslab nsproxy [ACTOR|#NUMBER|ADDRESS]. Without an argument: that of the running
    actor. NUMBER is the one in the picture, ADDRESS any gdb expression.
    """

    name, usage, most = "nsproxy", "[ACTOR|#NUMBER|ADDRESS]", 1

    def choices(self, index: int) -> Sequence[str]:
        return GUEST.session.actors if index == 0 else ()

    def run(self, words: list[str]) -> None:
        show.nsproxy(self._address(words))

    @staticmethod
    def _address(words: list[str]) -> int:
        names = GUEST.session.actors
        if words and words[0].startswith("#"):
            number = _whole(words[0][1:], 1, "numbers begin with #1")
            if address := kernel.address_of(number):
                return address
            raise gdb.GdbError(f"the execution has no object {words[0]} yet")
        if words and words[0] not in names:
            try:
                return int(gdb.parse_and_eval(words[0]))
            except gdb.error:
                _actor(words[0])  # says what there is
        actors = kernel.actors(names)
        found = [one for one in actors if (one.name == words[0] if words else one.runs)]
        if not found:
            raise gdb.GdbError("no actor runs: nslab nsproxy [ACTOR|#NUMBER|ADDRESS]")
        task = found[0].task
        if task is None or not int(task["nsproxy"]):
            raise gdb.GdbError(f"{found[0].name} has no nsproxy: it is not there, or almost dead")
        return int(task["nsproxy"])


class Diagram(_Command):
    """Show the interleaving, with a mark at the current step."""

    name = "diagram"

    def run(self, words: list[str]) -> None:
        show.interleaving()


class Frame(_Command):
    """Select the stack of another actor.

    nslab frame ACTOR; without an argument, select that of the running task again. Until the guest
    continues, `bt`, `up` and `info locals` show that stack. No register is changed.
    """

    name, usage, most = "frame", "[ACTOR]", 1

    def choices(self, index: int) -> Sequence[str]:
        return GUEST.session.actors if index == 0 else ()

    def run(self, words: list[str]) -> None:
        stacks.own()
        if not words:
            show.select()
            gdb.execute("frame")
            return
        one = kernel.actors(GUEST.session.actors)[_actor(words[0])]
        if one.task is None:
            raise gdb.GdbError(f"{one.name} has no stack: it has not come yet, or has left")
        if one.runs:
            show.select()
        else:
            stacks.other(one.task)
        gdb.execute("frame")


# === Going on ===


class Next(_Command):
    """Continue to the next scheduling point, of any actor."""

    name = "next"

    def run(self, words: list[str]) -> None:
        stacks.own()
        GUEST.run(lambda moment, step, actor: _is_point(moment), next=1)
        _arrived()


class Switch(_Command):
    """Continue until another actor runs."""

    name = "switch"

    def run(self, words: list[str]) -> None:
        stacks.own()
        last = int(kernel.control()["last"])
        steers = GUEST.session.steers

        def wanted(moment: int, step: int, actor: int) -> bool:
            return moment == kernel.GOES_ON or not steers and actor != last

        GUEST.run(wanted, turn=1)
        _arrived()


def _arrived() -> None:
    if not kernel.alive():
        show.ended(GUEST.status)
        return
    if not GUEST.remember():
        print("NOT the same steps as before: the kernel did not do the same again")
    show.here()


class _PointBreakpoint(gdb.Breakpoint):
    """At a named point, of one actor or of all."""

    def __init__(self, point: int, mask: int) -> None:
        super().__init__(kernel.STOP)
        self.silent = True
        self.point, self.mask = point, mask

    def stop(self) -> bool:
        what = kernel.control()
        if int(what["moment"]) not in (kernel.RECORDED, kernel.DECIDES):
            return False
        event = kernel.events()[int(what["at"]) - 1]
        return event.name == "point" and event.what == self.point and bool(self.mask >> event.actor & 1)


_breakpoints: list[_PointBreakpoint] = []


def _points() -> dict[int, int]:
    masks: dict[int, int] = {}
    for one in _breakpoints:
        if one.is_valid() and one.enabled:
            masks[one.point] = masks.get(one.point, 0) | one.mask
    return masks


class Break(_Command):
    """Stop whenever an actor reaches a named point.

    nslab break POINT [ACTOR]. An ordinary breakpoint: `delete`, `disable` and `ignore`
    take its number.
    """

    name, usage, most = "break", "POINT [ACTOR]", 2
    needs_guest = True

    def choices(self, index: int) -> Sequence[str]:
        return (tuple(kernel.point_names().values()), GUEST.session.actors, ())[min(index, 2)]

    def run(self, words: list[str]) -> None:
        if not words:
            raise gdb.GdbError("at which point? nslab break POINT [ACTOR]; `nslab points` lists them")
        names = kernel.point_names()
        point = list(names)[_one_of("point", words[0], tuple(names.values()))]
        mask = 1 << _actor(words[1]) if words[1:] else 0xFF
        _breakpoints.append(_PointBreakpoint(point, mask))
        GUEST.tell_points()
        print(f"that is, at {' of '.join(words)}")


# === Anywhere, also back ===


def _goto(step: int) -> None:
    """Go to @step, forwards or by booting again, and compare the trace."""
    stacks.own()
    now = len(GUEST.so_far()) if kernel.alive() else None
    known = GUEST.known(step)

    def wanted(moment: int, at: int, actor: int) -> bool:
        return at == step and moment in (kernel.RECORDED, kernel.DECIDES)

    forward = now is not None and step > now
    if forward:
        GUEST.run(wanted, step=step)
    else:
        GUEST.boot(wanted, step=step)
    if not kernel.alive():
        show.ended(GUEST.status)
        return
    same = GUEST.remember()
    show.here()
    moment = kernel.at_stop()
    there = moment in (kernel.RECORDED, kernel.DECIDES) and int(kernel.control()["at"]) == step
    if not there:
        print(f"that is not step {step}: this came first")
    elif not forward:
        said = show.trace_hash()
        same = same and (len(known) < step or said == stepping.hash_so_far(known))
        print(f"trace hash {said} up to here, {_compared(same, len(known) >= step)}")


def _compared(same: bool, seen: bool) -> str:
    if not same:
        return "NOT the same as before"
    return "the same as before" if seen else "seen for the first time"


class Goto(_Command):
    """Go to a step of the trace, forwards or backwards.

    nslab goto N, from 1. To go back, the guest is booted again and runs up to that step, with the
    same choices; the trace is compared and has to be the same.
    """

    name, usage, most, needs_guest = "goto", "N", 1, False

    def run(self, words: list[str]) -> None:
        if not words:
            raise gdb.GdbError("to which step? nslab goto N; `nslab trace` has their numbers")
        _goto(_whole(words[0], 1, "steps begin with 1"))


class Back(_Command):
    """Go back to an earlier scheduling point.

    nslab back [N]: N points, 1 by default.
    """

    name, usage, most = "back", "[N]", 1

    def run(self, words: list[str]) -> None:
        count = _whole(words[0], 1, "nslab back [N]") if words else 1
        events = GUEST.so_far()
        at_last = kernel.at_stop() in (kernel.RECORDED, kernel.DECIDES)
        if at_last:
            events = events[: int(kernel.control()["at"])]
        step = stepping.points_back(events, GUEST.session.steers, count, at_last)
        if not step:
            raise gdb.GdbError("there is no scheduling point that far back")
        _goto(step)


# === By hand ===


class Choose(_Command):
    """Choose the actor that runs next.

    nslab choose ACTOR. From then on, the running actor continues for as long as it can.
    """

    name, usage, most = "choose", "ACTOR", 1

    def choices(self, index: int) -> Sequence[str]:
        return GUEST.session.actors if index == 0 else ()

    def run(self, words: list[str]) -> None:
        if not words:
            raise gdb.GdbError("whom? nslab choose ACTOR")
        if not GUEST.session.steers:
            raise gdb.GdbError(
                "strategy none leaves it to the scheduler who runs: start with STRATEGY=replay-0"
            )
        actor = _actor(words[0])
        if kernel.at_stop() != kernel.DECIDES:
            raise gdb.GdbError("nothing is decided here: `nslab next` goes to where something is")
        step = int(kernel.control()["at"])
        event = GUEST.so_far()[step - 1]
        if actor not in event.able():
            able = ", ".join(show.able(event))
            raise gdb.GdbError(f"{words[0]} cannot run at step {step}: {able} can")
        if len(GUEST.choices) == MAX_CHOICES:
            raise gdb.GdbError(f"{MAX_CHOICES} choices are made, more are not kept: `nslab save`")
        GUEST.choose(step, actor)
        print(f"step {step}: {words[0]} runs next")


class Save(_Command):
    """Print the token of the schedule up to here.

    The schedule is run once, outside of gdb, to see its result.
    """

    name = "save"

    def run(self, words: list[str]) -> None:
        session = GUEST.session
        if not session.steers:
            raise gdb.GdbError("strategy none has no schedule to save: its own token replays it")
        events = [self._chosen(number, one) for number, one in enumerate(GUEST.so_far(), 1)]
        schedule = minimize.schedule_of(GUEST.trace.steps(events), session.actors)
        token = replace(session.token.solo, strategy=f"replay-{schedule}")
        profile = profiles.load(str(session.profile) if session.profile else token.profile)
        words = ["replay", str(token)]
        if token.scenario in session.scenarios:
            words += ["--scenario", str(session.scenarios[token.scenario])]
        if session.profile:
            words += ["--profile", str(session.profile)]
        if session.series:
            words += ["--series", session.series]
        for patch in session.patches:
            words += ["--patch", str(patch)]
        done = subprocess.run(
            [REPO / "harness" / "nslab", *words], capture_output=True, text=True, check=False,
            cwd=REPO,
        )  # fmt: skip
        print(
            options.replay_command(
                token, profile, session.patches, session.series, session.scenarios
            )
        )
        print("\n".join(_result(done.stdout) or done.stderr.splitlines()))

    @staticmethod
    def _chosen(number: int, event: stepping.Event) -> stepping.Event:
        """A decision made by hand may be still to come."""
        if event.next == stepping.NOBODY and number in GUEST.choices:
            return replace(event, next=GUEST.choices[number])
        return event


def _result(said: str) -> list[str]:
    lines = said.splitlines()
    at = [number for number, line in enumerate(lines) if line.startswith(("PASS ", "FAIL "))]
    return [line for line in lines[at[-1] :] if not line.startswith("console:")] if at else []


# === In expressions ===


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
        return kernel.variable("nslab_actors")[_actor(name.string())]["task"]

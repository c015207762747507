# SPDX-License-Identifier: GPL-2.0
"""The guest: booted, stopped where it is wanted, and booted again to reach an earlier step."""

from __future__ import annotations

import contextlib
from typing import Callable, Iterator

import gdb

from nslab_gdb import kernel, session
from nslab_gdb.trace import Trace
from nslab_lab.findings import stepping
from nslab_lab.findings.stepping import Event

# Where the kernel begins to complain, the more telling ones first; what comes later of the same
# complaint is passed over.
REPORTS = (
    "nslab_kasan_reports", "refcount_warn_saturate", "lockdep_rcu_suspicious", "nslab_oracle_begin",
    "show_regs", "sched_show_task", "__warn", "nslab_freeze", "panic",
)  # fmt: skip

Wanted = Callable[[int, int, int], bool]  # of a moment, a step and an actor
NEVER: Wanted = lambda moment, step, actor: False  # noqa: E731


class _Stop(gdb.Breakpoint):
    """Where the kernel calls when something has come that was asked for."""

    def __init__(self) -> None:
        super().__init__(kernel.STOP, internal=True)
        self.silent = True

    def stop(self) -> bool:
        what = kernel.control()
        moment, step, actor = (int(what[name]) for name in ("moment", "at", "actor"))
        return moment == kernel.ENDS or GUEST.wanted(moment, step, actor)


class _Report(gdb.Breakpoint):
    """A function that begins a report."""

    def __init__(self, function: str) -> None:
        super().__init__(function, internal=True)
        self.silent = True
        self.function = function

    def stop(self) -> bool:
        if GUEST.reported:
            return False
        GUEST.reported = self.function
        return True


class _Start(gdb.Breakpoint):
    """Where a guest begins: early enough, nothing of the lab's has run."""

    def __init__(self) -> None:
        super().__init__("linux_main", internal=True)
        self.silent = True

    def stop(self) -> bool:
        GUEST.starts()
        return False


class Guest:
    """The session's guest."""

    def __init__(self) -> None:
        self.session = session.load()
        self.wanted: Wanted = NEVER
        self.reported: str | None = None  # the function that has begun a report
        self.leaving = False  # the user ends it, of which nothing is to be said
        self.status: int | None = None  # the last one ended with, None if it was killed
        self.busy = False  # a command of the lab's says itself why it stopped
        self.points: Callable[[], dict[int, int]] = dict  # what the user's breakpoints are at
        self.choices: dict[int, int] = {}  # by step: who was chosen by hand
        self.warm_up = 0  # it goes wrong already in that one to warm up, from 1
        self.by_hand = False  # the schedule is no longer the token's
        self._members: dict[str, int] = {}  # of struct nslab_gdb: what the kernel is to look for
        self._seen: list[Event] = []  # the steps as they were, as far as they are known
        self._trace: Trace | None = None

    @property
    def trace(self) -> Trace:
        if self._trace is None:
            self._trace = Trace(self.session)
        return self._trace

    def prepare(self) -> None:
        """Set the breakpoints that are not shown to the user."""
        _Start()
        _Stop()
        for function in REPORTS:
            _Report(function)

    # === The execution ===

    def so_far(self) -> list[Event]:
        """The events of the execution; none before it has begun."""
        if not kernel.alive() or not self.in_execution():
            return []
        return kernel.events()

    @property
    def execution(self) -> int:
        """The number of the execution that is meant."""
        return self.session.token.first if self.warm_up else self.session.token.n

    def in_execution(self) -> bool:
        """Whether it is under way, or has just ended."""
        if kernel.at_stop() == kernel.ENDS:
            return True
        return kernel.execution() == self.execution and kernel.warm_up() == self.warm_up

    def take_warm_up(self) -> None:
        """If something is reported before the execution, then what warms up is the one meant."""
        if self.reported and kernel.alive() and kernel.execution():
            self.warm_up = kernel.warm_up()

    def remember(self) -> bool:
        """Keep the steps so far; whether they are those that were seen before."""
        events = self.so_far()
        same = stepping.same(events, self._seen)
        if len(events) > len(self._seen):
            self._seen = events
        return same

    def known(self, step: int) -> list[Event]:
        """The steps up to that one, as far as they were seen."""
        return self._seen[:step]

    def choose(self, step: int, actor: int) -> None:
        """At @step, @actor runs next; what was to come after it is forgotten."""
        self.choices = {at: who for at, who in self.choices.items() if at < step} | {step: actor}
        self._seen = self._seen[:step]
        self.by_hand = True
        self._tell_choices()

    # === Running ===

    def boot(self, wanted: Wanted, **members: int) -> None:
        """Boot anew and run to where it is @wanted; the user's breakpoints do not count."""
        with self._quiet(), _no_breakpoints():
            self.end()
            self._members = members
            self._go("run", wanted)
        self.tell_points()

    def run(self, wanted: Wanted, **members: int) -> None:
        """Go on to where it is @wanted, or whatever else stops it."""
        with self._quiet():
            self._members = members
            self._tell_members()
            self._go("continue", wanted)

    def starts(self) -> None:
        """A guest begins, by whatever command."""
        self.reported = None
        kernel.write("warm_up", self.warm_up)
        kernel.write("execution", self.execution)
        self._tell_choices()
        self._tell_members()
        self.tell_points()

    def end(self) -> None:
        """No guest any more; its processes die with it."""
        if kernel.alive():
            gdb.execute("kill", to_string=True)

    def _go(self, command: str, wanted: Wanted) -> None:
        self.wanted = wanted
        try:
            gdb.execute(command, to_string=True)
        finally:
            self.wanted = NEVER
            self._members = dict.fromkeys(self._members, 0)
            if kernel.alive():
                self._tell_members()
            self._members = {}

    def _tell_members(self) -> None:
        for name, value in self._members.items():
            kernel.write(name, value)

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    def _tell_choices(self) -> None:
        for index, (step, actor) in enumerate(self.choices.items()):
            kernel.write(f"choices[{index}].step", step)
            kernel.write(f"choices[{index}].actor", actor)
        kernel.write("nchoices", len(self.choices))

    def tell_points(self) -> None:
        """Have the kernel stop where the user's breakpoints are."""
        if not kernel.alive():
            return
        masks = self.points()
        for point in kernel.point_names():
            kernel.write(f"points[{point}]", masks.get(point, 0))


@contextlib.contextmanager
def _no_breakpoints() -> Iterator[None]:
    """Without the user's breakpoints and watchpoints."""
    disabled = [one for one in gdb.breakpoints() if one.visible and one.enabled]
    for one in disabled:
        one.enabled = False
    try:
        yield
    finally:
        for one in disabled:
            if one.is_valid():
                one.enabled = True


GUEST = Guest()

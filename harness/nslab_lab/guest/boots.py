# SPDX-License-Identifier: GPL-2.0
"""One boot of a guest: its plan, its results, and when it is ended early."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Protocol

from nslab_lab.guest import initramfs
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.process import Process
from nslab_lab.guest.results import (
    Event, Execution, Measured, Note, Points, Reader, Round, Search, Site, Stack, Step,
)  # fmt: skip
from nslab_lab.guest.words import Profiled, Word
from nslab_lab.host import cpus, scratch
from nslab_lab.plans.plan import BootPlan


# The last of these executions has ended.
_OVER = "0"
# In place of the number of a kind of object: it is not watched.
_NOT_WATCHED = 0xFFFF


class Stop(Protocol):
    """Says whether a guest is to be ended early. A threading.Event is one."""

    def is_set(self) -> bool: ...


class GuestKilled(Exception):
    """Somebody else has killed a guest: says nothing about the kernel in it."""


@dataclass
class Boot:
    """The results of one boot."""

    plan: BootPlan
    console: Path
    executions: list[Execution] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    met: Points = field(default_factory=Points)
    search: Search | None = None
    sites: list[Site] = field(default_factory=list)  # each once
    stacks: list[Stack] = field(default_factory=list)  # each once
    round: Round | None = None  # with the profile fail-nth
    measured: list[Measured] = field(default_factory=list)  # where the plan says so
    words: list[Word] = field(default_factory=list)  # where the plan says so, the new ones last
    profiled: Profiled | None = None  # where a strategy decides
    ready: bool = False  # the guest had read its plan
    ended: bool = False  # the whole plan was run
    error: str | None = None  # the guest could not use its plan
    silent: bool = False  # it stopped answering and was killed
    stopped: bool = False  # it was killed because the run ends
    status: int | None = None  # exit status, or minus the signal
    patched: bool = False  # see Machine
    profiling: str = ""  # the profile execution before the first one that was begun last

    @property
    def died_profiling(self) -> bool:
        """Whether it died while it looked for shared memory, before its first execution."""
        # Steps are told of the execution that it dies in, whichever that is.
        gone_on = self.executions or self.ended or self.error or self.stopped
        return self.profiling not in ("", _OVER) and not gone_on

    @property
    def next(self) -> int:
        """The first execution without a result."""
        if self.plan.strategy.searches or not self.executions:
            return self.plan.first
        return self.executions[-1].n + 1

    def kind(self, number: int) -> tuple[str, int]:
        """The kind of object with that number in traces: its name, and where kmalloc memory was asked for."""
        watches = self.plan.watches
        if 0 <= number < len(watches):
            return watches[number].name, 0
        return next(((one.object, one.site) for one in self.words if one.what == number), ("", 0))

    @property
    def kinds(self) -> tuple[tuple[str, int], ...]:
        """All kinds of objects of its traces, by number, where the plan asks for words."""
        numbers = [one.what for one in self.words if one.what != _NOT_WATCHED]
        return tuple(map(self.kind, range(max([len(self.plan.watches) - 1, *numbers]) + 1)))

    def console_text(self) -> str:
        """All the guest's console said."""
        return self.console.read_text(errors="replace")


# So many profile executions of a boot may be left out.
_MOST_SKIPPED = 16
# Those in which guests died, by all that their warm-up depends on.
_skipped: dict[tuple[object, ...], tuple[int, ...]] = {}


def boot(
    machine: Machine,
    plan: BootPlan,
    folder: Path,
    stop: Stop,
    on_execution: Callable[[Execution], None] = lambda execution: None,
) -> Boot:
    """Boot a guest, run @plan in it and wait for its end.

    Leaves console-NAME.log and results-NAME.jsonl in @folder. No process outlives the call,
    nor the caller should that be killed. Where a broken kernel dies while shared memory is looked for,
    before its first execution, it is booted again without that: so it does in every boot, and the
    execution that counts is one with a token. Raises LabError if no guest can be started at all.
    """
    while True:
        plan = without_skipped(machine, plan)
        result = _boot(machine, plan, folder, stop, on_execution)
        if not result.died_profiling or len(plan.skip) >= _MOST_SKIPPED:
            return result
        _skipped[_warm_up(machine, plan)] = (*plan.skip, int(result.profiling))
        result.console.unlink()
        (folder / f"results-{plan.name}.jsonl").unlink()


def without_skipped(machine: Machine, plan: BootPlan) -> BootPlan:
    """The plan without the profile executions in which guests of its kind have died."""
    return replace(plan, skip=_skipped.get(_warm_up(machine, plan), plan.skip))


def _warm_up(machine: Machine, plan: BootPlan) -> tuple[object, ...]:
    token = plan.token
    return machine.linux, token.scenario, token.variant, plan.knobs, plan.watching, token.grown


def _boot(
    machine: Machine,
    plan: BootPlan,
    folder: Path,
    stop: Stop,
    on_execution: Callable[[Execution], None],
) -> Boot:
    name = plan.name
    with scratch.folder(folder / f"boot-{name}") as place:
        plan_file = place / "plan"
        plan_file.write_text(plan.guest_text())
        initramfs.write(
            machine.initramfs_tool, machine.initramfs_base, plan_file, place / "initrd"
        )
        result = Boot(plan, folder / f"console-{name}.log", patched=machine.patched)
        results = folder / f"results-{name}.jsonl"
        results.touch(exist_ok=False)
        reader = Reader(results)

        def take_news() -> bool:
            events = reader.read()
            for event in events:
                _take(result, event, on_execution)
            return bool(events)

        with cpus.one() as cpu:
            with Process(machine, plan, place, result.console, results, cpu) as process:
                _watch(process, result, stop, take_news, machine)
        result.status = process.status
        take_news()
        ended = result.stopped or result.silent
        if machine.raises_killed and result.status == -signal.SIGKILL and not ended:
            raise GuestKilled
        return result


def _take(result: Boot, event: Event, on_execution: Callable[[Execution], None]) -> None:
    match event:
        case Execution():
            result.ready = True
            result.executions.append(event)
            on_execution(event)
        case Step():
            result.ready = True
            name, site = result.kind(event.watch) if isinstance(event.watch, int) else ("", 0)
            result.steps.append(replace(event, watch=name, site=site))
        case Search():
            result.search = event
        case Points():
            result.met = event
        case Site():
            result.sites.append(event)
        case Stack():
            result.stacks.append(event)
        case Round():
            result.round = event
        case Word():
            result.words.append(event)
        case Profiled():
            result.profiled = event
        case Measured():
            result.measured.append(event)
        case Note("profiling"):
            result.profiling = event.message or ""
        case Note("ready"):
            result.ready = True
        case Note("end"):
            result.ended = True
        case Note("error"):
            result.error = event.message or "no reason given"


def _watch(
    process: Process, result: Boot, stop: Stop, take_news: Callable[[], bool], machine: Machine
) -> None:
    heard = time.monotonic()
    console_size = 0
    while not process.wait(machine.poll_s):
        now = time.monotonic()
        size = process.console.stat().st_size
        if take_news() or size != console_size:
            heard = now
            console_size = size
        if stop.is_set():
            result.stopped = True
            return
        if now - heard > machine.silence_s:
            result.silent = True
            return

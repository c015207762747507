# SPDX-License-Identifier: GPL-2.0
"""Where allocations of marked calls failed: what the profile `fail-nth` has tried, and what not.

A failure site is a stack from which a call asks for memory. A call that comes to one several
times, or is made several times, has several allocations there. What was tried is told by the
executions themselves, not by what they were meant to do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Sequence

from nslab_lab.debuginfo import symbols
from nslab_lab.guest.results import Execution, Refused, Site, Stack

# Below a system call every stack is the same.
_BOTTOM = "handle_syscall"


@dataclass(frozen=True, order=True)
class Call:
    """A marked call of an actor, however often it is made."""

    actor: str
    name: str

    def __str__(self) -> str:
        return f"{self.actor} {self.name}"


@dataclass
class Tried:
    """What came of failing an allocation at a site."""

    first: int  # execution
    times: int = 0
    errnos: dict[str, int] = field(default_factory=dict)  # what the call returned, how often


_RETURNED = {None: "it did not fail", "none": "it did not return"}


@dataclass
class FailSites:
    """The failure sites of one scenario."""

    setups: int  # that its executions take in turn: inputs times actors
    stacks: dict[str, Stack] = field(default_factory=dict)
    # By call, then by stack; None: it was seen, but no allocation there has failed.
    sites: dict[Call, dict[str, Tried | None]] = field(default_factory=dict)
    round: int = 0  # executions until each counted allocation has failed; 0: none was counted
    ran: int = 0  # executions
    _counted: set[tuple[int, str, int, str, int]] = field(default_factory=set)
    _failed: set[tuple[int, str, int, str, int]] = field(default_factory=set)

    def add(self, sites: Iterable[Site], stacks: Iterable[Stack], executions: Sequence[Execution]) -> None:
        """What a batch saw, and the results of its executions."""
        last = executions[-1].n if executions else 0
        self.ran += len(executions)
        for stack in stacks:
            self.stacks.setdefault(stack.id, stack)
        for site in sites:
            # A guest may be ahead of the last execution that is wanted of it.
            if not site.counted and site.n > last:
                continue
            if site.counted:
                self._counted.add(site.key(self.setups))
            self._of(site.actor, site.name).setdefault(site.stack, None)
        for execution in executions:
            if execution.refused:
                self._add_refused(execution.n, execution.refused)

    def _of(self, actor: str, name: str) -> dict[str, Tried | None]:
        return self.sites.setdefault(Call(actor, " ".join(name.split())), {})

    def _add_refused(self, n: int, one: Refused) -> None:
        self._failed.add(((n - 1) % self.setups, one.actor, one.call, one.stack, one.again))
        by_stack = self._of(one.actor, one.name)
        tried = by_stack.get(one.stack) or Tried(n)
        by_stack[one.stack] = tried
        returned = _RETURNED.get(one.errno) or str(one.errno)
        tried.times += 1
        tried.errnos[returned] = tried.errnos.get(returned, 0) + 1

    @property
    def total(self) -> int:
        """Failure sites, of each call for itself."""
        return sum(map(len, self.sites.values()))

    @property
    def untried(self) -> dict[Call, int]:
        """How many sites of each call were seen but not tried; calls without such are left out."""
        counts = {call: list(sites.values()).count(None) for call, sites in self.sites.items()}
        return {call: number for call, number in counts.items() if number}

    @property
    def allocations(self) -> tuple[int, int]:
        """Of the allocations that were counted, how many have failed, and how many there were."""
        return len(self._counted & self._failed), len(self._counted)

    @property
    def complete(self) -> bool:
        """Whether each site that was seen was tried, in a round at least."""
        return 0 < self.round <= self.ran and not self.untried

    @property
    def finished(self) -> bool:
        """Whether each allocation was tried, too, so that another round would bring nothing."""
        failed, counted = self.allocations
        return self.complete and failed == counted


def document(linux: Path, scenario: str, found: FailSites) -> str:
    """The part of a scenario in sites.txt: each site with its stack, and what was tried there."""
    symbols.look_up(linux, {frame for one in found.stacks.values() for frame in one.frames})
    failed, counted = found.allocations
    lines = [f"{scenario}: {found.total} failure sites, {failed} of {counted} allocations failed once"]
    for call, sites in found.sites.items():
        lines += ["", f"  {call}"]
        for number, (stack, tried) in enumerate(sites.items(), 1):
            lines += _site(linux, number, found.stacks.get(stack), tried)
    return "\n".join(lines) + "\n"


def _site(linux: Path, number: int, stack: Stack | None, tried: Tried | None) -> list[str]:
    if tried:
        errnos = ", ".join(f"{name} ({times})" for name, times in tried.errnos.items())
        what = f"first tried in execution {tried.first}: {errnos}"
    else:
        what = "NOT TRIED"
    if stack is None:
        return [f"    {number}  {what}", "         the stack is not known"]
    lines = [f"    {number}  {stack.fault}, {what}"]
    for frame in stack.frames:
        if frame.startswith(_BOTTOM):
            break
        line = symbols.line_of(linux, frame)
        lines.append(f"         {frame.partition('+')[0]}{f' ({line})' if line else ''}")
    return lines

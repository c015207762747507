# SPDX-License-Identifier: GPL-2.0
"""A trace in the order in which things were done.

A step that is a scheduling point is recorded before anybody else runs, and what it announces
(an access, a free, the end of a read section) is done when its actor runs again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence

from nslab_lab.guest import abi
from nslab_lab.guest.verdict import OF_THE_GONE

if TYPE_CHECKING:
    from nslab_lab.guest.results import Step
    from nslab_lab.guest.verdict import Verdict

_SPINS = abi.constant("NSLAB_LOCK_SPINS")
LOCK, UNLOCK = "rcu_read_lock", "rcu_read_unlock"


@dataclass(frozen=True)
class Moment:
    """Something happens: a step is done, or its actor is preempted at it."""

    step: Step
    preempted: bool = False
    leaves: bool = False  # the next moment is another actor's because it was decided so

    @property
    def key(self) -> tuple[str, str]:
        """Kind and point of the step."""
        return self.step.kind, self.step.point


def is_announced(step: Step) -> bool:
    """Whether the step is recorded before it is done."""
    if step.kind == "unlock":
        return not step.what & _SPINS  # of a lock that sleeps: while it is still held
    if step.kind in ("section", "grace"):
        return not step.what
    return step.kind in ("access", "free", "lock", "wake") or (step.kind, step.point) == ("point", UNLOCK)


def in_order(steps: Sequence[Step]) -> list[Moment]:
    """The moments of a trace."""
    moments: list[Moment] = []
    announced: dict[str, Step] = {}

    def goes_on(actor: str) -> None:
        if actor in announced:
            moments.append(Moment(announced.pop(actor)))

    for step in steps:
        if step.kind == "begin" or not step.actor:
            continue
        goes_on(step.actor)
        leaves = step.local > 0 and step.next not in ("", step.actor)
        if leaves and is_announced(step):
            announced[step.actor] = step
        else:
            moments.append(Moment(step, leaves=leaves))
        if leaves:
            if not step.free:
                moments.append(Moment(step, preempted=True, leaves=True))
            goes_on(step.next)
    return moments


def last_to_run(moments: Sequence[Moment]) -> str:
    """The actor that runs when the trace ends. There has to be a moment."""
    last = moments[-1]
    return last.step.next if last.leaves else last.step.actor


def failed_object(moments: Sequence[Moment], verdict: Verdict | None) -> int:
    """The number of the object that the verdict is about; 0 if that cannot be told."""
    if verdict is None or not moments:
        return 0
    if failing_at(moments, verdict):
        return moments[-1].step.object
    if verdict.oracle not in OF_THE_GONE:
        return 0
    actor = last_to_run(moments)
    had = {
        number
        for moment in moments if moment.step.actor == actor and moment.step.kind == "access"
        for number in (moment.step.object, moment.step.value)
    }  # fmt: skip
    freed = [
        moment.step.object for moment in moments if moment.step.kind == "free" and moment.step.actor != actor
    ]  # fmt: skip
    return next((number for number in reversed(freed) if number in had), 0)


def failing_at(moments: Sequence[Moment], verdict: Verdict | None) -> bool:
    """Whether the last moment is what the verdict is about."""
    if not moments or verdict is None or verdict.function is None or moments[-1].leaves:
        return False
    last = moments[-1].step
    function = last.where.partition("+")[0]
    return last.kind in ("access", "free") and function == verdict.function.partition("+")[0]

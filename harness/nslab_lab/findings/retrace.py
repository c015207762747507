# SPDX-License-Identifier: GPL-2.0
"""The schedule of an execution in which no strategy decided, from its trace.

Delays made its actors take turns as they did. The execution is steered to take the same turns:
as soon as a replay leaves the order in which the actors reached the named points, the decision
that would have kept to it is added, and the next replay comes one turn further. Access points
are scheduling points only where a strategy decides, so the trace alone cannot number them.
"""

from __future__ import annotations

from typing import Callable, Sequence

from nslab_lab.guest.results import Step
from nslab_lab.plans.strategies import Schedule, Switch

# Replays, each a boot.
MAX_TURNS = 200
# Steps, all replays together: one that loops has 65,536, in four seconds.
MAX_STEPS = 200_000

Replay = Callable[[Schedule], tuple[Sequence[Step], bool]]


def schedule(
    steps: Sequence[Step], actors: Sequence[str], failures: Sequence[str], replay: Replay
) -> Schedule | None:
    """A schedule with the turns of @steps that fails in the same way; None if there is none.

    @failures: the allocations that failed. @replay: runs a schedule; the steps, and whether
    that is the same failure.
    """
    found = Schedule((), tuple(failures))
    taken = 0
    for _ in range(MAX_TURNS):
        again, same = replay(found)
        if same:
            return found
        taken += len(again)
        if taken > MAX_STEPS:
            return None
        switch = _next_turn(steps, again, actors)
        if switch is None or switch in found.switches:
            return None
        found = Schedule((*found.switches, switch), found.failures)
    return None


def _next_turn(steps: Sequence[Step], again: Sequence[Step], actors: Sequence[str]) -> Switch | None:
    """The decision with which @again would have followed @steps for longer."""
    goal = [step for step in steps if _counts(step)]
    came = [(index, step) for index, step in enumerate(again) if _counts(step)]
    both = 0
    while both < min(len(goal), len(came)) and _same(goal[both], came[both][1]):
        both += 1
    if both == len(goal):
        return None
    wanted = goal[both].actor
    # One that went on where it was held back is stopped at once; if it has begun to wait, then
    # the actor that went on in its place was chosen last.
    between = again[came[both - 1][0] if both else 0 : came[both][0] if both < len(came) else None]
    went_on = both < len(came) and both and came[both][1].actor == goal[both - 1].actor
    for step in between if went_on else reversed(between):
        able = [name for index, name in enumerate(actors) if step.enabled >> index & 1]
        if step.next and step.next != wanted and wanted in able:
            at = _letter(step.actor, actors) if step.actor in actors else "z"
            return Switch(at, step.local, _letter(wanted, actors))
    return None


def _letter(actor: str, actors: Sequence[str]) -> str:
    return chr(ord("a") + actors.index(actor))


def _counts(step: Step) -> bool:
    return step.kind == "point"


def _same(one: Step, other: Step) -> bool:
    return (one.actor, one.point, one.where) == (other.actor, other.point, other.where)

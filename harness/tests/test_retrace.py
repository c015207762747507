# SPDX-License-Identifier: GPL-2.0
"""The schedule of a trace. The kernel here is a toy: each actor walks a list of points."""

from __future__ import annotations

import pytest

from lab import ACTORS
from nslab_lab.findings import retrace
from nslab_lab.guest.results import Step
from nslab_lab.plans import strategies
from nslab_lab.plans.strategies import Schedule

# Small letters are named points, "." an access, "w" a wait for the next actor in turn to end.
LIVES = ("a.b.c", "d..e", "f.w.g")
NUMBER = {name: index for index, name in enumerate(ACTORS)}


def walk(schedule: Schedule) -> list[Step]:
    """What the actors do where that schedule decides: the kernel's rules in small."""
    choice = {(switch.at, switch.local): ord(switch.next) - ord("a") for switch in schedule.switches}
    at, local = [0] * 3, [0] * 3
    waits: set[int] = set()
    ended: set[int] = set()
    steps: list[Step] = []

    def able() -> list[int]:
        return [i for i in range(3) if i not in ended and not (i in waits and len(ended) < 2)]

    def decide(kind: str, point: str, who: int | None, free: bool) -> int:
        can = able()
        letter = chr(ord("a") + who) if who is not None else "z"
        number = local[who] if who is not None else 0
        default = who if who in can else can[0] if can else None
        next_ = choice.get((letter, number), default)
        assert next_ in can or not can, f"{letter}{number} is not possible"
        steps.append(
            Step(
                1, len(steps), ACTORS[who] if who is not None else "", point, "", 0, 0, kind=kind,
                local=number, next=ACTORS[next_] if can else "", enabled=sum(1 << i for i in can),
                free=free,
            )
        )  # fmt: skip
        return next_

    who = decide("begin", "", None, True)
    while len(ended) < 3:
        if at[who] == len(LIVES[who]):
            ended.add(who)
            local[who] += 1
            if able():
                who = decide("end", "end", who, True)
            continue
        here = LIVES[who][at[who]]
        if here == "w" and len(ended) < 2:
            waits.add(who)
            local[who] += 1
            who = decide("block", "block", who, True)
            continue
        at[who] += 1
        if here == "w":
            continue
        local[who] += 1
        who = decide("access" if here == "." else "point", here, who, False)
    return steps


def turns(steps: list[Step]) -> str:
    return "".join(step.point for step in steps if step.kind == "point")


def without_access_points(steps: list[Step]) -> list[Step]:
    """As a trace looks where no strategy decides."""
    return [
        Step(1, i, step.actor, step.point, "", 0, 0, kind=step.kind)
        for i, step in enumerate(steps)
        if step.kind == "point"
    ]


def follow(goal: list[Step]) -> tuple[Schedule | None, int]:
    """The schedule that takes the turns of @goal, and how many replays that took."""
    wanted, replays = turns(goal), 0

    def replay(schedule: Schedule) -> tuple[list[Step], bool]:
        nonlocal replays
        replays += 1
        steps = walk(schedule)
        return steps, turns(steps).startswith(wanted)

    found = retrace.schedule(without_access_points(goal), ACTORS, ("a7",), replay)
    return found, replays


@pytest.mark.parametrize(
    "schedule, text",
    [
        ("0", "0-a7"), ("z0b", "z0b-a7"), ("a1b", "a1b-a7"), ("a1bb1a", "a1bb1a-a7"),
        # Switched at an access, which a trace of delays does not show: at the point before.
        ("a2b", "a1b-a7"),
        # Whoever is chosen when one waits or ends.
        ("z0cc3b", "z0cc3b-a7"), ("a1cc1bb1ab4c", "a1ca2bb1a-a7"),
    ],
)  # fmt: skip
def test_the_turns_are_taken_again(schedule: str, text: str) -> None:
    found, replays = follow(walk(strategies.parse_schedule(schedule)))
    assert str(found) == text
    assert replays == len(found.switches) + 1


def test_each_replay_comes_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrace, "MAX_TURNS", 2)
    goal = walk(strategies.parse_schedule("a1bb1aa3bb4c"))
    assert follow(goal) == (None, 2)


def test_a_trace_that_cannot_be_followed() -> None:
    goal = [Step(1, 0, "third", "g", "", 0, 0)]
    assert retrace.schedule(goal, ACTORS, (), lambda schedule: (walk(schedule), False)) is None


def test_the_same_turns_without_the_failure() -> None:
    goal = without_access_points(walk(Schedule()))
    assert retrace.schedule(goal, ACTORS, (), lambda schedule: (walk(schedule), False)) is None


def test_replays_that_loop_are_soon_enough_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them takes seconds; there would be 200."""
    again = walk(Schedule())
    again += [again[-1]] * 65_536
    replays: list[Schedule] = []
    # A replay always comes one turn further.
    monkeypatch.setattr(
        retrace, "_next_turn", lambda steps, again, actors: strategies.Switch("a", len(replays), "b")
    )

    def replay(schedule: Schedule) -> tuple[list[Step], bool]:
        replays.append(schedule)
        return again, False

    assert retrace.schedule(again, ACTORS, (), replay) is None
    assert len(replays) == 4

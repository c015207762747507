# SPDX-License-Identifier: GPL-2.0
"""nslab choose, save: a schedule made by hand."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import Sequence

import gdb

from nslab_gdb import kernel, show
from nslab_gdb.command import Command, actor_of
from nslab_gdb.guest import GUEST
from nslab_lab.cli import options
from nslab_lab.findings import minimize, stepping
from nslab_lab.guest import abi
from nslab_lab.host.paths import REPO
from nslab_lab.plans import profiles

MAX_CHOICES = abi.constant("NSLAB_MAX_CHOICES")


class Choose(Command):
    """Choose the actor that runs next.

    nslab choose ACTOR. From then on, the running actor continues for as long as it can.
    """

    name, usage, most = "choose", "ACTOR", 1

    def choices(self, index: int) -> Sequence[str]:
        return GUEST.session.actors if index == 0 else ()

    def run(self, words: list[str]) -> None:
        if not words:
            raise gdb.GdbError("which actor? nslab choose ACTOR")
        if not GUEST.session.steers:
            raise gdb.GdbError(
                "strategy none leaves it to the scheduler who runs: start with STRATEGY=replay-0"
            )
        actor = actor_of(words[0])
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


class Save(Command):
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

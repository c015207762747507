# SPDX-License-Identifier: GPL-2.0
"""The scenarios that a command is asked for, by name or by file, and the guest program that has them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Sequence

from nslab_lab.build import own_scenarios
from nslab_lab.build.catalog import Scenario
from nslab_lab.build.guest_program import Guest, plain, with_own
from nslab_lab.build.own_scenarios import Own, copy_of, is_path
from nslab_lab.host import paths
from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import shown


def choose(wanted: Sequence[str] | None) -> tuple[Guest, tuple[Scenario, ...]]:
    """The guest program and those of its scenarios that are asked for, each once.

    @wanted: each names and paths of files with commas between; none: all scenarios of scenarios/.
    Raises LabError.
    """
    known = plain()
    # What is wrong with a name shall not show after a compiler has run.
    elements = [_element(one, known) for text in wanted or ["all"] for one in split(text)]
    guest = with_own(known, [one for one in elements if isinstance(one, Own)])
    names: list[str] = []
    for one in elements:
        if isinstance(one, Own):
            names += [name for name, own in guest.own.items() if own.hash == one.hash]
        elif one == "all":
            names += [scenario.name for scenario in known.program.scenarios]
        else:
            names.append(one)
    return guest, tuple(guest.scenario(name) for name in dict.fromkeys(names))


def split(wanted: str) -> list[str]:
    """The names and paths in a value of SCENARIO=. Raises LabError(2) where there are none."""
    found = []
    for part in wanted.split(","):
        # Names may have blanks between; so may a path have some in it.
        text = part.strip()
        found += [text] if is_path(text) and Path(text).exists() else text.split()
    if not found:
        raise bad_input(f"scenario '{wanted}' names none: give names (make list), or leave it out")
    return found


def _element(text: str, known: Guest) -> str | Own:
    """The name of a scenario of scenarios/, "all", or a file of the user's own. Raises LabError(2)."""
    if not is_path(text):
        return text if text == "all" else known.scenario(text).name
    path = Path(os.path.abspath(text))
    if (real := path.resolve()).is_relative_to(paths.SCENARIOS):
        inside = str(real.relative_to(paths.SCENARIOS))
        for one in known.program.scenarios:
            if one.file == inside:
                return one.name
    return own_scenarios.read(path)


def of_token(scenario: str, given: str | None) -> Guest:
    """The guest program for a token. @given: SCENARIO=, for a file of the user's own.

    Raises LabError(2) where the file is missing or is not the token's text.
    """
    name, _, digest = scenario.partition("+")
    if not digest:
        guest, chosen = choose([given or scenario])
        if given and [one.name for one in chosen] != [scenario]:
            raise bad_input(f"the token is of scenario {scenario}: leave SCENARIO= out")
        return guest
    known = plain()
    if not given:
        copy = copy_of(digest)
        text = f"SCENARIO={shown(copy)} is its text" if copy else "SCENARIO=path/to/it.c"
        raise bad_input(f"the token is of a scenario of your own, {name}: give its file, {text}")
    if not is_path(given):
        raise bad_input(
            f"the token is of a scenario of your own, {name}, not of scenario {given}: "
            "give the path of its file, SCENARIO=path/to/it.c"
        )
    own = own_scenarios.read(Path(os.path.abspath(given)))
    if own.hash != digest:
        raise bad_input(_changed(own, digest))
    return with_own(known, [own])


def _changed(own: Own, digest: str) -> str:
    """That the file is not what it was, and what to do."""
    text = (
        f"{shown(own.path)} is not the text of the token (hash {own.hash}, the token has {digest})"
    )
    copy = copy_of(digest)
    if copy is None:
        return f"{text}: it or a file that it includes has changed; restore it, or run it again"
    was = own_scenarios.read(copy)
    before = {own.path.name if name == copy.name else name: text for name, text in was.texts.items()}
    changed = [
        name for name in sorted({*before, *own.texts}) if before.get(name) != own.texts.get(name)
    ]
    return (
        f"{text}, changed since then: {', '.join(changed)}; SCENARIO={shown(copy)} is the text as it "
        "was, or run the new one again"
    )


def with_files(given: Sequence[Path]) -> Guest:
    """The guest program with these files of the user's own in addition. Raises LabError."""
    return with_own(plain(), [own_scenarios.read(path) for path in given])

# SPDX-License-Identifier: GPL-2.0
"""The guest program: the scenarios of scenarios/, and the user's own files in addition.

build/scenarios/
    init                 the program with the scenarios of scenarios/
    own/KEY/             the same with own files in addition: HASH.c includes one; init
    own/texts/HASH/      the text of an own file as it was run, with what it includes
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping, Sequence

from nslab_lab.build import catalog, kmake
from nslab_lab.build.catalog import Program, Scenario
from nslab_lab.build.own_scenarios import Own, kept
from nslab_lab.host import files, paths, progress
from nslab_lab.host.errors import LabError, bad_input, lab_failed
from nslab_lab.host.paths import shown

KEPT = 8  # programs with own files in addition


@dataclass(frozen=True)
class Guest:
    """What guests run."""

    init: Path
    program: Program
    own: Mapping[str, Own] = field(default_factory=dict)  # by the scenario's name

    def scenario(self, name: str) -> Scenario:
        """The scenario of that name. Raises LabError(2)."""
        catalog.choose("scenario", name, self.program.scenarios)
        return next(one for one in self.program.scenarios if one.name == name)

    def files(self) -> dict[str, Path]:
        """The user's files by the name of the scenario, to be given again in a replay."""
        return {name: one.path for name, one in self.own.items()}


def plain() -> Guest:
    """The guest program with the scenarios of scenarios/. Raises LabError."""
    init = ensure_scenarios()
    return Guest(init, catalog.from_init(init))


def ensure_scenarios() -> Path:
    """build/scenarios/init, the static guest program, made by `make -C scenarios`.

    Raises LabError(2) where a scenario is wrong, LabError(3) where nothing can be built.
    """
    if not (paths.SCENARIOS / "Makefile").exists():
        raise lab_failed("scenarios/Makefile is missing: there is nothing to run in the guest")
    built = paths.SCENARIOS_BUILT
    built.mkdir(parents=True, exist_ok=True)
    log = paths.BUILD / "scenarios.log"
    said: list[str] = []
    with files.locked(paths.BUILD / "scenarios.lock", "the scenarios"):
        log.unlink(missing_ok=True)
        arguments = ["-s", f"O={built}"]
        try:
            kmake.make(paths.SCENARIOS, arguments, log, "the guest program", said.append)
            damaged = not files.is_whole(built / "init")
        except LabError:
            if (wrong := _first_error(said)) and not wrong[0].startswith("lib/"):
                raise bad_input(f"scenarios/{wrong[0]}: {wrong[1]} (log: {shown(log)})") from None
            damaged = any(not files.is_whole(path) for path in built.rglob("*.o"))
            if not damaged:
                raise
        if damaged:  # make takes it for up to date
            progress.say(f"{shown(built)} is damaged: it is made anew")
            files.remove(built)
            built.mkdir()
            kmake.make(paths.SCENARIOS, arguments, log, "the guest program")
    return built / "init"


def with_own(known: Guest, own: Sequence[Own]) -> Guest:
    """The guest program with these files in addition, in a folder of its own.

    Raises LabError(2) with the compiler's lines on stderr where one does not compile.
    """
    if not own:
        return known
    by_hash = {one.hash: one for one in own}
    digest = hashlib.sha256(known.init.read_bytes())
    for part in (*sorted(by_hash), *(str(by_hash[one].path) for one in sorted(by_hash))):
        digest.update(os.fsencode(f"{part}\n"))
    key = digest.hexdigest()[:16]
    folder = paths.SCENARIOS_BUILT / "own" / key
    with files.locked(paths.BUILD / "scenarios.lock", "the scenarios"):
        if not (folder / "init").exists():
            _build(folder, by_hash)
        os.utime(folder)
        _drop_old(folder)
    program = catalog.from_init(folder / "init")
    subjects = catalog.subjects()
    named = {}
    for one in by_hash.values():
        scenario = next((it for it in program.scenarios if it.name.endswith(f"+{one.hash}")), None)
        if scenario is None:
            raise bad_input(f"{shown(one.path)}: there is no SCENARIO(\"name\", \"about\") in it")
        if scenario.subject and scenario.subject not in subjects:
            raise bad_input(
                f"{shown(one.path)}: SUBJECT(\"{scenario.subject}\"): {_hint(scenario.subject, subjects)}"
            )
        named[scenario.name] = one
    return Guest(folder / "init", program, named)


def _hint(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    return f"is '{close[0]}' meant?" if close else f"there is {', '.join(names)}"


def _build(folder: Path, by_hash: Mapping[str, Own]) -> None:
    files.remove(folder)
    folder.mkdir(parents=True)
    for digest, one in by_hash.items():
        one.copy_to(kept(digest))
        files.write(
            folder / f"{digest}.c",
            b'/* SPDX-License-Identifier: GPL-2.0 */\n#define NSLAB_TEXT "%b"\n#include "%b"\n'
            % (digest.encode(), os.fsencode(one.path)),
        )
        # Where the file is must not show in the program, or traces might depend on it.
        prefix = re.sub(r"([\\'\" ])", r"\\\1", one.folder)
        files.write(folder / f"{digest}.flags", os.fsencode(f"-fmacro-prefix-map={prefix}=\n"))
    said: list[str] = []
    log = folder / "build.log"
    try:
        kmake.make(
            paths.SCENARIOS, ["-s", f"O={paths.SCENARIOS_BUILT}", f"OWN=own/{folder.name}", "own"], log,
            "the guest program", said.append,
        )  # fmt: skip
    except LabError:
        if not (wrong := _first_error(said)) or any("No space left" in line for line in said):
            raise
        for one in by_hash.values():
            if wrong[0] == one.path.name:  # the program says it of itself
                raise bad_input(f"{shown(one.path)}: {wrong[1]}") from None
        text = "".join(line for line in said if not line.startswith("make"))
        # That the file is included by another one is the lab's affair.
        text = re.sub(r",\n +from \S[^\n]*/own/\w+/\w+\.c:\d+:", ":", text)
        text = re.sub(r"^In file included from [^\n]*/own/\w+/\w+\.c:\d+:\n", "", text, flags=re.M)
        sys.stderr.write(text)
        failed = [shown(one.path) for one in by_hash.values() if f"{one.path}:" in text]
        where = failed[0] if failed else "a scenario of your own"
        raise bad_input(f"{where} does not compile: see the lines above") from None


def _first_error(said: Sequence[str]) -> tuple[str, str] | None:
    """Where the first error is, "file:line:column" or a file alone, and what it is."""
    for line in said:
        if found := re.match(r"(?P<where>.*?): (?:fatal )?error: (?P<what>.*)", line):
            return found["where"], found["what"]
    return None


def _drop_old(new: Path) -> None:
    """Keep only the programs used last."""
    folders = [path for path in new.parent.iterdir() if path.name != "texts" and path != new]
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime)[: -KEPT + 1]:
        shutil.rmtree(folder, ignore_errors=True)

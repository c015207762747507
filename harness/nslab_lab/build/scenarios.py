# SPDX-License-Identifier: GPL-2.0
"""The guest program: the scenarios of scenarios/, and the user's own files in addition.

build/scenarios/
    init                 the program with the scenarios of scenarios/
    own/KEY/             the same with own files in addition: HASH.c includes one; init
    own/texts/HASH/      the text of an own file as it was run, with what it includes

A scenario of the user's own is called NAME+HASH, with a hash of its text and of the files that it
includes from its own folder, so a token stands for one text.
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
from nslab_lab.host import files, paths, progress
from nslab_lab.host.errors import LabError, bad_input, lab_failed
from nslab_lab.host.paths import shown

BUILT = paths.BUILD / "scenarios"
KEPT = 8  # programs with own files in addition

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Own:
    """A scenario file of the user's own."""

    path: Path  # absolute
    hash: str  # 8 hex digits, of the text and of what it includes from its own folder
    texts: Mapping[str, bytes]  # the files that the hash is of, relative to the folder of @path

    @property
    def folder(self) -> str:
        """What the names of @texts are relative to, with a slash behind it."""
        return f"{self.path.parent}/".replace("//", "/")

    def copy_to(self, folder: Path) -> Path:
        """Copy @texts so that one includes the other as before; the copy of @path."""
        inside = {name: text for name, text in self.texts.items() if not os.path.isabs(name)}
        # "../common.h" is to be below the folder, too.
        up = max(name.split("/").count("..") for name in inside)
        for name, text in inside.items():
            copy = folder / os.path.normpath("/".join(["folder"] * up + [name]))
            copy.parent.mkdir(parents=True, exist_ok=True)
            files.write(copy, text)
        return folder.joinpath(*["folder"] * up, self.path.name)


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
    BUILT.mkdir(parents=True, exist_ok=True)
    log = paths.BUILD / "scenarios.log"
    said: list[str] = []
    with files.locked(paths.BUILD / "scenarios.lock", "the scenarios"):
        log.unlink(missing_ok=True)
        arguments = ["-s", f"O={BUILT}"]
        try:
            kmake.make(paths.SCENARIOS, arguments, log, "the guest program", said.append)
            damaged = not files.is_whole(BUILT / "init")
        except LabError:
            if (wrong := _first_error(said)) and not wrong[0].startswith("lib/"):
                raise bad_input(f"scenarios/{wrong[0]}: {wrong[1]} (log: {shown(log)})") from None
            damaged = any(not files.is_whole(path) for path in BUILT.rglob("*.o"))
            if not damaged:
                raise
        if damaged:  # make takes it for up to date
            progress.say(f"{shown(BUILT)} is damaged: it is made anew")
            files.remove(BUILT)
            BUILT.mkdir()
            kmake.make(paths.SCENARIOS, arguments, log, "the guest program")
    return BUILT / "init"


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


def is_path(text: str) -> bool:
    """Whether that is a file of the user's own, and not the name of a scenario."""
    return "/" in text or text.endswith(".c")


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
    return read(path)


def read(path: Path) -> Own:
    """The file at an absolute path, with what it includes. Raises LabError(2)."""
    if '"' in str(path) or "\n" in str(path):
        raise bad_input(f"scenario {path}: a path with a quote or a line break cannot be compiled")
    try:
        texts = {path.name: path.read_bytes()}
    except OSError as error:
        raise bad_input(f"scenario {shown(path)}: {error.strerror}") from None
    _add_included(path.name, path.parent, texts)
    total = hashlib.sha256()
    for name, text in sorted(texts.items()):
        # The file may be called anything.
        label = os.fsencode("" if name == path.name else name)
        total.update(b"%d:%b%d:%b" % (len(label), label, len(text), text))
    return Own(path, total.hexdigest()[:8], texts)


def _add_included(name: str, folder: Path, texts: dict[str, bytes]) -> None:
    """Add the files that @name includes and that are found beside it; not those of the lab."""
    for found in _INCLUDE.findall(texts[name]):
        included = os.path.normpath(os.path.join(os.path.dirname(name), os.fsdecode(found)))
        path = folder / included
        if included in texts or path.resolve().is_relative_to(paths.SCENARIOS):
            continue
        try:
            texts[included] = path.read_bytes()
        except OSError:
            continue  # it is the lab's, or the compiler says that it is not there
        _add_included(included, folder, texts)


def kept(digest: str) -> Path:
    """Where the text with that hash is kept; it may never have been run here."""
    return BUILT / "own" / "texts" / digest


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
        copy = _main(digest)
        text = f"SCENARIO={shown(copy)} is its text" if copy else "SCENARIO=path/to/it.c"
        raise bad_input(f"the token is of a scenario of your own, {name}: give its file, {text}")
    if not is_path(given):
        raise bad_input(
            f"the token is of a scenario of your own, {name}, not of scenario {given}: "
            "give the path of its file, SCENARIO=path/to/it.c"
        )
    own = read(Path(os.path.abspath(given)))
    if own.hash != digest:
        raise bad_input(_changed(own, digest))
    return with_own(known, [own])


def _changed(own: Own, digest: str) -> str:
    """That the file is not what it was, and what to do."""
    text = (
        f"{shown(own.path)} is not the text of the token (hash {own.hash}, the token has {digest})"
    )
    copy = _main(digest)
    if copy is None:
        return f"{text}: it or a file that it includes has changed; restore it, or run it again"
    was = read(copy)
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
    return with_own(plain(), [read(path) for path in given])


def text_of(scenario: str) -> Path | None:
    """Of a scenario of the user's own: the copy of its file, if it was run here."""
    _, _, digest = scenario.partition("+")
    return _main(digest) if digest else None


def _main(digest: str) -> Path | None:
    """The file that the text with that hash begins with, if it is kept."""
    copies = sorted(kept(digest).rglob("*.c"))
    return next((path for path in copies if path.is_file() and read(path).hash == digest), None)


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
    folder = BUILT / "own" / key
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
            paths.SCENARIOS, ["-s", f"O={BUILT}", f"OWN=own/{folder.name}", "own"], log,
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

# SPDX-License-Identifier: GPL-2.0
"""Scenario files of the user's own: their texts, and the copies of them that the lab has run.

A scenario of the user's own is called NAME+HASH, with a hash of its text and of the files that it
includes from its own folder, so a token stands for one text.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

from nslab_lab.host import files, paths
from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import shown

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


def is_path(text: str) -> bool:
    """Whether that is a file of the user's own, and not the name of a scenario."""
    return "/" in text or text.endswith(".c")


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
    return paths.SCENARIOS_BUILT / "own" / "texts" / digest


def copy_of(digest: str) -> Path | None:
    """The copy of the file with that hash, beside those of what it includes; None if none is kept."""
    copies = sorted(kept(digest).rglob("*.c"))
    return next((path for path in copies if path.is_file() and read(path).hash == digest), None)


def text_of(scenario: str) -> Path | None:
    """Of a scenario of the user's own: the copy of its file, if it was run here."""
    _, _, digest = scenario.partition("+")
    return copy_of(digest) if digest else None

# SPDX-License-Identifier: GPL-2.0
"""What is debugged, as `nslab gdb` has prepared it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nslab_lab.guest.results import Step
from nslab_lab.guest.verdict import Verdict
from nslab_lab.plans import token
from nslab_lab.plans.token import Token


@dataclass(frozen=True)
class Session:
    """One `nslab gdb`."""

    token: Token
    profile: Path | None  # if it is the user's own
    scenarios: dict[str, Path]  # those of the user's own, by name
    patches: tuple[Path, ...]
    series: str | None  # if it is not the default one
    actors: tuple[str, ...]
    steers: bool  # a strategy decides who runs
    kinds: tuple[tuple[str, int], ...]  # of objects, by number: as objects.Kind
    linux: Path
    src: Path
    out: Path
    init: Path  # the guest program
    folder: Path
    scratch: Path  # where the guest runs
    arguments: tuple[str, ...]  # of the guest
    memory: str  # where its memory file goes
    fd: int  # for the results
    tty: str  # of the guest
    # Of a token's execution, outside of gdb.
    steps: tuple[Step, ...] = ()
    verdict: Verdict | None = None
    hash: str | None = None
    lines: dict[str, str | None] | None = None  # by "vfs_read+0x1a"

    @property
    def console(self) -> Path:
        """What the guest says."""
        return self.folder / "console.log"


def load() -> Session:
    """The session that NSLAB_GDB and NSLAB_GDB_TTY name. Raises OSError, ValueError."""
    if "NSLAB_GDB" not in os.environ:
        raise ValueError("no session was prepared: start it by `make gdb`")
    data: dict[str, Any] = json.loads(Path(os.environ["NSLAB_GDB"]).read_text())
    folders = ("linux", "src", "out", "init", "folder", "scratch")
    paths: dict[str, Any] = {name: Path(data[name]) for name in folders}
    lists: dict[str, Any] = {name: tuple(data[name]) for name in ("actors", "arguments")}
    lines = data.get("lines", {})
    return Session(
        token=token.parse(data["token"]),
        profile=Path(data["profile"]) if data["profile"] else None,
        scenarios={name: Path(path) for name, path in data["scenarios"].items()},
        patches=tuple(map(Path, data["patches"])),
        series=data["series"],
        kinds=tuple((name, site) for name, site in data["kinds"]),
        steers=data["steers"],
        memory=data["memory"],
        fd=data["fd"],
        tty=os.environ["NSLAB_GDB_TTY"],
        steps=tuple(Step(**one) for one in data.get("steps", ())),
        verdict=Verdict(**data["verdict"]) if data.get("verdict") else None,
        hash=data.get("hash"),
        lines={place.partition("/")[0]: line for place, line in lines.items()},
        **paths,
        **lists,
    )  # fmt: skip

# SPDX-License-Identifier: GPL-2.0
"""A command below `nslab`, and how its words are read."""

from __future__ import annotations

import difflib
from typing import Sequence

import gdb

from nslab_gdb import kernel
from nslab_gdb.guest import GUEST
from nslab_lab.host.errors import LabError


def whole(text: str, low: int, what: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        raise gdb.GdbError(f"{text}: not a whole number; {what}") from None
    if value < low:
        raise gdb.GdbError(f"{text}: too small; {what}")
    return value


def one_of(kind: str, name: str, known: Sequence[str]) -> int:
    if name in known:
        return list(known).index(name)
    close = difflib.get_close_matches(name, known, 1)
    hint = f"is '{close[0]}' meant?" if close else f"there is {', '.join(known)}"
    raise gdb.GdbError(f"no {kind} '{name}': {hint}")


def actor_of(name: str) -> int:
    return one_of("actor", name, GUEST.session.actors)


class Command(gdb.Command):
    """One below `nslab`; the first line of its text is what `help nslab` shows."""

    name = ""
    usage = ""
    most = 0  # arguments
    needs_guest = True

    def __init__(self) -> None:
        super().__init__(f"nslab {self.name}", gdb.COMMAND_USER)

    def invoke(self, text: str, from_tty: bool) -> None:
        words = gdb.string_to_argv(text)
        if len(words) > self.most:
            raise gdb.GdbError(f"too many words: nslab {self.name} {self.usage}".rstrip())
        if self.needs_guest:
            kernel.require_guest()
        try:
            self.run(words)
        except LabError as error:
            raise gdb.GdbError(error.message) from None

    def run(self, words: list[str]) -> None:
        raise NotImplementedError

    def choices(self, index: int) -> Sequence[str]:
        """What there is for an argument, from 0."""
        return ()

    def complete(self, text: str, word: str) -> list[str]:
        before = text[: len(text) - len(word)].split()
        return [one for one in self.choices(len(before)) if one.startswith(word)]


class Nslab(gdb.Command):
    """Show the execution as the lab sees it, and move through it."""

    def __init__(self) -> None:
        super().__init__("nslab", gdb.COMMAND_USER, gdb.COMPLETE_NONE, True)

    def invoke(self, text: str, from_tty: bool) -> None:
        if text:
            raise gdb.GdbError(f"nslab {text.split()[0]}: no such command; see `help nslab`")
        gdb.execute("help nslab")

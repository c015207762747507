# SPDX-License-Identifier: GPL-2.0
"""Command line: finds the sub-commands, and turns errors into one line and a status.

COMMANDS says which module has which sub-command. It has

    def register(commands: Commands) -> None:
        parser = commands.add_parser("name", help="one line")
        parser.set_defaults(handler=function)     # function(args) -> exit status
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import re
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Callable, NoReturn, Sequence

from nslab_lab.host import front, interrupts, output, scratch
from nslab_lab.host.errors import LAB_FAILED, LabError, bad_input
from nslab_lab.host.paths import BUILD, cache, shown

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

COMMANDS = {
    "build": "commands.build", "run": "commands.run", "replay": "commands.replay",
    "races": "commands.races", "list": "commands.listing", "coverage": "commands.coverage", "gdb": "commands.debugger",
    "bench": "bench.command", "matrix": "matrix.command", "history": "history.command",
    "sweep": "sweeps.command", "report": "sweeps.report", "nightly": "sweeps.nightly",
}  # fmt: skip


# Where the stack of an unexpected error is kept.
ERRORS = BUILD / "errors"


class _Parser(argparse.ArgumentParser):
    """One whose errors are one line, like all others."""

    def error(self, message: str) -> NoReturn:
        raise bad_input(f"{message} (see {self.prog} --help)")


def make_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these arguments: only what they ask for is imported."""
    parser = _Parser(
        prog="nslab",
        description="controlled concurrency and fault injection for the Linux kernel, "
        "run as User-Mode Linux",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    wanted = argv[:1] if argv and argv[0] in COMMANDS else COMMANDS
    for name in wanted:
        importlib.import_module(f"nslab_lab.{COMMANDS[name]}").register(commands)
    return parser


def entry(argv: Sequence[str]) -> NoReturn:
    """The whole program: run one command, leave nothing behind, and exit."""
    try:
        output.prepare()
        scratch.start_keeper()
    except OSError as error:
        print(f"nslab: {_explained(error)}", file=sys.stderr)
        sys.exit(LAB_FAILED)
    status = main(argv)
    if (number := interrupts.number()) is not None:
        interrupts.end_children()
        scratch.remove_all()
        # Without the interpreter's own end, which waits for threads that may never end.
        with contextlib.suppress(OSError):
            output.finish()
        os._exit(128 + number)
    try:
        output.finish()
    except OSError as error:
        status = _failed_to_write(error) or status
    sys.exit(status)


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit status."""
    # Ending the command is an exception, so that builds and guests are ended too.
    try:
        with interrupts.armed():
            try:
                status = _main(argv)
            except OSError as error:
                status = _failed_to_write(error)
    except KeyboardInterrupt:
        print("nslab: interrupted", file=sys.stderr)
        return 128 + (interrupts.number() or signal.SIGINT)
    except BaseException as error:
        if isinstance(error, (SystemExit, GeneratorExit)):
            raise
        if interrupts.number() is None:
            return _unexpected(error)
        status = LAB_FAILED
    number = interrupts.number()
    return status if number is None else 128 + number


def _main(argv: Sequence[str]) -> int:
    try:
        front.check_place()
        front.check_variables()
        args = make_parser(argv).parse_args(argv)
        handler: Callable[[argparse.Namespace], int] = args.handler
        return handler(args)
    except LabError as error:
        # What a signal has ended fails, too, for a reason that says nothing.
        reason = error.message if interrupts.number() is None else "interrupted"
        print(f"nslab: {reason}", file=sys.stderr)
        return error.status


def _failed_to_write(error: OSError) -> int:
    """Tell of an error of the system's; the exit status."""
    if isinstance(error, BrokenPipeError):
        # Whoever read the output has gone; keep the interpreter's own flush quiet too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    elif interrupts.number() is None:
        # No space left, no permission, ...: nothing that a stack of Python would explain.
        print(f"nslab: {_explained(error)}", file=sys.stderr)
        if error.filename == output.STDOUT:
            with contextlib.suppress(OSError):
                output.finish()
    return LAB_FAILED


def _explained(error: OSError) -> str:
    """What went wrong, where, and what to do."""
    what = error.strerror or str(error)
    if error.filename == output.STDOUT:
        return f"write error: {output.STDOUT}: {what}"
    where = f"{error.filename}: " if error.filename else ""
    # A write that fails does not say to which file.
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = f" in {shown(BUILD)}/ or {cache()}: free some and run again" if full else ""
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        remedy = f": the lab writes to {BUILD} and {cache()}, make both writable"
    return f"{where}{what}{remedy}"


def _unexpected(error: BaseException) -> int:
    """A defect of the lab's own: one line, and the stack in a file; the exit status."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    what = " ".join(what.split())[:200]
    if isinstance(error, MemoryError):
        print("nslab: out of memory, or of address space (ulimit -v)", file=sys.stderr)
        return LAB_FAILED
    stack = "".join(traceback.format_exception(error))
    try:
        ERRORS.mkdir(parents=True, exist_ok=True)
        taken = [int(path.stem) for path in ERRORS.iterdir() if re.fullmatch("[0-9]{1,9}", path.stem)]
        file = ERRORS / f"{max(taken, default=0) + 1:04}.txt"
        with file.open("x", encoding="utf-8", errors="backslashreplace") as sink:
            sink.write(stack)
        where = f"the stack is in {shown(file)}"
    except OSError as failed:
        where = f"its stack cannot be kept in {shown(ERRORS)}: {failed.strerror}"
    print(f"nslab: a defect of the lab's own: {what}; {where}", file=sys.stderr)
    return LAB_FAILED

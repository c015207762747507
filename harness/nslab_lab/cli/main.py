# SPDX-License-Identifier: GPL-2.0
"""Command line: finds the sub-commands, and turns errors into one line and a status.

COMMANDS says which module has which sub-command. It has

    def register(commands: Commands) -> None:
        parser = commands.add_parser("name", help="one line")
        parser.set_defaults(handler=function)     # function(args) -> exit status
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Callable, NoReturn, Sequence

from nslab_lab.host.errors import LAB_FAILED, LabError, bad_input
from nslab_lab.host.paths import BUILD, cache, shown

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

COMMANDS = {
    "build": "commands.build", "run": "commands.run", "replay": "commands.replay",
    "list": "commands.listing", "coverage": "commands.coverage", "gdb": "commands.debugger",
    "bench": "bench.command", "matrix": "matrix.command",
    "sweep": "sweeps.command", "report": "sweeps.report", "nightly": "sweeps.nightly",
}  # fmt: skip


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


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit status."""
    # Ending the command is an exception, so that builds and guests are ended too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _terminated)
    try:
        args = make_parser(argv).parse_args(argv)
        handler: Callable[[argparse.Namespace], int] = args.handler
        return handler(args)
    except LabError as error:
        print(f"nslab: {error.message}", file=sys.stderr)
        return error.status
    except BrokenPipeError:
        # Whoever read the output has gone; keep the interpreter's own flush quiet too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return LAB_FAILED
    except OSError as error:
        # No space left, no permission, ...: nothing that a stack of Python would explain.
        where = f"{error.filename}: " if error.filename else ""
        # A write that fails does not say to which file.
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = f" in {shown(BUILD)}/ or {cache()}: free some and run again" if full else ""
        print(f"nslab: {where}{error.strerror or error}{remedy}", file=sys.stderr)
        return LAB_FAILED
    except KeyboardInterrupt:
        print("nslab: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT


def _terminated(number: int, _frame: object) -> None:
    sys.exit(128 + number)

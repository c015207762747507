# SPDX-License-Identifier: GPL-2.0
"""Standard output and standard error, so that whatever is behind them does no harm.

What the output's encoding does not have is written in ASCII. An error on standard output says that it
is that; on standard error there would be no place left to report it, so it is ignored.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import Any

from nslab_lab.host import interrupts

STDOUT = "stdout"

# What diagrams and tables are drawn with; one for one, as columns have to stay where they are.
_ASCII = str.maketrans("│─┌┐└┘├┤┬┴┼▶►→←↑↓×·•–—…✗✓", "|-+++++++++>>><^vx.*--.X+")


class _Raw(io.FileIO):
    """A file descriptor that somebody else opened, and whose errors have a name."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(number, "w", closefd=False)
        self._name = name

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            # A terminal that was closed is the most common reason to be ended by SIGHUP.
            if self._name != STDOUT or interrupts.number() is not None:
                return len(data)
            error.filename = self._name
            raise


def prepare() -> None:
    """Put these in the place of sys.stdout and sys.stderr. Raises OSError where there is no stdout."""
    codecs.register_error("nslab", _in_ascii)
    # A number that is free would be taken by the next file, and written to by every child.
    missing = [number for number in (0, 1, 2) if not _is_open(number)]
    for number in missing:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:  # the lowest that is free, so mostly it is this one
            os.dup2(null, number)
            os.close(null)
        os.set_inheritable(number, True)
    sys.stdout = _stream(1, STDOUT, sys.stdout)
    sys.stderr = _stream(2, "stderr", sys.stderr)
    sys.stderr.reconfigure(line_buffering=True)
    if 1 in missing:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), STDOUT)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _stream(number: int, name: str, before: Any) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    buffer = io.BufferedWriter(_Raw(number, name))
    return io.TextIOWrapper(
        buffer, encoding=encoding, errors="nslab", line_buffering=buffer.raw.isatty()
    )


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end].translate(_ASCII)
    return "".join(one if one.isascii() else "?" for one in text), error.end


def finish() -> None:
    """Write what is still to be written. Raises OSError where that fails, once."""
    try:
        sys.stdout.flush()
    except OSError:
        # Nor may the interpreter try again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise

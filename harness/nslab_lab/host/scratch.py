# SPDX-License-Identifier: GPL-2.0
"""Folders that are gone when this process is, however it ends, and the processes in them.

A keeper, a process forked at the start, is told of each such folder through a pipe. When the pipe
ends, the lab's process is gone: what is still there then was left by one that was
killed. Whatever runs in such a folder is killed, and the folder removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Iterator, Sequence

_PR_SET_CHILD_SUBREAPER = 36

_folders: set[Path] = set()  # of this process, that are still there
_pipe: int | None = None  # to the keeper
_keeper: int | None = None


def keeper() -> int | None:
    """The keeper's process number; None where there is none."""
    return _keeper


def start_keeper() -> None:
    """Fork the keeper. Before any thread is started."""
    global _pipe, _keeper
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(writing)
            _keep(reading)
        finally:
            os._exit(0)
    os.close(reading)
    _pipe, _keeper = writing, pid


def _keep(reading: int) -> None:
    # Whatever ends the lab is not to end the keeper, nor is the keeper to hold a pipe open.
    os.setsid()
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.chdir("/")
    told = b""
    while data := os.read(reading, 65536):
        told += data
        *messages, told = told.split(b"\0")
        for message in messages:
            path = Path(os.fsdecode(message[1:]))
            if message[:1] == b"+":
                _folders.add(path)
            else:
                _folders.discard(path)
    remove_all()


def _tell(sign: bytes, path: Path) -> None:
    if _pipe is not None:
        with contextlib.suppress(OSError):  # without a keeper, too, all is removed in most cases
            os.write(_pipe, sign + os.fsencode(path) + b"\0")


@contextlib.contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Make the folder @path, and remove it with all it holds after the body. Raises OSError."""
    path = path.absolute()
    keep(path)
    try:
        path.mkdir()
    except OSError:  # it may be somebody else's
        forget(path)
        raise
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        forget(path)


def keep(path: Path) -> None:
    """The folder or file @path is to go when this process ends."""
    _folders.add(path)
    _tell(b"+", path)


def forget(path: Path) -> None:
    """It is gone, or is to stay."""
    _folders.discard(path)
    _tell(b"-", path)


def remove_all() -> None:
    """Kill what runs in the folders, and remove them."""
    end_processes(*_folders)
    for path in list(_folders):
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            path.unlink()
        forget(path)


def end_processes(*folders: Path, seconds: float = 2.0) -> None:
    """Kill every process that runs in one of the folders or below it; wait until they are gone.

    Each guest dies with its harness, but a process that it was just making may stay, stopped.
    """
    end = time.monotonic() + seconds
    while (found := _running_in(folders)) and time.monotonic() < end:
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _running_in(folders: Sequence[Path]) -> list[int]:
    places = [os.path.realpath(path) for path in folders]
    found: list[int] = []
    if not places:
        return found
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # gone meanwhile, or another user's
                where = os.readlink(entry / "cwd").removesuffix(" (deleted)")
                if any(where == place or where.startswith(f"{place}/") for place in places):
                    found.append(int(entry.name))
    return found


def adopt_orphans() -> None:
    """From now on a descendant of this process that loses its parent becomes its child."""
    import ctypes  # here, because it takes a while and is seldom wanted

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

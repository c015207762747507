# SPDX-License-Identifier: GPL-2.0
"""Small things about files: whole or not at all, one at a time."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Iterator

from nslab_lab.host import progress
from nslab_lab.host.paths import shown


def write(path: Path, data: bytes) -> None:
    """Write a file so that it is never seen half written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_if_changed(path: Path, data: bytes) -> bool:
    """The same, but a file that already has this content keeps its time."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == data:
            return False
    write(path, data)
    return True


def remove(path: Path) -> None:
    """Remove a file or a folder with all it holds, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file; says so when another process has it and it has to wait."""
    import filelock  # here, because it takes a while and most commands need no lock

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        progress.say(f"waiting for another process to finish with {what} ({shown(path)})")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()

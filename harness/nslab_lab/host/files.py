# SPDX-License-Identifier: GPL-2.0
"""Small things about files: whole or not at all, one at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import struct
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


def sha256(path: Path) -> str:
    """The digest of a file's content. Raises OSError."""
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def is_whole(path: Path) -> bool:
    """Whether a binary or an object is as long as its own headers say, or an archive begins like one.

    What a crash of the machine has cut short, or left empty, is not.
    """
    try:
        with path.open("rb") as data:
            head = data.read(64)
        size = path.stat().st_size
    except OSError:
        return False
    if head.startswith((b"!<arch>\n", b"!<thin>\n")):
        return True
    if len(head) < 64 or not head.startswith(b"\x7fELF\x02\x01"):
        return False
    (sections,) = struct.unpack_from("<Q", head, 40)
    each, count = struct.unpack_from("<HH", head, 58)
    # A file that has no section headers says nothing about its end.
    return bool(sections + each * count <= size)


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

# SPDX-License-Identifier: GPL-2.0
"""Only one sweep writes to a results file at a time, by a lock beside it."""

from __future__ import annotations

import contextlib
import fcntl
from pathlib import Path
from typing import Iterator

import filelock

from nslab_lab.host.errors import bad_input, lab_failed
from nslab_lab.host.paths import shown

# A process that was killed a moment ago may still hold its lock, host seconds.
_LOCK_S = 2.0


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the only sweep that writes to the file at @path. Raises LabError(2) if another one does."""
    if path.is_dir():
        raise bad_input(f"{shown(path)} is a folder: give a file, DB=FILE")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(_lock_of(path))
        lock.acquire(timeout=_LOCK_S)
    except filelock.Timeout:
        raise bad_input(
            f"another sweep is writing to {shown(path)}: wait for its end, or give DB=FILE"
        ) from None
    except OSError as error:
        raise lab_failed(
            f"{shown(path)} cannot be written ({error.strerror}): make its folder writable, "
            "or give DB=FILE"
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_written(path: Path) -> bool:
    """Whether a sweep is writing to the file at @path now. A sweep that was killed is not."""
    try:
        # Without making the file, and without waiting.
        with _lock_of(path).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")

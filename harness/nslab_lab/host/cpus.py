# SPDX-License-Identifier: GPL-2.0
"""One CPU for each guest, also between several runs on the machine.

A UML guest is two processes that hand over to each other at every system call; across two
CPUs that costs ten times more. So each guest is pinned, and takes a lock on its CPU.
"""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager
from typing import Iterator

from filelock import FileLock, Timeout

from nslab_lab.host.paths import cache

_shared = itertools.count()


def usable() -> list[int]:
    """The CPUs this process may use."""
    return sorted(os.sched_getaffinity(0))


@contextmanager
def one() -> Iterator[int]:
    """A CPU on which no other guest runs; when there is none, each of them in turn."""
    folder = cache() / "cpus"
    for cpu in usable():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{cpu}.lock")
            lock.acquire(timeout=0)
        except Timeout:
            continue
        except OSError:
            break  # no place for locks: speed is all that is lost
        try:
            yield cpu
        finally:
            lock.release()
        return
    cpus = usable()
    yield cpus[next(_shared) % len(cpus)]

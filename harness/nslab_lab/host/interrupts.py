# SPDX-License-Identifier: GPL-2.0
"""Signals that end the lab: first the guests and builds, then the results so far.

Signals come in bursts: timeout(1) signals a whole process group, and make(1), which is in it,
passes the signal on. The handler may therefore interrupt itself at any place and takes no lock: it
writes two plain attributes, or raises an exception, once. A thread hears of each signal through a
pipe (signal.set_wakeup_fd) and ends the process should the orderly way take too long.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Iterator

from nslab_lab.host import scratch

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# How long the orderly way may take after the first signal, host seconds.
GRACE_S = 10.0
# The same after a further one, unless that belongs to the same burst.
_IMPATIENT_S = 3.0
_BURST_S = 1.0
# What makes the main thread call the handlers, and how often; it does nothing else, nor in children.
_KICK = signal.SIGURG
_KICK_S = 0.05


class Interrupted(KeyboardInterrupt):
    """Ends what the main thread is doing."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _State:
    """What the handler writes, and what it has to know."""

    number: int | None = None  # the first signal; also written by the thread
    held: int = 0  # above 0: the exception has to wait
    raised: bool = False  # the exception was raised, or the signal was noticed without it


_state = _State()


def number() -> int | None:
    """The signal that ends this process; None while none does."""
    return _state.number


def _on_signal(number: int, frame: FrameType | None) -> None:
    if _state.number is None:
        _state.number = number
    if not _state.held and not _state.raised:
        _state.raised = True
        raise Interrupted(_state.number)


@contextlib.contextmanager
def armed() -> Iterator[None]:
    """While it is entered, a signal raises Interrupted in the main thread, once.

    A signal that the parent had ignored, as by nohup(1), stays so; but for SIGINT, which a shell
    ignores for each job in the background.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.number, _state.held, _state.raised = None, 0, False
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    watcher = threading.Thread(target=_watch, args=(reading,), daemon=True)
    before = {
        one: signal.getsignal(one)
        for one in SIGNALS
        if one == signal.SIGINT or signal.getsignal(one) is not signal.SIG_IGN
    }
    old = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher.start()
    try:
        for one in before:
            signal.signal(one, _on_signal)
        before[_KICK] = signal.signal(_KICK, lambda number, frame: None)
        yield
    finally:
        _state.held += 1  # what comes now is too late to change anything
        ends = _state.number is not None
        for one, handler in before.items():
            # Nothing is to cut short what is still to be removed.
            signal.signal(one, signal.SIG_IGN if ends and one in SIGNALS else handler)
        signal.set_wakeup_fd(old)
        os.close(writing)
        watcher.join()
        os.close(reading)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Put the exception off until the body is through: it must not be cut in two.

    For what makes something and then notes that it is to be removed.
    """
    if threading.current_thread() is not threading.main_thread():  # which gets no exception
        yield
        return
    _state.held += 1
    try:
        yield
    finally:
        _state.held -= 1
    if _state.number is not None and not _state.held and not _state.raised:
        _state.raised = True
        raise Interrupted(_state.number)


class Interrupts:
    """While it is entered, signals raise nothing: is_set() says that one has come.

    For code that has results to print. It can be nested.
    """

    def is_set(self) -> bool:
        """Whether to stop."""
        return _state.number is not None

    @property
    def status(self) -> int:
        """The exit status a shell expects."""
        return 128 + (_state.number or 0)

    def __enter__(self) -> Interrupts:
        _state.held += 1
        return self

    def __exit__(self, *exc: object) -> None:
        # Whoever has entered it looks at is_set(): no exception is to come later.
        if _state.number is not None:
            _state.raised = True
        _state.held -= 1


# === What is left ===


def end_children() -> None:
    """End every process that descends from this one, as far as they are known.

    Otherwise the exception could come when a process was started and is not yet recorded.
    """
    scratch.adopt_orphans()
    end = time.monotonic() + 2.0
    while (pids := _descendants()) and time.monotonic() < end:
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _descendants() -> list[int]:
    """Those that are alive, but for the one that removes what a dead harness leaves."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state not in "ZX":
                    parents[int(entry.name)] = int(parent)
    found: list[int] = []
    wanted = {os.getpid()}
    while wanted:
        wanted = {pid for pid, parent in parents.items() if parent in wanted} - {scratch.keeper()}
        found += wanted
    return found


def _watch(reading: int) -> None:
    """End the process when that takes too long after a signal. Ends with the pipe."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # they are the main thread's
    main = threading.main_thread().ident
    assert main is not None
    first: float | None = None
    deadline = 0.0
    while True:
        wait = None if first is None else min(_KICK_S, max(deadline - time.monotonic(), 0.0))
        if not select.select([reading], [], [], wait)[0]:
            if time.monotonic() >= deadline:
                _end_now()
            # The handler is called between two steps of the main thread. Where the next step is to
            # wait, and the signal came just before it, it would not be called for long.
            if not (_state.held or _state.raised):
                signal.pthread_kill(main, _KICK)
            continue
        data = os.read(reading, 64)
        if not data:
            return
        numbers = [one for one in data if one in SIGNALS]
        if not numbers:
            continue
        if _state.number is None:
            _state.number = numbers[0]
        now = time.monotonic()
        if first is None:
            first, deadline = now, now + GRACE_S
        elif now - first > _BURST_S:
            deadline = min(deadline, now + _IMPATIENT_S)


def _end_now() -> None:
    with contextlib.suppress(Exception):
        end_children()
    with contextlib.suppress(Exception):
        scratch.remove_all()
    os._exit(128 + (_state.number or signal.SIGTERM))

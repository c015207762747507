# SPDX-License-Identifier: GPL-2.0
"""Ctrl-C and its kin end a run in good order: guests first, then the results so far."""

from __future__ import annotations

import signal
import threading
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While it is entered, the first signal only sets it; a second one ends the process.

    (That leaves no guest behind either: each dies with the process that started it.)
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.signal: int | None = None

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    @property
    def status(self) -> int:
        """The exit status a shell expects."""
        return 128 + (self.signal or 0)

    def __enter__(self) -> Interrupts:
        self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self._event.set()
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)

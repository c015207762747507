# SPDX-License-Identifier: GPL-2.0
"""Durations as people write them: 90s, 10m, 8h, 30d."""

from __future__ import annotations

import re

from nslab_lab.host import front
from nslab_lab.host.errors import bad_input

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST = 3650 * 86400


def parse(name: str, text: str) -> int:
    """@text in seconds; a number without a unit has seconds. @name: whose value it is.

    Raises LabError(2).
    """
    if problem := problem_of(text):
        raise bad_input(f"{front.option(name)}={text[:40]}: {problem}")
    return seconds(text)


def problem_of(text: str) -> str | None:
    """What is wrong with @text, None if nothing is."""
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text, re.ASCII)
    if not found or not 0 < seconds(text) <= _MOST:
        return "not a duration such as 90s, 10m, 8h or 30d"
    return None


def seconds(text: str) -> int:
    """@text, which has to be a duration, in seconds."""
    number, unit = (text[:-1], text[-1]) if text[-1] in _SECONDS else (text, "s")
    return int(number) * _SECONDS[unit]


def shown(amount: float) -> str:
    """Seconds for people, in two parts at the most: "1 h 20 min", "45 s"."""
    whole = round(amount)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{round(whole / 60)} min"
    if whole < 2 * 86400:
        hours, minutes = divmod(round(whole / 60), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(whole / 86400)} days"

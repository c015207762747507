# SPDX-License-Identifier: GPL-2.0
"""What a guest writes while it runs: one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from nslab_lab.errors import lab_failed
from nslab_lab.paths import shown
from nslab_lab.plan import canonical


@dataclass(frozen=True)
class Execution:
    """The result of one execution."""

    n: int
    seed: str | None  # 16 hex digits; None if the guest died
    verdict: str  # "pass" or "fail"
    oracle: str | None
    message: str | None  # one line
    points: int | None  # scheduling points hit
    faults: int | None  # faults injected
    virtual_ns: int | None  # guest time
    hash: str | None  # of the trace, 16 hex digits

    @property
    def failed(self) -> bool:
        return self.verdict != "pass"

    def line(self, scenario: str) -> str:
        """The execution's line in executions.jsonl, without the newline."""
        return canonical({"scenario": scenario, **asdict(self)})


@dataclass(frozen=True)
class Step:
    """One line of a trace: an actor at a scheduling point."""

    n: int  # the execution
    step: int
    actor: str
    point: str
    where: str  # "utsns_get+0x1a/0x80", or empty
    nesting: int  # of rcu_read_lock()
    delay_ns: int  # guest time


@dataclass(frozen=True)
class Note:
    """Something else a guest says: "ready", "end", "error"."""

    event: str
    message: str | None = None


@dataclass(frozen=True)
class Points:
    """How often each scheduling point was met since boot."""

    hits: dict[str, int]


Event = Execution | Step | Points | Note


class Reader:
    """Reads a results file as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._line = 0

    def read(self) -> list[Event]:
        """What was written since the last call. Raises LabError(3) if it makes no sense."""
        with self.path.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        # A line may be there in part, while it is written or for good if the guest died.
        lines = data[: data.rfind(b"\n") + 1].splitlines(keepends=True)
        self._position += sum(map(len, lines))
        return [self._event(line) for line in lines]

    def _event(self, line: bytes) -> Event:
        self._line += 1
        try:
            return parse(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise lab_failed(
                f"{shown(self.path)}:{self._line}: the guest wrote what the lab cannot read: {error}"
            ) from None


_Kind = TypeVar("_Kind", Execution, Step)


def parse(data: dict[str, Any]) -> Event:
    """The event of one line's JSON. Raises KeyError, TypeError, AttributeError."""
    if data["event"] == "points":
        return Points({str(name): int(hits) for name, hits in data["hits"].items()})
    if data["event"] == "execution":
        return _fill(Execution, data)
    if data["event"] == "step":
        return _fill(Step, data)
    return Note(data["event"], data.get("message"))


def _fill(kind: type[_Kind], data: dict[str, Any]) -> _Kind:
    # Further keys are left alone: a newer guest may say more.
    return kind(**{field.name: data[field.name] for field in fields(kind)})

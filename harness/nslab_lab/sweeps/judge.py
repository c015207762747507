# SPDX-License-Identifier: GPL-2.0
"""Which findings are new, known, or gone. A finding is all that has one cause: see guest/cause.py.

new     its cause was in no earlier sweep, and neither it nor a signature of it is in the user's list
known   it was, or is; a signature that it did not have until now does not make it new
gone    the sweep of the same name before this one had it, and this one, which is through, has not,
        though it ran every cell that had it, unless there is no such cell any more
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from nslab_lab.sweeps.rows import DONE, Key, SweepRow
from nslab_lab.sweeps.store import Store

NEW, KNOWN, GONE = "new", "known", "gone"
_ORDER = (NEW, KNOWN, GONE)

Where = tuple[str, str, str, str, str]  # scenario, strategy, profile, variant, kernel


@dataclass(frozen=True)
class Signature:
    """All executions of some sweeps that failed in the same way, of the same cause."""

    signature: str
    fresh: bool  # its cause is known, but not that it shows so
    oracle: str
    headline: str
    token: str  # the smallest
    reproduced: str
    minimal: bool
    through: bool  # no more is made of it
    preemptions: int | None
    picture: str  # SVG, may be empty
    interleaving: str
    report: str
    console: str
    failures: int  # executions that failed so
    executions: int  # of the cells in which it came
    cells: tuple[Where, ...]
    own_profile: str | None  # the path of the user's
    patches: str  # the user's, their paths with blanks between


@dataclass(frozen=True)
class Finding:
    """All executions of some sweeps that failed of the same cause."""

    status: str  # NEW, KNOWN, GONE
    cause: str
    signatures: tuple[Signature, ...]  # the one that shows it best comes first
    sweep: str  # the id of the last of those sweeps that has it
    failures: int
    executions: int
    cells: tuple[Where, ...]
    reason: str | None  # the user's, why it is known
    first: str  # the sweep that had it first
    last: str  # that had it last

    @property
    def best(self) -> Signature:
        """The signature that shows it best."""
        return self.signatures[0]

    @property
    def oracles(self) -> tuple[str, ...]:
        """Those that reported it, that of the best signature first."""
        return tuple(dict.fromkeys(one.oracle for one in self.signatures))

    @property
    def also(self) -> tuple[Signature, ...]:
        """How a known finding shows itself for the first time."""
        return tuple(one for one in self.signatures if one.fresh) if self.status == KNOWN else ()


_SIGNATURE = (
    "oracle, headline, coalesce(small, token), reproduced, minimal, through, preemptions, picture, "
    "coalesce(interleaving, ''), coalesce(report, ''), console"
)


class _Seen:
    """Which sweeps had which causes and signatures, the oldest first."""

    def __init__(self, store: Store) -> None:
        self.keys: dict[Key, list[int]] = {}
        self.causes: dict[str, list[int]] = {}
        self.of: dict[str, list[Key]] = {}
        for cause, signature, sweep in store.rows(
            "SELECT cause, signature, sweep FROM findings ORDER BY sweep, n"
        ):
            key = Key(cause, signature)
            if key not in self.keys:
                self.of.setdefault(cause, []).append(key)
            self.keys.setdefault(key, []).append(sweep)
            sweeps = self.causes.setdefault(cause, [])
            if sweep not in sweeps:
                sweeps.append(sweep)

    def listed(self, reasons: Mapping[str, str]) -> dict[str, str]:
        """The reasons for what the user's list names, by cause."""
        found = {cause: reasons[cause] for cause in self.causes if cause in reasons}
        for cause, signature in self.keys:
            if signature in reasons:
                found.setdefault(cause, reasons[signature])
        return found


def listed(store: Store, reasons: Mapping[str, str]) -> dict[str, str]:
    """The user's reasons by cause; @reasons: by cause or signature."""
    return _Seen(store).listed(reasons)


def findings(store: Store, chosen: Sequence[SweepRow], reasons: Mapping[str, str]) -> list[Finding]:
    """Those of the @chosen sweeps, the new ones first, then as often as they came.

    @reasons: by cause or signature, the user's list.
    """
    if not chosen:
        return []
    seen = _Seen(store)
    why = seen.listed(reasons)
    numbers = [row.sweep for row in chosen]
    found: dict[str, str] = {}
    for cause, sweeps in seen.causes.items():
        if any(sweep in numbers for sweep in sweeps):
            found[cause] = KNOWN if cause in why or sweeps[0] < numbers[0] else NEW
    gone = _gone(store, chosen[-1], seen.causes)
    for cause in gone:
        if cause not in found or seen.causes[cause][-1] < chosen[-1].sweep:
            found[cause] = GONE
    ids = {row.sweep: row.id for row in store.sweeps()}
    made = []
    for cause, status in found.items():
        of = [gone[cause]] if status == GONE else [n for n in seen.causes[cause] if n in numbers]
        known_as = {
            key.signature
            for key in seen.of[cause]
            if key.signature in reasons or seen.keys[key][0] < numbers[0]
        }
        signatures = []
        for key in seen.of[cause]:
            if mine := [sweep for sweep in seen.keys[key] if sweep in of]:
                fresh = bool(known_as) and key.signature not in known_as
                signatures.append(_signature(store, key, mine, fresh))
        came = _cells(store, of, "cause = ?", cause)
        made.append(Finding(
            status, cause, tuple(sorted(signatures, key=_how_well)), ids[of[-1]], came.failures,
            came.executions, came.cells, why.get(cause), ids[seen.causes[cause][0]],
            ids[seen.causes[cause][-1]],
        ))  # fmt: skip
    return sorted(made, key=lambda one: (_ORDER.index(one.status), -one.failures, one.cause))


def _how_well(one: Signature) -> tuple[Any, ...]:
    """The smallest schedule shows a cause best."""
    unknown = one.preemptions is None
    return (not one.minimal, unknown, one.preemptions or 0, -one.failures, one.signature)


def _gone(store: Store, last: SweepRow, seen: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Causes that the sweep before @last of its name had; and which sweep that was."""
    if last.state != DONE:
        return {}
    before = [
        row.sweep
        for row in store.sweeps()
        if row.name == last.name and row.sweep < last.sweep and row.state == DONE
    ]
    if not before:
        return {}
    missed = not_looked_for(store, last.sweep, before[-1])
    return {
        cause: before[-1]
        for cause, sweeps in seen.items()
        if before[-1] in sweeps and last.sweep not in sweeps and cause not in missed
    }


def not_looked_for(store: Store, sweep: int, before: int) -> set[str]:
    """Causes in the sweep @before, of which @sweep has a cell that it did not run."""
    return {cause for (cause,) in store.rows(
        "SELECT DISTINCT cause FROM failures JOIN cells AS old USING (sweep, cell) "
        "JOIN cells AS now ON now.sweep = ? AND NOT now.executions AND now.scenario = old.scenario "
        "AND now.strategy = old.strategy AND now.profile = old.profile AND now.variant = old.variant "
        "AND now.kernel = old.kernel AND now.seed = old.seed WHERE failures.sweep = ?", sweep, before,
    )}  # fmt: skip


def _signature(store: Store, key: Key, of: Sequence[int], fresh: bool) -> Signature:
    """A signature in the sweeps @of."""
    # The last sweep stands for all.
    (row,) = store.rows(
        f"SELECT {_SIGNATURE} FROM findings WHERE sweep = ? AND cause = ? AND signature = ?",
        of[-1], *key,
    )  # fmt: skip
    came = _cells(store, of, "cause = ? AND signature = ?", *key)
    return Signature(
        signature=key.signature,
        fresh=fresh,
        oracle=row[0],
        headline=row[1],
        token=row[2],
        reproduced=row[3],
        minimal=bool(row[4]),
        through=bool(row[5]),
        preemptions=row[6],
        picture=_text(row[7]),
        interleaving=row[8],
        report=row[9],
        console=_text(row[10]),
        failures=came.failures,
        executions=came.executions,
        cells=came.cells,
        own_profile=came.own_profile,
        patches=came.patches,
    )


class _Came(NamedTuple):
    """Where, and how often."""

    failures: int
    executions: int
    cells: tuple[Where, ...]
    own_profile: str | None
    patches: str


def _cells(store: Store, of: Iterable[int], which: str, *values: str) -> _Came:
    """The failures of the sweeps @of that are as @which with @values says, and their cells."""
    cells: list[tuple[Any, ...]] = []
    failures = 0
    for sweep in of:
        cells += store.rows(
            "SELECT scenario, strategy, profile, variant, kernel, executions, coalesce(patches, '') "
            "FROM cells LEFT JOIN kernels ON kernels.id = kernel_id WHERE sweep = ? AND cell IN "
            f"(SELECT cell FROM failures WHERE sweep = ? AND {which}) ORDER BY cells.cell",
            sweep, sweep, *values,
        )  # fmt: skip
        ((count,),) = store.rows(
            f"SELECT count(*) FROM failures WHERE sweep = ? AND {which}", sweep, *values
        )
        failures += count
    return _Came(
        failures,
        sum(cell[5] for cell in cells),
        tuple(dict.fromkeys((cell[0], cell[1], cell[2], cell[3], cell[4]) for cell in cells)),
        next((cell[2] for cell in cells if "/" in cell[2]), None),
        cells[0][6] if cells else "",
    )


def _text(data: bytes | None) -> str:
    return zlib.decompress(data).decode() if data else ""

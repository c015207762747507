# SPDX-License-Identifier: GPL-2.0
"""Which findings are new, known, or gone.

new     its signature was in no earlier sweep, and is in no list of the user's
known   it was, or is
gone    the sweep of the same name before this one had it, and this one, which is through, has not,
        though it came to every cell that had it, unless there is no such cell any more
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from nslab_lab.sweeps.rows import DONE, SweepRow
from nslab_lab.sweeps.store import Store

NEW, KNOWN, GONE = "new", "known", "gone"
_ORDER = (NEW, KNOWN, GONE)


@dataclass(frozen=True)
class Finding:
    """All executions of some sweeps that failed in the same way."""

    status: str  # NEW, KNOWN, GONE
    signature: str
    oracle: str
    headline: str
    token: str  # the smallest
    sweep: str  # the id of that which has it
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
    cells: tuple[
        tuple[str, str, str, str, str], ...
    ]  # scenario, strategy, profile, variant, kernel
    own_profile: str | None  # the path of the user's
    patches: str  # the user's, their paths with blanks between
    reason: str | None  # the user's, why it is known
    first: str  # the sweep that had it first
    last: str  # that had it last


_FINDING = (
    "signature, oracle, headline, coalesce(small, token), reproduced, minimal, through, preemptions, "
    "picture, coalesce(interleaving, ''), coalesce(report, ''), console, sweep"
)


def findings(store: Store, chosen: Sequence[SweepRow], reasons: Mapping[str, str]) -> list[Finding]:
    """Those of the @chosen sweeps, the new ones first, then as often as they came.

    @reasons: by signature, the user's list.
    """
    if not chosen:
        return []
    ids = {row.sweep: row for row in store.sweeps()}
    seen: dict[str, list[int]] = {}
    for signature, sweep in store.rows("SELECT signature, sweep FROM findings ORDER BY sweep"):
        seen.setdefault(signature, []).append(sweep)
    numbers = [row.sweep for row in chosen]
    found: dict[str, tuple[str, int]] = {}
    for signature, sweeps in seen.items():
        here = [sweep for sweep in sweeps if sweep in numbers]
        if here:
            is_known = signature in reasons or sweeps[0] < numbers[0]
            # The first that was made smaller speaks for all; see _rows().
            found[signature] = (KNOWN if is_known else NEW, here[-1])
    gone = _gone(store, chosen[-1], seen)
    for signature, sweep in gone.items():
        if signature not in found or seen[signature][-1] < chosen[-1].sweep:
            found[signature] = (GONE, sweep)
    made = [
        _finding(store, signature, status, sweep, numbers, seen[signature], ids, reasons)
        for signature, (status, sweep) in found.items()
    ]
    return sorted(made, key=lambda one: (_ORDER.index(one.status), -one.failures, one.signature))


def _gone(store: Store, last: SweepRow, seen: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Signatures that the sweep before @last of its name had; and which sweep that was."""
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
        signature: before[-1]
        for signature, sweeps in seen.items()
        if before[-1] in sweeps and last.sweep not in sweeps and signature not in missed
    }


def not_looked_for(store: Store, sweep: int, before: int) -> set[str]:
    """Signatures of the sweep @before, of which @sweep has a cell it did not come to."""
    return {signature for (signature,) in store.rows(
        "SELECT DISTINCT signature FROM failures JOIN cells AS old USING (sweep, cell) "
        "JOIN cells AS now ON now.sweep = ? AND NOT now.executions AND now.scenario = old.scenario "
        "AND now.strategy = old.strategy AND now.profile = old.profile AND now.variant = old.variant "
        "AND now.kernel = old.kernel AND now.seed = old.seed WHERE failures.sweep = ?", sweep, before,
    )}  # fmt: skip


def _finding(
    store: Store,
    signature: str,
    status: str,
    sweep: int,
    numbers: Sequence[int],
    seen: Sequence[int],
    ids: Mapping[int, SweepRow],
    reasons: Mapping[str, str],
) -> Finding:
    (row,) = store.rows(
        f"SELECT {_FINDING} FROM findings WHERE sweep = ? AND signature = ?", sweep, signature
    )
    of = [sweep] if status == GONE else [one for one in seen if one in numbers]
    cells: list[tuple[Any, ...]] = []
    failures = 0
    for one in of:
        cells += store.rows(
            "SELECT scenario, strategy, profile, variant, kernel, executions, coalesce(patches, '') "
            "FROM cells LEFT JOIN kernels ON kernels.id = kernel_id WHERE sweep = ?1 AND cell IN "
            "(SELECT cell FROM failures WHERE sweep = ?1 AND signature = ?2) ORDER BY cells.cell",
            one, signature,
        )  # fmt: skip
        failures += store.rows(
            "SELECT count(*) FROM failures WHERE sweep = ? AND signature = ?", one, signature
        )[0][0]
    own = next((cell[2] for cell in cells if "/" in cell[2]), None)
    return Finding(
        status=status,
        signature=signature,
        oracle=row[1],
        headline=row[2],
        token=row[3],
        sweep=ids[sweep].id,
        reproduced=row[4],
        minimal=bool(row[5]),
        through=bool(row[6]),
        preemptions=row[7],
        picture=_text(row[8]),
        interleaving=row[9],
        report=row[10],
        console=_text(row[11]),
        failures=failures,
        executions=sum(cell[5] for cell in cells),
        cells=tuple(dict.fromkeys((cell[0], cell[1], cell[2], cell[3], cell[4]) for cell in cells)),
        own_profile=own,
        patches=cells[0][6] if cells else "",
        reason=reasons.get(signature),
        first=ids[seen[0]].id,
        last=ids[seen[-1]].id,
    )  # fmt: skip


def _text(data: bytes | None) -> str:
    return zlib.decompress(data).decode() if data else ""

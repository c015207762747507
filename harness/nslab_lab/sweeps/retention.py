# SPDX-License-Identifier: GPL-2.0
"""Old sweeps go, but for the last occurrence of a cause that is still open.

A cause is open unless a later sweep of the same name, which is through, looked for it in vain. The
latest sweep of each name always stays, however old.
"""

from __future__ import annotations

import datetime

from nslab_lab.sweeps import judge
from nslab_lab.sweeps.rows import DONE, SweepRow
from nslab_lab.sweeps.store import Store

_EMPTIED = ("batches", "coverage", "sketches", "moments", "words")


def apply(store: Store, keep_s: float, now: datetime.datetime) -> int:
    """Drop what began more than @keep_s seconds before @now; how many sweeps went altogether."""
    rows = store.sweeps()
    latest = {row.name: row.sweep for row in rows}
    seen = store.rows("SELECT DISTINCT cause, sweep FROM findings ORDER BY sweep")
    last = {cause: sweep for cause, sweep in seen}
    gone = 0
    for row in rows:
        age = (now - datetime.datetime.fromisoformat(row.started)).total_seconds()
        if age <= keep_s or latest[row.name] == row.sweep:
            continue
        mine = [cause for cause, sweep in seen if sweep == row.sweep]
        stays = [one for one in mine if last[one] == row.sweep and _is_open(store, one, row, rows)]
        if stays:
            _empty(store, row.sweep, stays)
        else:
            store.execute("DELETE FROM sweeps WHERE sweep = ?", row.sweep)
            gone += 1
    store.execute("DELETE FROM kernels WHERE id NOT IN (SELECT kernel_id FROM cells)")
    return gone


def _is_open(store: Store, cause: str, row: SweepRow, rows: list[SweepRow]) -> bool:
    """Whether the cause that @row was the last to have is open."""
    return not any(
        later.name == row.name and later.sweep > row.sweep and later.state == DONE
        and cause not in judge.not_looked_for(store, later.sweep, row.sweep)
        for later in rows
    )  # fmt: skip


def _empty(store: Store, sweep: int, stays: list[str]) -> None:
    """All but the findings of those causes, and the cells they came in."""
    marks = ", ".join("?" * len(stays))
    with store.transaction():
        for table in _EMPTIED:
            store.execute(f"DELETE FROM {table} WHERE sweep = ?", sweep)
        for table in ("findings", "failures"):
            store.execute(
                f"DELETE FROM {table} WHERE sweep = ? AND cause NOT IN ({marks})", sweep, *stays
            )
        store.execute(
            "DELETE FROM cells WHERE sweep = ?1 AND cell NOT IN "
            "(SELECT cell FROM failures WHERE sweep = ?1)", sweep,
        )  # fmt: skip

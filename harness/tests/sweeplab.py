# SPDX-License-Identifier: GPL-2.0
"""What the tests of sweeps share: results files made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

from nslab_lab.sweeps.rows import DONE, RUNNING, CellRow, Found, Outcome, Smaller, SweepRow
from nslab_lab.sweeps.sketch import Sketch, hash_of
from nslab_lab.sweeps.store import Store

PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="60" viewBox="0 0 300 60">'
    '<title>Interleaving</title><rect width="300" height="60" fill="#eee"/>'
    '<text x="10" y="35">reader | writer</text></svg>'
)


def sweep_row(
    name: str = "nightly", started: str = "2026-01-01T22:00:00+00:00", **more: Any
) -> SweepRow:
    """A sweep that is not begun yet."""
    values: dict[str, Any] = dict(
        sweep=0, id="", name=name, seeds="", about="a test", executions=100, budget=None, batch=10,
        search=100, ahead=4, state=RUNNING, started=started, seconds=0.0,
    ) | more  # fmt: skip
    return SweepRow(**values)


def cell_rows(
    scenarios: Sequence[str] = ("one", "two"), profiles: Sequence[str] = ("delay",)
) -> list[CellRow]:
    """Their combinations."""
    pairs = [(scenario, profile) for scenario in scenarios for profile in profiles]
    return [
        CellRow(number, scenario, "none", profile, "0a1b2c", "none", "6.12", "0123abcd", 1)
        for number, (scenario, profile) in enumerate(pairs)
    ]


def found(signature: str, execution: int = 1, **more: str) -> Found:
    """A failure; @signature: "signature@cause", or both are the same."""
    signature, _, cause = signature.partition("@")
    values: dict[str, Any] = dict(
        oracle="kasan", headline=f"KASAN: {signature}", hash="00" * 8, reproduced="solo",
        token=f"NSLAB1.6.12-0123abcd.one.none.delay-0a1b2c.none.1.{execution}.{execution}",
        console="Linux version 0\nKASAN\n",
    ) | more  # fmt: skip
    return Found(execution, cause or signature, signature, **values)


def outcome(executions: int = 10, *signatures: str, **more: tuple[Found]) -> Outcome:
    """What came of a batch."""
    values: dict[str, Any] = dict(
        points=executions * 5, faults=executions, seconds=0.5,
        traces=tuple(hash_of(f"{number:x}") for number in range(executions)),
        reached={"rcu_read_lock": executions, "exit_notify": 0}, readers={"utsns_get": executions},
        found=tuple(map(found, signatures)),
    ) | more  # fmt: skip
    return Outcome(executions, **values)


def commit(store: Store, row: SweepRow, n: int, result: Outcome, cell: int = 0) -> None:
    """Batch @n of @cell, begun and through."""
    store.chosen(row.sweep, [(n, cell, 0, row.batch)])
    sketch = Sketch(result.traces)
    query = (
        f"SELECT {', '.join(CellRow.__dataclass_fields__)} FROM cells WHERE sweep = ? AND cell = ?"
    )
    (of,) = store.rows(query, row.sweep, cell)
    store.commit(row.sweep, CellRow(*of), n, result, sketch, float(n))
    store.moment(row.sweep, float(n), sketch.count)


def night(
    store: Store, *signatures: str, done: bool = True, whole: bool = True, **more: str
) -> SweepRow:
    """A sweep that found @signatures, one in each batch; not @whole: it did not come to a cell."""
    row = store.begin(sweep_row(**more), cell_rows())
    store.keep_kernel("0123abcd", "6.12", "CONFIG_NSLAB=y\n", '{"compiler": "cc"}', "")
    commit(store, row, 1, outcome(5))
    if whole:
        commit(store, row, 2, outcome(5), cell=1)
    for n, signature in enumerate(signatures, 3):
        commit(store, row, n, outcome(3, signature), cell=n % 2)
        one = found(signature)
        small = Smaller(
            True, one.token, f"{one.headline} (a.c:1)", 1, PICTURE, "reader  writer\n", "BUG: KASAN\n"
        )
        store.smaller(row.sweep, one.key, small, float(n))
    if done:
        store.end(row.sweep, DONE, 100.0)
    return next(one for one in store.sweeps() if one.sweep == row.sweep)


def results(folder: Path) -> Store:
    """A new results file."""
    return Store(folder / "results.sqlite")

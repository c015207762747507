# SPDX-License-Identifier: GPL-2.0
"""The summary that a sweep prints at its end."""

from __future__ import annotations

from typing import Sequence

from nslab_lab.plans.plan import NO_VARIANT
from nslab_lab.report.table import count
from nslab_lab.sweeps import durations, judge, text
from nslab_lab.sweeps.rows import SweepRow
from nslab_lab.sweeps.store import Store


def lines(
    store: Store, row: SweepRow, found: Sequence[judge.Finding], errors: Sequence[tuple[str, str]]
) -> list[str]:
    """How much was run, and what was found. @errors: see errors_of()."""
    ((cells, executions, ran),) = store.rows(
        "SELECT count(*), sum(executions), sum(executions > 0) FROM cells WHERE sweep = ?", row.sweep
    )
    return [
        f"sweep {row.id}: {count(executions or 0, 'execution')} in {count(ran or 0, 'cell')} of "
        f"{cells:,}, {durations.shown(row.seconds)}: {text.headline(found)}",
        *text.document(found, errors),
    ]


def errors_of(store: Store, row: SweepRow) -> list[tuple[str, str]]:
    """The cells that could not be run, and why."""
    return [
        (f"{scenario} {strategy}+{profile}" + (f", {variant}" if variant != NO_VARIANT else ""), why)
        for scenario, strategy, profile, variant, why in store.rows(
            "SELECT scenario, strategy, profile, variant, error FROM cells "
            "WHERE sweep = ? AND error IS NOT NULL ORDER BY cell", row.sweep,
        )
    ]  # fmt: skip

# SPDX-License-Identifier: GPL-2.0
"""Which sweep is run: a new one, the last one that was left, or an earlier one again."""

from __future__ import annotations

import datetime
from dataclasses import replace

from nslab_lab.host import front
from nslab_lab.host.errors import bad_input
from nslab_lab.host.paths import shown
from nslab_lab.host.progress import say
from nslab_lab.report.table import count
from nslab_lab.sweeps import description
from nslab_lab.sweeps.cell_tasks import Lab
from nslab_lab.sweeps.description import Description
from nslab_lab.sweeps.rows import LEFT, RUNNING, SweepRow
from nslab_lab.sweeps.store import Store


def new(described: Description) -> SweepRow:
    """A sweep of a description, not begun yet."""
    return SweepRow(
        0, "", described.name, "", described.about, described.executions, described.budget_s,
        described.batch, described.search, described.ahead, RUNNING, _now(), 0.0,
    )  # fmt: skip


def _now() -> str:
    """For people, and for how long it is kept."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def left(store: Store, lab: Lab, name: str | None) -> SweepRow | None:
    """The last sweep that is not finished; None where there is none that can be continued."""
    # One that another of its name came after was given up.
    latest = {row.name: row for row in store.sweeps()}
    rows = [row for row in latest.values() if row.state == RUNNING and name in (None, row.name)]
    if not rows:
        say("there is no sweep to go on with: a new one begins")
        return None
    row = max(rows, key=lambda one: one.sweep)
    cells_of = store.cells(row.sweep)
    if why := lab.changed(cells_of):
        say(f"sweep {row.id} cannot go on: {why}: a new one begins")
        store.end(row.sweep, LEFT, row.seconds)
        return None
    lab.cells = cells_of
    through = sum(one.executions is not None for one in store.batches(row.sweep))
    say(f"sweep {row.id} goes on: {count(through, 'boot')} were through")
    return row


def repeated(store: Store, lab: Lab, id: str) -> SweepRow:
    """The sweep of that id again, not begun yet: as many executions, whatever it had in mind."""
    rows = {row.id: row for row in store.sweeps()}
    if id not in rows:
        there = ", ".join(list(rows)[-5:]) or "none"
        raise bad_input(
            f"{front.option('repeat')}={id}: there is no such sweep in {shown(store.path)}; the last are {there}"
        )
    old = rows[id]
    batches = store.batches(old.sweep)
    if not batches:
        raise bad_input(f"{front.option('repeat')}={id}: nothing is kept of its batches")
    was = store.cells(old.sweep)
    if why := lab.changed(was):
        say(f"not quite the same: {why}")
    lab.describe([
        description.CellOf(one.scenario, one.strategy, one.profile, one.variant, one.kernel, one.seed)
        for one in was
    ])  # fmt: skip
    planned = sum(one.planned for one in batches)
    return replace(
        old,
        sweep=0,
        id="",
        budget=None,
        executions=planned,
        state=RUNNING,
        started=_now(),
        seconds=0.0,
    )

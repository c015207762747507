# SPDX-License-Identifier: GPL-2.0
"""One sweep: its batches, the reports while it runs, and its exit status."""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

from nslab_lab.host import scratch
from nslab_lab.host.errors import FINDINGS, FOUND_NOTHING, LAB_FAILED
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.sweeps import closing, exports, gather, judge, notify, report, retention
from nslab_lab.sweeps.cell_tasks import Lab
from nslab_lab.sweeps.rows import Key, SweepRow
from nslab_lab.sweeps.runner import Runner
from nslab_lab.sweeps.store import Store
from nslab_lab.sweeps.view import view


@dataclass
class Sweep:
    """One sweep, told to the user as it goes."""

    store: Store
    lab: Lab
    row: SweepRow
    path: Path  # of the results file
    reasons: Mapping[str, str]
    args: argparse.Namespace

    def run(self, jobs: int, keep_s: float | None) -> int:
        """Run it and say what came of it; the exit status."""
        store = self.store
        for kernel in self.lab.kernels.values():
            store.keep_kernel(
                kernel.id, kernel.name, kernel.config.read_text(), json.dumps(kernel.versions),
                " ".join(str(patch.resolve()) for patch in self.args.patch),
            )  # fmt: skip
        place = self.path.with_name(f"{self.path.name}.work")
        # A sweep that was killed together with the keeper of its folders.
        scratch.end_processes(place)
        shutil.rmtree(place, ignore_errors=True)
        interrupts = Interrupts()
        with interrupts:  # to the summary
            return self._run(jobs, keep_s, place, interrupts)

    def _run(self, jobs: int, keep_s: float | None, place: Path, interrupts: Interrupts) -> int:
        store, row = self.store, self.row
        with scratch.folder(place), view(row.id) as shown_to:
            runner = Runner(
                store, row, self.lab.limits(row),
                lambda cell, number: self.lab.task(row, place, cell, number),
                interrupts, shown_to, self._new_finding,
            )  # fmt: skip
            self._tell_again()
            with ThreadPoolExecutor(jobs) as executor:
                done = runner.run(executor, jobs)
        if done and keep_s:
            now = datetime.datetime.now(datetime.timezone.utc)
            retention.apply(store, keep_s, now)
        return self._end(interrupts)

    # === Telling the user's command ===

    def _tell_again(self) -> None:
        """What was found before a crash, and not told any more."""
        for key in self.store.rows(
            "SELECT cause, signature FROM findings WHERE sweep = ? AND through AND NOT told "
            "ORDER BY n", self.row.sweep,
        ):  # fmt: skip
            self._new_finding(Key(*key))

    def _new_finding(self, key: Key) -> None:
        """Once for each cause: the first signature of it that is through."""
        if not self.args.notify:
            return
        told = self.store.rows(
            "SELECT 1 FROM findings WHERE sweep = ? AND cause = ? AND told", self.row.sweep, key.cause
        )
        if not told:
            found = judge.findings(self.store, [self.row], self.reasons)
            for one in found:
                if one.cause == key.cause and one.status == judge.NEW:
                    notify.tell(self.args.notify, {"sweep": self.row.id, **exports.finding(one)})
        self.store.told(self.row.sweep, key.cause)

    # === The end ===

    def _end(self, interrupts: Interrupts) -> int:
        store = self.store
        row = next(one for one in store.sweeps() if one.sweep == self.row.sweep)
        found = judge.findings(store, [row], self.reasons)
        errors = closing.errors_of(store, row)
        print("\n".join(closing.lines(store, row, found, errors)))
        if interrupts.is_set():
            print("INTERRUPTED: these are the results so far; RESUME=1 goes on")
        if not self.args.no_report:
            made = gather.report(store, [row], self.reasons)
            print(f"report: {report.write(made, self.path.parent)}")
        if interrupts.is_set():
            return interrupts.status
        if any(one.status == judge.NEW for one in found):
            return FINDINGS
        return LAB_FAILED if errors else FOUND_NOTHING

# SPDX-License-Identifier: GPL-2.0
"""`nslab history`: bugs of the public record, each put back: found, by what, how soon.

A bug is a patch on top of the series, so each has a kernel of its own, which is built when its turn
comes. What is known so far is in results.jsonl, a line each, so --resume goes on from there.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Mapping, Sequence

from nslab_lab.build import catalog, kernels, scenarios
from nslab_lab.build.catalog import Scenario
from nslab_lab.build.guest_program import Guest
from nslab_lab.build.kernel import Kernel
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.guest import demands
from nslab_lab.history import hunts, index, tables
from nslab_lab.history.hunts import Hunt, Hunter, Result
from nslab_lab.history.index import Bug
from nslab_lab.host import files, jsonline
from nslab_lab.host.errors import FINDINGS, FOUND_NOTHING, LAB_FAILED
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.paths import BUILD, shown
from nslab_lab.host.progress import say
from nslab_lab.report import results_page, runfolder

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

HISTORIES = BUILD / "history"
EXECUTIONS = 2000
CAP_S = 120
# Some bugs let a guest wait for ever, which is to be seen soon: host seconds.
SILENCE_S = 10


def register(commands: Commands) -> None:
    """`nslab history`."""
    parser = commands.add_parser("history", help="bugs of the public record, put back: what finds them")
    parser.add_argument("--only", metavar="ID[,ID]", help="default: all of history.toml")
    parser.add_argument("--executions", metavar="N", help=f"of each strategy at most ({EXECUTIONS})")
    parser.add_argument(
        "--cap", metavar="SECONDS", help=f"of each stress test at most, host time ({CAP_S})"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the last one")
    parser.add_argument("--kernel", help="a kernel of uml/kernels.toml")
    options.add_guest_options(parser, SILENCE_S)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    executions = options.whole("executions", args.executions, EXECUTIONS, 1, 10**6)
    cap_s = options.whole("cap", args.cap, CAP_S, 1, 86400)
    jobs = options.jobs_of(args)
    entry = kernels.load().entry(args.kernel or None)
    bugs = index.read(entry.one_series().file.parent / index.FILE)
    only = catalog.choose_names("bug", args.only, [catalog.Item(one.id, one.what) for one in bugs])
    demands.check()
    guest, known = scenarios.choose(None)
    kernel = ensure_kernel(args.kernel or None, [])
    history = History(
        args, kernel, guest, {one.name: one for one in known},
        [one for one in bugs if one.id in only], executions, cap_s, len(only) == len(bugs),
    )  # fmt: skip
    return history.run(jobs)


@dataclass
class History:
    """One run of it."""

    args: argparse.Namespace
    kernel: Kernel  # the correct one
    guest: Guest
    scenarios: Mapping[str, Scenario]
    bugs: Sequence[Bug]
    executions: int
    cap_s: int
    whole: bool  # no bug was left out
    results: list[Result] = field(default_factory=list)
    controls: list[tuple[str, Hunt]] = field(default_factory=list)

    def run(self, jobs: int) -> int:
        """Look for each, and say what came of it; the exit status."""
        for bug in self.bugs:
            catalog.choose("scenario", bug.scenario, [catalog.Item(name, "") for name in self.scenarios])
        self._interrupts = Interrupts()
        with self._interrupts:
            before = self._before()
            self._folder = runfolder.numbered(HISTORIES)
            for number, bug in enumerate(self.bugs, 1):
                if self._interrupts.is_set():
                    break
                say(f"{bug.id}, {number} of {len(self.bugs)}")
                self._one(bug, before.get(bug.id), jobs)
            self._control()
            return self._end()

    def _before(self) -> dict[str, Mapping[str, object]]:
        """What an earlier run that is to be gone on with has found, by bug."""
        path = HISTORIES / "latest" / "results.jsonl"
        if not self.args.resume or not path.exists():
            return {}
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        limits = {"executions": self.executions, "cap_s": self.cap_s}
        return {line["id"]: line for line in lines if line["limits"] == limits}

    def _one(self, bug: Bug, before: Mapping[str, object] | None, jobs: int) -> None:
        kernel = ensure_kernel(self.args.kernel or None, [bug.patch])
        if before and before["kernel_id"] == kernel.id:
            result = hunts.from_data(bug, before)
        else:
            hunter = self._hunter(kernel, bug.id)
            result = hunter.all(bug, self.scenarios[bug.scenario], jobs)
            if self._interrupts.is_set():
                return
        self.results.append(result)
        limits = {"executions": self.executions, "cap_s": self.cap_s}
        with (self._folder / "results.jsonl").open("a", encoding="ascii") as file:
            file.write(f"{jsonline.canonical({**result.data(), 'limits': limits})}\n")
        by = ", ".join(f"{one.strategy} after {one.executions:,}" for one in result.by)
        say(f"{bug.id}: {by or 'not found'}")

    def _hunter(self, kernel: Kernel, name: str) -> Hunter:
        machine = options.machine(self.args, kernel, self.guest.init)
        return Hunter(
            kernel, machine, self._folder / name, self._interrupts, self.executions, self.cap_s
        )

    def _control(self) -> None:
        """The scenarios without any bug: what is found there is none of the bugs."""
        seen = {(one.bug.scenario, one.bug.profile): one.bug for one in self.results}
        hunter = self._hunter(self.kernel, "correct")
        for bug in seen.values():
            if self._interrupts.is_set():
                return
            found = hunter.steered(bug, self.scenarios[bug.scenario], "random")
            self.controls.append((bug.scenario, found))

    def _end(self) -> int:
        text = tables.text(self.results, self.controls, self.executions, self.cap_s)
        if self._interrupts.is_set():
            text.append("INTERRUPTED: these are the results so far; --resume goes on")
        self._write("history.txt", "\n".join(text))
        self._write("history.md", tables.markdown(self.results))
        self._write("history.json", jsonline.canonical(tables.data(self.results, self.controls)))
        print("\n" + "\n".join(text))
        print(f"kept in {shown(self._folder)}: history.txt, history.md, history.json")
        if self._interrupts.is_set():
            return self._interrupts.status
        if tables.errors(self.results, self.controls):
            return LAB_FAILED
        usual = (self.executions, self.cap_s) == (EXECUTIONS, CAP_S)
        results_page.update(self.kernel, {"history": "\n".join(text)}, [], self.whole and usual)
        return FINDINGS if tables.failures(self.results, self.controls) else FOUND_NOTHING

    def _write(self, name: str, text: str) -> None:
        files.write(Path(self._folder) / name, f"{text}\n".encode())

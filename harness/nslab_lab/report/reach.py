# SPDX-License-Identifier: GPL-2.0
"""Who came where: readers and named points, by scenario; what nobody reached."""

from __future__ import annotations

import difflib
import textwrap
from dataclasses import dataclass
from typing import Mapping, Sequence

from nslab_lab.build.catalog import Scenario
from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import readers
from nslab_lab.guest.results import Points
from nslab_lab.report import table


@dataclass
class Coverage:
    """By how many executions everything was reached."""

    scenarios: Sequence[Scenario]
    executions: Mapping[str, int]  # that were run, by scenario
    # By reader and by named point: executions by scenario, those that never come there left out.
    readers: Mapping[str, Mapping[str, int]]
    points: Mapping[str, Mapping[str, int]]

    def failures(self) -> list[str]:
        """What was never reached, a line each."""
        lines = [
            f"{kind} {name}: never reached; some scenario has to come there"
            for kind, by_name in (("reader", self.readers), ("point", self.points))
            for name, by_scenario in by_name.items()
            if not by_scenario
        ]
        for scenario in self.scenarios:
            lines += [
                f"{scenario.name}: {problem}"
                for name in scenario.reaches
                if (problem := self._problem(scenario.name, name))
            ]
        return lines

    def _problem(self, scenario: str, name: str) -> str | None:
        """What is wrong with a scenario's saying that it reaches @name."""
        by_name = {**self.readers, **self.points}
        if name not in by_name:
            close = difflib.get_close_matches(name, by_name, 1)
            hint = f"; is '{close[0]}' meant?" if close else ""
            return f"REACHES names '{name}', no reader of this kernel and no named point{hint}"
        if scenario not in by_name[name]:
            ran = table.count(self.executions[scenario], "execution")
            return f"REACHES names '{name}', but in {ran} it did not come there"
        return None

    def summary(self) -> list[str]:
        """How much was reached, in lines that fit."""
        return table.reached(*(
            {name: sum(of.values()) for name, of in by_name.items()}
            for by_name in (self.points, self.readers)
        ))  # fmt: skip

    def text(self) -> str:
        """Two tables, at most 80 columns wide."""
        return "\n\n".join(
            self._table(heading, by_name)
            for heading, by_name in (("reader", self.readers), ("point", self.points))
        )

    def _table(self, heading: str, by_name: Mapping[str, Mapping[str, int]]) -> str:
        wide = max(map(len, [heading, *by_name]))
        rest = table.WIDTH - wide - 2 - 10 - 2
        lines = [f"{heading:<{wide}}  executions  by", f"{'-' * wide}  {'-' * 10}  {'-' * rest}"]
        for name, by_scenario in by_name.items():
            first, *more = textwrap.wrap(self._who(by_scenario), rest, break_on_hyphens=False)
            lines.append(f"{name:<{wide}}  {sum(by_scenario.values()):>10,}  {first}")
            lines += [" " * (wide + 14) + line for line in more]
        return "\n".join(lines)

    def _who(self, by_scenario: Mapping[str, int]) -> str:
        """Which scenarios, in as few words as possible."""
        others = [one.name for one in self.scenarios if one.name not in by_scenario]
        if not by_scenario:
            return "NOBODY"
        if not others:
            return "all"
        if len(others) < len(by_scenario):
            return f"all but {', '.join(others)}"
        return ", ".join(by_scenario)


def evaluate(
    kernel: Kernel, scenarios: Sequence[Scenario], executions: Mapping[str, int],
    met: Mapping[str, Points],
) -> Coverage:
    """What @met, by scenario, comes to. Raises LabError(3) where the binary tells of no readers."""
    by_reader = {name: readers.executions(kernel.linux, met[name]) for name in met}
    by_point = {name: met[name].executions for name in met}
    names = sorted({name for counts in by_reader.values() for name in counts})
    return Coverage(
        scenarios,
        executions,
        {name: _by_scenario(name, by_reader) for name in names},
        {name: _by_scenario(name, by_point) for name in kernel.points},
    )


def _by_scenario(name: str, counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {scenario: of[name] for scenario, of in counts.items() if of.get(name)}

# SPDX-License-Identifier: GPL-2.0
"""Coverage: which scenario reaches which readers and named points, and what none reaches."""

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
    """In how many executions each reader and each named point was reached."""

    scenarios: Sequence[Scenario]
    executions: Mapping[str, int]  # that were run, by scenario
    # By reader and by named point: executions by scenario; a scenario with none is left out.
    readers: Mapping[str, Mapping[str, int]]
    points: Mapping[str, Mapping[str, int]]

    def failures(self) -> list[str]:
        """What was never reached, a line each."""
        lines = [
            f"{kind} {name}: never reached by any scenario"
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
        """What is wrong with a scenario's claim that it reaches @name; None: it does."""
        by_name = {**self.readers, **self.points}
        if name not in by_name:
            close = difflib.get_close_matches(name, by_name, 1)
            hint = f"; is '{close[0]}' meant?" if close else ""
            return f"REACHES names '{name}', which is neither a reader of this kernel nor a named point{hint}"
        if scenario not in by_name[name]:
            ran = table.count(self.executions[scenario], "execution")
            return f"REACHES names '{name}', but in {ran} it was not reached"
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
            first, *more = textwrap.wrap(self._scenarios(by_scenario), rest, break_on_hyphens=False)
            lines.append(f"{name:<{wide}}  {sum(by_scenario.values()):>10,}  {first}")
            lines += [" " * (wide + 14) + line for line in more]
        return "\n".join(lines)

    def _scenarios(self, by_scenario: Mapping[str, int]) -> str:
        """The scenarios that reach it, or those that do not where these are fewer."""
        others = [one.name for one in self.scenarios if one.name not in by_scenario]
        if not by_scenario:
            return "none"
        if not others:
            return "all"
        if len(others) < len(by_scenario):
            return f"all but {', '.join(others)}"
        return ", ".join(by_scenario)


def evaluate(
    kernel: Kernel, scenarios: Sequence[Scenario], executions: Mapping[str, int],
    met: Mapping[str, Points],
) -> Coverage:
    """The coverage of @met, by scenario. Raises LabError(3) where the binary cannot be read."""
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

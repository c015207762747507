# SPDX-License-Identifier: GPL-2.0
"""Coverage: which scenario reaches which readers and named points, and what none reaches."""

from __future__ import annotations

import difflib
import textwrap
from dataclasses import dataclass, field
from typing import Collection, Iterable, Mapping, Sequence

from nslab_lab.build import catalog
from nslab_lab.build.catalog import Point, Scenario
from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import readers
from nslab_lab.guest.results import Points
from nslab_lab.host.errors import bad_input
from nslab_lab.report import table

# What stands for the named points that any kernel code has.
ANY = "any subject"


def unknown(scenarios: Iterable[Scenario], known_readers: Collection[str]) -> list[str]:
    """What REACHES() of the scenarios names that is neither a reader nor a named point, a line each.

    @known_readers: of the kernel; where there are none nothing is known, and nothing said.
    """
    known = [*(item.name for item in catalog.points()), *known_readers]
    if not known_readers:
        return []
    return [
        f"{_place(scenario)}: {_unknown(name, known)}"
        for scenario in scenarios
        for name in scenario.reaches
        if name not in known
    ]


def check(kernel: Kernel, scenarios: Sequence[Scenario]) -> None:
    """Raises LabError(2) for a REACHES() that names what this kernel has not.

    A patch of the user's own, or another design, may be without one; then coverage tells.
    """
    found = readers.names(kernel.linux)  # whatever is wrong with that shall not show at the end
    if kernel.is_plain and (problems := unknown(scenarios, found)):
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise bad_input(problems[0] + more)


def _place(scenario: Scenario) -> str:
    return f"scenarios/{scenario.file}" if scenario.subject and "/" in scenario.file else scenario.name


def _unknown(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    hint = f"; is '{close[0]}' meant?" if close else ""
    return f"REACHES names '{name}', which is neither a reader of this kernel nor a named point{hint}"


def summary(
    kernel: Kernel, scenarios: Sequence[Scenario], met: Iterable[Points]
) -> list[str]:  # fmt: skip
    """How much was reached of each subject that takes part, in lines that fit.

    @met: what executions of @scenarios have reached, all of which is counted together.
    """
    together = Points()
    for one in met:
        together.add(one)
    by_reader = readers.executions(kernel.linux, together)
    points = together.executions
    placed = catalog.points_of(kernel.points)
    lines = []
    reached = {name for name, count in (*points.items(), *by_reader.items()) if count}
    for subject in (*subjects(scenarios, placed, by_reader, reached), ""):
        counts = {one.name: points.get(one.name, 0) for one in placed if one.subject == subject}
        lines += table.reached(
            subject or ANY, counts, by_reader if subject == readers.SUBJECT else {}
        )
    return lines


def subjects(
    scenarios: Sequence[Scenario], placed: Iterable[Point], names: Iterable[str],
    reached: Collection[str],
) -> list[str]:  # fmt: skip
    """Those that take part, by number: those of @scenarios, and where one is of none what is @reached.

    @placed, @names: the points and the readers of the kernel.
    """
    found = {one.subject for one in scenarios if one.subject}
    if any(not one.subject for one in scenarios):
        found |= {one.subject for one in placed if one.subject and one.name in reached}
        found |= {readers.SUBJECT for name in names if name in reached}
    return catalog.in_order(found)


@dataclass
class Coverage:
    """By how many executions everything was reached that belongs to a subject that takes part."""

    scenarios: Sequence[Scenario]
    executions: Mapping[str, int]  # that were run, by scenario
    # By reader and by named point: executions by scenario, those that never reach it left out.
    readers: Mapping[str, Mapping[str, int]]
    points: Mapping[str, Mapping[str, int]]
    asked: bool = False  # the scenarios were named: others reach the rest
    # By name, the subject of readers and points that belong to one that takes no part.
    others: Mapping[str, str] = field(default_factory=dict)

    def failures(self) -> list[str]:
        """What is wrong, a line each."""
        lines = [] if self.asked else [
            f"{kind} {name}: never reached by any scenario"
            for kind, by_name in (("reader", self.readers), ("point", self.points))
            for name, by_scenario in by_name.items()
            if not by_scenario
        ]  # fmt: skip
        for scenario in self.scenarios:
            lines += [
                f"{scenario.name}: {problem}"
                for name in scenario.reaches
                if (problem := self._problem(scenario, name))
            ]
        return lines

    def _problem(self, scenario: Scenario, name: str) -> str | None:
        """What is wrong with a scenario's saying that it reaches @name."""
        by_name = {**self.readers, **self.points}
        if name in self.others and scenario.subject:
            return f"REACHES names '{name}' of {self.others[name]}, which is not its subject"
        if name not in (*by_name, *self.others):
            return _unknown(name, [*by_name, *self.others])
        if scenario.name not in by_name.get(name, ()):
            ran = table.count(self.executions[scenario.name], "execution")
            return f"REACHES names '{name}', but in {ran} it was not reached"
        return None

    def text(self) -> str:
        """Two tables, at most 80 columns wide."""
        return "\n\n".join(
            self._table(heading, by_name)
            for heading, by_name in (("reader", self.readers), ("point", self.points))
            if by_name
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
    met: Mapping[str, Points], asked: bool = False,
) -> Coverage:  # fmt: skip
    """The coverage of @met, by scenario. Raises LabError(3) where the binary has no debug information.

    @asked: the scenarios were named, and need not reach everything together.
    """
    by_reader = {name: readers.executions(kernel.linux, met[name]) for name in met}
    by_point = {name: met[name].executions for name in met}
    placed = catalog.points_of(kernel.points)
    names = sorted({name for counts in by_reader.values() for name in counts})
    reached = {
        name
        for counts in (*by_reader.values(), *by_point.values())
        for name, count in counts.items()
        if count
    }
    taking_part = {*subjects(scenarios, placed, names, reached), ""}
    others = {
        point.name: point.subject
        for point in placed
        if point.subject and point.subject not in taking_part
    }
    if readers.SUBJECT not in taking_part:
        others |= dict.fromkeys(names, readers.SUBJECT)
        names = []
    return Coverage(
        scenarios,
        executions,
        {name: _by_scenario(name, by_reader) for name in names},
        {
            point.name: _by_scenario(point.name, by_point)
            for point in placed
            if point.subject in taking_part
        },
        asked,
        others,
    )


def _by_scenario(name: str, counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {scenario: of[name] for scenario, of in counts.items() if of.get(name)}

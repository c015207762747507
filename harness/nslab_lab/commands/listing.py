# SPDX-License-Identifier: GPL-2.0
"""`nslab list`: what there is to choose from."""

from __future__ import annotations

import argparse
import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Sequence

from nslab_lab.build import catalog, kernels
from nslab_lab.build.catalog import Item, Scenario
from nslab_lab.build.guest_program import ensure_scenarios
from nslab_lab.build.kernel import last_built
from nslab_lab.debuginfo import readers
from nslab_lab.host.progress import say
from nslab_lab.report import reach
from nslab_lab.sweeps import description

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

WIDTH = 80


def register(commands: Commands) -> None:
    """`nslab list`."""
    parser = commands.add_parser("list", help="scenarios, profiles, strategies, variants, ...")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    known = catalog.from_init(ensure_scenarios())
    items: dict[str, Sequence[Item]] = {
        "scenarios": known.scenarios,
        "profiles": catalog.all_profiles(),
        "strategies": known.strategies,
        "variants": catalog.variants(),
        "points": _points(),
        "kernels": catalog.all_kernels(),
        "series": catalog.all_series(),
        "sweeps": description.items(),
    }
    if args.json:
        data = {kind: [asdict(item) for item in them] for kind, them in items.items()}
        print(json.dumps(data, indent=2))
    else:
        print("\n\n".join([
            *sections(known.scenarios), *(section(kind, items[kind]) for kind in list(items)[1:]),
        ]))  # fmt: skip
    linux = last_built(kernels.load().default)
    for problem in reach.unknown(known.scenarios, readers.kept_names(linux) if linux else []):
        say(problem)
    return 0


def _points() -> list[Item]:
    """The points; of those that the default kernel has not in every series it is said."""
    designs = kernels.load().entry().series.values()
    has = {one.name: catalog.placed(catalog.points(), one, "nslab_point") for one in designs}
    items = []
    for item in catalog.points():
        of = [name for name, those in has.items() if item in those]
        rest = "" if len(of) == len(has) else f" (series {', '.join(of) or 'none'})"
        items.append(Item(item.name, item.about + rest))
    return items


def sections(scenarios: Sequence[Scenario]) -> list[str]:
    """The scenarios, those of each subject by themselves."""
    return [
        section(
            f"scenarios of {subject}" if subject else "scenarios",
            [one for one in scenarios if one.subject == subject],
        )
        for subject in catalog.in_order(one.subject for one in scenarios)
    ]


def section(kind: str, items: Sequence[Item]) -> str:
    """One kind of things as text, at most 80 columns wide."""
    column = max((len(item.name) for item in items), default=0) + 4
    lines = [kind]
    for item in items:
        about = textwrap.wrap(item.about, WIDTH - column) or [""]
        lines.append(f"  {item.name:<{column - 2}}{about[0]}".rstrip())
        more = about[1:]
        if isinstance(item, Scenario):
            more += _reaches(item, WIDTH - column)
            more += ["carries on from one execution to the next"] * item.carries_on
        lines += [" " * column + line for line in more]
    return "\n".join(lines)


def _reaches(scenario: Scenario, width: int) -> list[str]:
    """The readers and named points that it reaches, in lines of @width."""
    points = {point.name for point in catalog.points()}
    lines = []
    for who, is_point in (("readers", False), ("points", True)):
        names = [name for name in scenario.reaches if (name in points) == is_point]
        if names:
            lines += textwrap.wrap(f"{who}: {', '.join(names)}", width, subsequent_indent="  ")
    return lines

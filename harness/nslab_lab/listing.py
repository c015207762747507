# SPDX-License-Identifier: GPL-2.0
"""`nslab list`: what there is to choose from."""

from __future__ import annotations

import argparse
import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from nslab_lab import catalog
from nslab_lab.build import ensure_scenarios
from nslab_lab.catalog import Item

if TYPE_CHECKING:
    from nslab_lab.cli import Commands

WIDTH = 80


def register(commands: Commands) -> None:
    """`nslab list`."""
    parser = commands.add_parser("list", help="scenarios, profiles, strategies, variants, ...")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    known = catalog.from_init(ensure_scenarios())
    items = {
        "scenarios": known.scenarios,
        "profiles": catalog.all_profiles(),
        "strategies": known.strategies,
        "variants": catalog.variants(),
        "points": catalog.points(),
        "kernels": catalog.all_kernels(),
    }
    if args.json:
        data = {kind: [asdict(item) for item in them] for kind, them in items.items()}
        print(json.dumps(data, indent=2))
    else:
        print("\n\n".join(section(kind, them) for kind, them in items.items()))
    return 0


def section(kind: str, items: list[Item]) -> str:
    """One kind of things as text, at most 80 columns wide."""
    column = max((len(item.name) for item in items), default=0) + 4
    lines = [kind]
    for item in items:
        about = textwrap.wrap(item.about, WIDTH - column) or [""]
        lines.append(f"  {item.name:<{column - 2}}{about[0]}".rstrip())
        lines += [" " * column + more for more in about[1:]]
    return "\n".join(lines)

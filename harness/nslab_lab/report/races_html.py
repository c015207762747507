# SPDX-License-Identifier: GPL-2.0
"""The tables of shared words as one HTML page that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import jinja2

from nslab_lab.plans import machinery
from nslab_lab.report.races import Table
from nslab_lab.report.table import count

PAGE = Path(__file__).parent / "page"


def page(title: str, tables: Sequence[Table]) -> str:
    """The page; @title: what it is about."""
    return _environment().get_template("races.html").render(
        title=title, tables=tables, left_out=machinery.load()
    )


def section(tables: Sequence[Table]) -> str:
    """The tables alone, for another page."""
    return _environment().get_template("words.html").render(tables=tables)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters["count"] = count
    return environment

# SPDX-License-Identifier: GPL-2.0
"""The diagram of an execution, with the names that its kernel's debug information gives."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Sequence

from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import symbols
from nslab_lab.findings import diagram, diagram_svg, diagram_text, naming
from nslab_lab.findings.diagram import Diagram
from nslab_lab.guest.results import Step
from nslab_lab.guest.verdict import Verdict

FORMATS = ("text", "svg", "json")

text = diagram_text.text


def draw(
    steps: Sequence[Step], verdict: Verdict | None, kernel: Kernel, full: bool = False
) -> Diagram:
    """The diagram of @steps; @full: all of them."""
    symbols.look_up(kernel.linux, {step.where for step in steps})
    steps, field_of = naming.named(steps, kernel.linux, kernel.src)
    return diagram.build(
        steps, verdict,
        line_of=functools.partial(symbols.line_of, kernel.linux),
        field_of=field_of,
        tree=kernel.src, full=full,
    )  # fmt: skip


def write(drawn: Diagram, full: Diagram, folder: Path) -> None:
    """diagram.txt and .svg, and .json with all steps, in @folder."""
    if not drawn.rows:
        return
    for name, form, of in (("txt", "text", drawn), ("svg", "svg", drawn), ("json", "json", full)):
        (folder / f"diagram.{name}").write_text(render(of, form))


def render(drawn: Diagram, form: str) -> str:
    """The diagram as "text", "svg" or "json"."""
    match form:
        case "svg":
            return diagram_svg.svg(drawn)
        case "json":
            return json.dumps(diagram.json_of(drawn), indent=2) + "\n"
    return diagram_text.text(drawn)

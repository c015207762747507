# SPDX-License-Identifier: GPL-2.0
"""harness/RESULTS.md: the figures of the last full runs of `nslab matrix` and `nslab bench`.

Each section holds what one command printed, under the id of the kernel it ran on. The next full run of
that command replaces it. The page holds no date and no path of this machine, so on the same kernel
figures that do not measure time are the same bytes.

The page is written only where the figures can be made again by others: from a run of the default
kernel with the default options, in a clone without uncommitted changes.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Mapping, Sequence

from nslab_lab.build import kernels
from nslab_lab.build.kernel import Kernel
from nslab_lab.host import files, progress
from nslab_lab.host.paths import REPO, shown

PAGE = REPO / "harness" / "RESULTS.md"

# Name, heading, the command, what the section shows. Sections stand in this order.
SECTIONS = (
    ("matrix", "The matrix", "make matrix",
     "How soon each deliberate defect is caught, and by which oracle. [How to read\n"
     "it](README.md#the-matrix)."),
    ("design", "The two designs", "make bench PART=design",
     "What the designs cost. [How they differ](../patches/README.md#two-designs)."),
    ("speed", "Speed", "make bench PART=speed",
     "Executions per second of one guest. `unsteered` is the same scenario as a stress test on the\n"
     "same kernel: random sleeps, an ordinary clock, nothing of the lab."),
    ("sweep", "Several guests at a time", "make bench PART=sweep",
     "Batches of a sweep, boots included."),
    ("gdb", "Under gdb", "make bench PART=gdb",
     "What it takes to reach a step, and to go back from it."),
    ("variants", "Strategies compared", "make bench PART=variants",
     "Executions until a defect is caught, by strategy, and by the stress test."),
    ("history", "Bugs of the public record", "make history",
     "How soon bugs that the kernel had are found when they are put back.\n"
     "[Which they are](../patches/6.12/history/README.md)."),
)  # fmt: skip

_HEAD = """\
<!-- SPDX-License-Identifier: GPL-2.0 -->
<!-- Written by `make matrix`, `make bench` and `make history`: do not edit. -->
# Results

Figures of the last full runs. Each section names the kernel that it was measured on; kernels with
the same id are the same binary. `make matrix` repeats its figures exactly on the same kernel; those
of `make bench` are of one machine, and differ on another.
"""

_SECTION = re.compile(r"^<!-- (\w+) (\S+) -->\n(.*?)^<!-- end -->\n", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```text\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
# Files of this run.
_LOCAL = re.compile(r"; see \S+$|^kept in .*$", re.MULTILINE)


class Growth:
    """The parts of a text file that grows, part after part."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0
        self.parts: dict[str, str] = {}

    def add(self, name: str) -> None:
        """What was appended since the last call is part @name."""
        text = self._path.read_text()
        self.parts[name] = text[self._end :]
        self._end = len(text)


def update(
    kernel: Kernel, parts: Mapping[str, str], patches: Sequence[Path], is_full: bool,
    page: Path = PAGE,
) -> None:
    """Replace the sections @parts of the page by what their commands printed.

    @is_full: whether the command ran with its default options. Without, and for another kernel
    than the default one, nothing is done. Where the clone has uncommitted changes, one line says
    that nothing is written.
    """
    is_default = kernel.name == kernels.load().default and kernel.series is None and not patches
    if not (is_full and is_default and parts):
        return
    if changed := _changed(page):
        progress.say(f"{shown(page)} is kept as it is: {changed} has uncommitted changes")
        return
    sections = read(page)
    for name, text in parts.items():
        sections[name] = (f"{kernel.name}-{kernel.id}", _clean(text))
    files.write(page, render(sections).encode())
    progress.say(f"{shown(page)}: section {', '.join(parts)} written")


def read(page: Path) -> dict[str, tuple[str, str]]:
    """By section, the kernel and the text; what is not of this form is dropped."""
    try:
        text = page.read_text()
    except FileNotFoundError:
        return {}
    found = {}
    for name, kernel, body in _SECTION.findall(text):
        if block := _BLOCK.search(body):
            found[name] = (kernel, block[1])
    return found


def render(sections: Mapping[str, tuple[str, str]]) -> str:
    """The page."""
    text = [_HEAD]
    for name, heading, command, about in SECTIONS:
        if name in sections:
            kernel, block = sections[name]
            text.append(
                f"\n<!-- {name} {kernel} -->\n## {heading}\n\nKernel {kernel}, `{command}`.\n{about}\n\n"
                f"```text\n{block}```\n<!-- end -->\n"
            )
    return "".join(text)


def _clean(text: str) -> str:
    """Without the files of this run; no empty line at either end."""
    lines = [line.rstrip() for line in _LOCAL.sub("", text).splitlines()]
    return "\n".join(lines).strip("\n").replace("```", "'''") + "\n"


def _changed(page: Path) -> str | None:
    """A file with uncommitted changes, the page aside; None: there is none."""
    done = subprocess.run(
        ["git", "-C", str(REPO), "status", "--porcelain", "--untracked-files=no", "-z"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return "a clone without git"
    names = [entry[3:] for entry in done.stdout.split("\0") if entry]
    return next((name for name in names if name != shown(page)), None)

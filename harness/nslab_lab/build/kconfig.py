# SPDX-License-Identifier: GPL-2.0
"""The kernel's configuration: tinyconfig plus fragments, and each line has to take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from nslab_lab.build import kmake
from nslab_lab.host import files
from nslab_lab.host.errors import LabError, lab_failed
from nslab_lab.host.paths import shown

WORK_NAME = ".config.nslab"
# Offered only where gcc's headers for plugins are.
PLUGINS = "CONFIG_GCC_PLUGINS"

# Which tools this machine has beside those that the build uses.
_TOOLS = re.compile(r"CONFIG_(PAHOLE_VERSION|LLD_VERSION|RUSTC_|RUST_|BINDGEN_)")


@dataclass(frozen=True)
class Line:
    """One line of a fragment. @value is None for `is not set`."""

    option: str
    value: str | None
    fragment: Path
    number: int

    def wrong(self, what: str) -> LabError:
        """The error to raise about this line."""
        name = f"{self.option}={self.value}" if self.value else f"{self.option} is not set"
        return lab_failed(f"{shown(self.fragment)}:{self.number}: {name}: {what}")


def configure(src: Path, fragments: Sequence[Path], log: Path, what: str) -> bool:
    """Make src/out/.config from the fragments; whether it has changed.

    A configuration that comes out the same keeps its time, so nothing is rebuilt.
    Raises LabError when a line of a fragment did not take; .config is then as before.
    """
    out = src / "out"
    out.mkdir(exist_ok=True)
    lines = [line for fragment in fragments for line in read_fragment(fragment)]
    if any(line.option == PLUGINS and line.value for line in lines):
        kmake.check_plugins()
    work = out / WORK_NAME
    arguments = [*kmake.KERNEL_VARIABLES, f"KCONFIG_CONFIG={WORK_NAME}"]
    try:
        kmake.make(src, [*arguments, "tinyconfig"], log, f"the configuration of {what}")
        with work.open("a") as config:
            for fragment in fragments:
                config.write(fragment.read_text())
        kmake.make(src, [*arguments, "olddefconfig"], log, f"the configuration of {what}")
        final = work.read_text()
        check(lines, final)
        return files.write_if_changed(out / ".config", final.encode())
    finally:
        files.remove(work)
        files.remove(out / f"{WORK_NAME}.old")


def read_fragment(fragment: Path) -> list[Line]:
    """The lines of a fragment that say something. Raises LabError."""
    lines = []
    for number, text in enumerate(fragment.read_text().splitlines(), 1):
        if found := re.fullmatch(r"(CONFIG_\w+)=(.+)", text.strip()):
            value = None if found[2] == "n" else found[2]
            lines.append(Line(found[1], value, fragment, number))
        elif found := re.fullmatch(r"# (CONFIG_\w+) is not set", text.strip()):
            lines.append(Line(found[1], None, fragment, number))
        elif text.strip() and not text.startswith("#"):
            raise lab_failed(f"{shown(fragment)}:{number}: not a line of a configuration: {text}")
    return lines


def check(lines: Sequence[Line], config: str) -> None:
    """Each line stands in the final configuration, unless a later one changed it."""
    final = dict(re.findall(r"^(CONFIG_\w+)=(.*)$", config, re.MULTILINE))
    offered = set(re.findall(r"^# (CONFIG_\w+) is not set$", config, re.MULTILINE))
    last = {line.option: line for line in lines}
    failed = [line for line in last.values() if final.get(line.option) != line.value]
    if not failed:
        return
    first = failed[0]
    if first.option in final:
        why = f"it came out as {final[first.option]}"
    elif first.option in offered:
        why = "it came out as not set"
    else:
        why = "there is no such option here, or what it depends on is off"
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    raise first.wrong(f"did not take: {why}{more}")


def settings(config: str) -> str:
    """What of a final configuration makes the binary, and so belongs to the kernel's id.

    Left out are options that are off, since which ones are offered differs with the packages of the
    machine (those for plugins of gcc, say), and what is only told of tools that the build does not use.
    """
    return "\n".join(
        line
        for line in config.splitlines()
        if line.startswith("CONFIG_") and not _TOOLS.match(line)
    )

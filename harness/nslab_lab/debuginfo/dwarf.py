# SPDX-License-Identifier: GPL-2.0
"""What a kernel's debug information says, asked through gdb."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import shown


def ask(linux: Path, what: str, script: str) -> Any:
    """What the Python @script, run inside gdb on the binary, leaves in `answer` (JSON can hold it).

    @what: it reads that; for the message of LabError(3), raised where gdb does not work.
    """
    if not linux.is_file():
        raise lab_failed(f"{shown(linux)}: no such kernel binary")
    script = f"import json\n{script}\nprint('nslab:' + json.dumps(answer))\n"
    # Nothing of the user's, and no debug information from the network.
    environment = {key: text for key, text in os.environ.items() if key != "DEBUGINFOD_URLS"}
    command = ["gdb", "-nx", "-batch", "-iex", "set auto-load off", "-ex", f"python\n{script}"]
    try:
        done = subprocess.run(
            [*command, linux], capture_output=True, text=True, check=False, env=environment,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        raise lab_failed("gdb is not there, the package gdb has it") from None
    for line in done.stdout.splitlines():
        if line.startswith("nslab:"):
            return json.loads(line.removeprefix("nslab:"))
    last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
    raise lab_failed(f"gdb could not read {what} of {shown(linux)}: {last}")

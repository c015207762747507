# SPDX-License-Identifier: GPL-2.0
"""What gdb shows of a subject: a module of the subject's name for each that has something.

    PRINTERS         names of structs, and the classes that print them
    COMMANDS         classes of commands below `nslab`
    about(task)      lines of `nslab actors` on a task
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from types import ModuleType

from nslab_lab.plans import subject


@functools.cache
def modules() -> tuple[ModuleType, ...]:
    """Those that there are, in the order of the subjects."""
    folder = Path(__file__).parent
    names = (one.name for one in subject.all_subjects())
    return tuple(
        importlib.import_module(f"nslab_gdb.subjects.{name}")
        for name in names
        if (folder / f"{name}.py").exists()
    )

# SPDX-License-Identifier: GPL-2.0
"""What `nslab gdb` has gdb source: the commands, the printers, and the way to where it begins."""

import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import gdb  # noqa: E402  (the path has to be set first)

from nslab_lab.host.errors import LAB_FAILED, LabError  # noqa: E402

try:
    # The session is read as they are loaded.
    from nslab_gdb import commands, guest, printers, setup, stacks

    setup.settings(guest.GUEST.session)
    printers.register()
    stacks.register()
    commands.register()
    commands.begin()
except (gdb.error, LabError, OSError, ValueError) as error:
    print(f"nslab: gdb could not set itself up: {' '.join(str(error).split())}", file=sys.stderr)
    gdb.execute(f"quit {LAB_FAILED}")

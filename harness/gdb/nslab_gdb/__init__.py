# SPDX-License-Identifier: GPL-2.0
"""The lab's commands in gdb.

    session.py   what is debugged, as `nslab gdb` has prepared it
    setup.py     gdb's own settings
    kernel.py    the lab's structures in the guest's memory
    guest.py     the guest: booted, stopped where it is wanted, booted again
    trace.py     the steps so far, with names and lines
    show.py      what is said when it stops
    commands.py  nslab ..., and what is done when the guest stops
    command.py   what is below `nslab`, and how its words are read
    looking.py, moving.py, choosing.py, functions.py   the commands, by what they are for
    subjects/    what is shown of a subject
    stacks.py    the stacks of other tasks, and where user space begins
    printers.py  pretty printers
"""

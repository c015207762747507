# SPDX-License-Identifier: GPL-2.0
"""The one exception that ends a command, and the exit statuses."""

FOUND_NOTHING = 0
FINDINGS = 1
BAD_INPUT = 2
LAB_FAILED = 3


class LabError(Exception):
    """Ends the command with one line, `nslab: MESSAGE`, and an exit status.

    The message says what went wrong, where, and what to do.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = " ".join(message.split())


def bad_input(message: str) -> LabError:
    """The user's mistake: status 2."""
    return LabError(BAD_INPUT, message)


def lab_failed(message: str) -> LabError:
    """The lab itself could not work (fetch, build, boot): status 3."""
    return LabError(LAB_FAILED, message)

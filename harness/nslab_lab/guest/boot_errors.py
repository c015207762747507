# SPDX-License-Identifier: GPL-2.0
"""Why a guest never came as far as its first execution, as an error for the user."""

from __future__ import annotations

from nslab_lab.guest import demands, verdict
from nslab_lab.guest.boots import Boot
from nslab_lab.host.errors import bad_input, lab_failed
from nslab_lab.host.paths import shown


def check_boot(result: Boot) -> None:
    """Raises LabError where the guest never came as far as its first execution.

    Status 2 where its kernel has the user's own patches, else 3.
    """
    console = shown(result.console)
    if result.error:
        raise lab_failed(f"the guest cannot run its plan: {result.error}; see {console}")
    if result.ready or result.stopped:
        return
    text = result.console_text()
    if "nslab: token=" in text:
        return
    if "check_ptrace : " in text:
        raise demands.ptrace_denied(f"see {console}")
    if report := verdict.of_console(text):
        last = f"{report.oracle}: {report.headline}"
    else:
        said = [line.strip() for line in text.splitlines() if line.strip()]
        last = said[-1][:120] if said else "it said nothing"
    how = "stopped answering" if result.silent else f"ended (status {result.status})"
    message = f"{how} before its first execution: {last}; see {console}"
    if result.patched:
        raise bad_input(f"with your patch the guest {message}")
    raise lab_failed(f"the guest {message}")

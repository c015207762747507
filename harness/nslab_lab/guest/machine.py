# SPDX-License-Identifier: GPL-2.0
"""How a guest is started: the files it boots, its command line, and the limits it runs under."""

from __future__ import annotations

import functools
import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Sequence

from nslab_lab.guest import demands
from nslab_lab.plans import profiles
from nslab_lab.plans.plan import NO_VARIANT, BootPlan

# Host seconds without a word from the guest after which it is given up.
SILENCE_S = 60.0
# How often the results file is looked at, host seconds; a guest's end is seen at once.
POLL_S = 0.1
# The result file's number in the guest, and so in the shell's redirection.
RESULT_FD = 3


@dataclass(frozen=True)
class Machine:
    """What every guest of a run boots."""

    linux: Path
    initramfs_tool: Path  # gen_init_cpio
    initramfs_base: Path
    cmdline: tuple[str, ...] = ()  # what the kernel's entry in uml/kernels.toml adds
    silence_s: float = SILENCE_S  # host seconds
    poll_s: float = POLL_S  # host seconds
    wrapper: tuple[str, ...] = ()  # a command that runs the guest
    patched: bool = False  # its kernel has the user's own patches
    raises_killed: bool = False  # GuestKilled, where others take it for a finding


def ordinary(machine: Machine) -> Machine:
    """The same with a clock that goes on by itself."""
    words = (word for word in machine.cmdline if not word.startswith("time-travel"))
    return replace(machine, cmdline=tuple(words))


def command(machine: Machine, plan: BootPlan, results: Path, cpu: int) -> list[str]:
    """The command that boots a guest on @cpu.

    It runs in a folder of its own and names what is there without its path: socket paths
    are limited to 108 bytes, and the console is the same wherever the run folder lies.
    """
    return [
        *("/bin/sh", "-c", f'exec "$@" {RESULT_FD}>>"$0"', str(results)),
        *confined(cpu),
        *machine.wrapper,
        str(machine.linux),
        *arguments(machine, plan),
    ]


def confined(cpu: int) -> list[str]:
    """The words before a command that make it fit for a guest, on @cpu."""
    return [
        *("prlimit", "--core=0", *demands.lifted_limits()),
        # The host's address randomisation would change the guest's memory size.
        *(("setarch", "-R") if demands.has_personality() else ()),
        *("taskset", "-c", str(cpu)),
        *("setpriv", *_drop_privileges(), "--pdeathsig", "KILL"),
    ]


def arguments(machine: Machine, plan: BootPlan) -> list[str]:
    """The guest's command line, in a folder that holds its initrd."""
    token = plan.token
    variant = [f"nslab.variant={token.variant}"] if token.variant != NO_VARIANT else []
    # It has to be on from the first allocation, or all of them would be unknown to it.
    detector = ["kmemleak=on"] if str(profiles.KMEMLEAK) in plan.knobs else []
    return [
        f"mem={demands.MEMORY_MB}M",
        # Nor may the guest place its programs by the host's random numbers: where a stack
        # begins decides how many page tables an exit frees.
        "norandmaps",
        *("initrd=initrd", "rdinit=/init"),
        *("umid=guest", "uml_dir=."),
        # The lab's own console writes to fd 2 without a tty in between.
        "con=null",
        # Whatever is wrong ends the guest, and nothing may end it twice.
        *("panic=-1", "oops=panic", "panic_on_warn=1", "kasan.fault=panic"),
        *("kunit.enable=0", f"nslab.result_fd={RESULT_FD}"),
        *variant,
        *detector,
        *machine.cmdline,
    ]


@functools.cache
def _drop_privileges() -> Sequence[str]:
    """Options of setpriv(1) for a guest that can do no more than an ordinary user.

    It keeps its user id, by which it may read what the lab has built.
    """
    options = ["--no-new-privs"]
    if os.geteuid() == 0:
        strict = [*options, "--inh-caps=-all", "--bounding-set=-all"]
        if subprocess.run(["setpriv", *strict, "true"], capture_output=True).returncode == 0:
            return strict
    return options

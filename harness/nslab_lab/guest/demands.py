# SPDX-License-Identifier: GPL-2.0
"""What a guest demands of the host, found out before a kernel is built for it.

Containers forbid system calls: Docker's default profile personality(2), older ones ptrace(2).
"""

from __future__ import annotations

import ctypes
import functools
import os
import resource
import shutil
import subprocess
from pathlib import Path

from nslab_lab.host import interrupts
from nslab_lab.host.errors import LabError, lab_failed
from nslab_lab.host.paths import BUILD, shown
from nslab_lab.host.progress import say

MEMORY_MB = 256
# Of address space, bytes: KASAN's shadow memory is an eighth of what a process may have.
_SHADOW = 16 << 40
_PTRACE_SEIZE = 0x4206
_YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
# What Docker's users have to add; others have the like.
_REMEDY = "docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined allows it"


@functools.cache
def check() -> None:
    """Raises LabError(3) with the first thing that guests have not got here, and what to do."""
    check_tools()
    _check_ptrace()
    _check_limits()
    _check_room()
    if not has_personality():
        say(
            "personality() is denied here, so that guests get more or less memory from the host's "
            "address randomisation; traces stay the same (docker run --security-opt "
            "seccomp=unconfined allows it)"
        )


def check_tools() -> None:
    """Raises LabError(3) naming the first host program that is missing."""
    for tool in ("prlimit", "setarch", "setpriv", "taskset"):
        if not shutil.which(tool):
            raise lab_failed(f"{tool} is not there: apt-get install util-linux")


@functools.cache
def has_personality() -> bool:
    """Whether a process may switch the host's address randomisation off."""
    return subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0


def _check_ptrace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with interrupts.held():
        child = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)
        denied = libc.ptrace(_PTRACE_SEIZE, child.pid, 0, 0) < 0
        why = os.strerror(ctypes.get_errno())
        child.kill()
        child.wait()
    if denied:
        raise ptrace_denied(why)
    scope = _YAMA.read_text().strip() if _YAMA.exists() else "0"
    # A guest has no capabilities.
    if scope in ("2", "3"):
        remedy = "run sysctl kernel.yama.ptrace_scope=1" if scope == "2" else "only a reboot lifts it"
        raise lab_failed(
            f"ptrace() is denied here, by which guests run their processes: "
            f"kernel.yama.ptrace_scope is {scope}, {remedy}"
        )


def ptrace_denied(why: str) -> LabError:
    """The error for a host without ptrace(2)."""
    return lab_failed(
        f"ptrace() is denied here ({why}), by which guests run their processes: in a container, {_REMEDY}"
    )


def _check_limits() -> None:
    limits = (
        (resource.RLIMIT_AS, "-v", _SHADOW, "reserves 16 TB of addresses, without memory to them"),
        (resource.RLIMIT_FSIZE, "-f", MEMORY_MB << 20, "keeps its memory in a file"),
    )
    for limit, option, wanted, why in limits:
        hard = resource.getrlimit(limit)[1]
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise lab_failed(
                f"ulimit {option} is too low for a guest, which {why}: run ulimit {option} unlimited, "
                "in a new shell where this one may not"
            )


def lifted_limits() -> list[str]:
    """The options of prlimit(1) that lift what the user may lift."""
    return [
        f"--{name}=unlimited"
        for name, limit in (("as", resource.RLIMIT_AS), ("fsize", resource.RLIMIT_FSIZE))
        if resource.getrlimit(limit)[0] != resource.RLIM_INFINITY == resource.getrlimit(limit)[1]
    ]


def _check_room() -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    if memory_folder(BUILD) != BUILD:
        return
    stat = os.statvfs(BUILD)
    if stat.f_bavail * stat.f_frsize < MEMORY_MB << 20:
        raise lab_failed(
            f"no room for a guest's memory, {MEMORY_MB} MB: neither in /dev/shm (docker run "
            f"--shm-size=2g) nor in {shown(BUILD)}/"
        )


def memory_folder(fallback: Path) -> Path:
    """Where a guest's memory file goes: the host's tmpfs if it has the room."""
    shm = Path("/dev/shm")
    try:
        stat = os.statvfs(shm)
        mounts = Path("/proc/self/mounts").read_text()
    except OSError:
        return fallback
    is_tmpfs = f"{shm} tmpfs " in mounts
    room = stat.f_bavail * stat.f_frsize
    # UML maps code from there.
    usable = not stat.f_flag & os.ST_NOEXEC and os.access(shm, os.W_OK)
    return shm if is_tmpfs and usable and room > 2 * MEMORY_MB << 20 else fallback

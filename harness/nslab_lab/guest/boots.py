# SPDX-License-Identifier: GPL-2.0
"""One guest, from exec to its end: a UML process, pinned, watched, and never left behind."""

from __future__ import annotations

import functools
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Protocol, Sequence

from nslab_lab.guest import demands, initramfs, verdict
from nslab_lab.guest.results import (
    Event, Execution, Measured, Note, Points, Reader, Round, Search, Site, Stack, Step,
)  # fmt: skip
from nslab_lab.host import cpus, interrupts, scratch
from nslab_lab.host.errors import bad_input, lab_failed
from nslab_lab.host.paths import shown
from nslab_lab.plans import profiles
from nslab_lab.plans.plan import NO_VARIANT, BootPlan

# Host seconds without a word from the guest after which it is given up.
SILENCE_S = 60.0
# How often the results file is looked at, host seconds; a guest's end is seen at once.
POLL_S = 0.1
# The same for a guest's end, where the host gives no pidfd.
_NO_PIDFD_S = 0.01
# The result file's number in the guest, and so in the shell's redirection.
RESULT_FD = 3
# The C library would ask for restartable sequences, which UML has no use for: then the host has
# something to write into a process each time it gets the CPU, as it does at each system call.
NO_RSEQ = {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}


class Stop(Protocol):
    """Says whether a guest is to be ended early. A threading.Event is one."""

    def is_set(self) -> bool: ...


class GuestKilled(Exception):
    """Somebody else has killed a guest: says nothing about the kernel in it."""


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


@dataclass
class Boot:
    """The results of one boot."""

    plan: BootPlan
    console: Path
    executions: list[Execution] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    met: Points = field(default_factory=Points)
    search: Search | None = None
    sites: list[Site] = field(default_factory=list)  # each once
    stacks: list[Stack] = field(default_factory=list)  # each once
    round: Round | None = None  # with the profile fail-nth
    measured: list[Measured] = field(default_factory=list)  # where the plan says so
    ready: bool = False  # the guest had read its plan
    ended: bool = False  # the whole plan was run
    error: str | None = None  # the guest could not use its plan
    silent: bool = False  # it stopped answering and was killed
    stopped: bool = False  # it was killed because the run ends
    status: int | None = None  # exit status, or minus the signal
    patched: bool = False  # see Machine

    @property
    def next(self) -> int:
        """The first execution without a result."""
        if self.plan.strategy.searches or not self.executions:
            return self.plan.first
        return self.executions[-1].n + 1

    def console_text(self) -> str:
        """All the guest's console said."""
        return self.console.read_text(errors="replace")


def boot(
    machine: Machine,
    plan: BootPlan,
    folder: Path,
    stop: Stop,
    on_execution: Callable[[Execution], None] = lambda execution: None,
) -> Boot:
    """Boot a guest, run @plan in it and wait for its end.

    Leaves console-NAME.log and results-NAME.jsonl in @folder. No process outlives the call,
    nor the caller should that be killed. Raises LabError if no guest can be started at all.
    """
    name = plan.name
    with scratch.folder(folder / f"boot-{name}") as place:
        plan_file = place / "plan"
        plan_file.write_text(plan.guest_text())
        initramfs.write(
            machine.initramfs_tool, machine.initramfs_base, plan_file, place / "initrd"
        )
        result = Boot(plan, folder / f"console-{name}.log", patched=machine.patched)
        results = folder / f"results-{name}.jsonl"
        results.touch(exist_ok=False)
        reader = Reader(results)

        def take_news() -> bool:
            events = reader.read()
            for event in events:
                _take(result, event, on_execution)
            return bool(events)

        with cpus.one() as cpu:
            with _Process(machine, plan, place, result.console, results, cpu) as process:
                _watch(process, result, stop, take_news, machine)
        result.status = process.status
        take_news()
        ended = result.stopped or result.silent
        if machine.raises_killed and result.status == -signal.SIGKILL and not ended:
            raise GuestKilled
        return result


def _take(result: Boot, event: Event, on_execution: Callable[[Execution], None]) -> None:
    match event:
        case Execution():
            result.ready = True
            result.executions.append(event)
            on_execution(event)
        case Step():
            result.ready = True
            watched = isinstance(event.watch, int) and 0 <= event.watch < len(result.plan.watch)
            name = result.plan.watch[int(event.watch)] if watched else ""
            result.steps.append(replace(event, watch=name))
        case Search():
            result.search = event
        case Points():
            result.met = event
        case Site():
            result.sites.append(event)
        case Stack():
            result.stacks.append(event)
        case Round():
            result.round = event
        case Measured():
            result.measured.append(event)
        case Note("ready"):
            result.ready = True
        case Note("end"):
            result.ended = True
        case Note("error"):
            result.error = event.message or "no reason given"


class _Process:
    """The guest's host processes: a session of their own, killed as one."""

    def __init__(
        self, machine: Machine, plan: BootPlan, place: Path, console: Path, results: Path, cpu: int
    ) -> None:
        self.console = console
        self.status: int | None = None
        self._popen: subprocess.Popen[bytes] | None = None
        self._pidfd: int | None = None
        try:
            with interrupts.held(), console.open("xb", buffering=0) as output:
                self._popen = subprocess.Popen(
                    command(machine, plan, results, cpu),
                    cwd=place,
                    env={"PATH": os.defpath, "TMPDIR": str(demands.memory_folder(place)), **NO_RSEQ},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
                self._pidfd = _pidfd_of(self._popen.pid)
            self._poll = select.poll()
            if self._pidfd is not None:
                self._poll.register(self._pidfd, select.POLLIN)
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._popen is None:
            return
        # Not reaped yet, the process still keeps its number: no other group can have it.
        try:
            os.killpg(self._popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.status = self._popen.wait()
        if self._pidfd is not None:
            os.close(self._pidfd)

    def wait(self, seconds: float) -> bool:
        """Whether the guest has ended within @seconds of host time."""
        if self._pidfd is not None:
            return bool(self._poll.poll(seconds * 1000))
        assert self._popen
        end = time.monotonic() + seconds
        while not os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if time.monotonic() >= end:
                return False
            time.sleep(_NO_PIDFD_S)
        return True


def _pidfd_of(pid: int) -> int | None:
    """What can be waited for; None where the host does not let the lab have it, as some containers."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _watch(
    process: _Process, result: Boot, stop: Stop, take_news: Callable[[], bool], machine: Machine
) -> None:
    heard = time.monotonic()
    console_size = 0
    while not process.wait(machine.poll_s):
        now = time.monotonic()
        size = process.console.stat().st_size
        if take_news() or size != console_size:
            heard = now
            console_size = size
        if stop.is_set():
            result.stopped = True
            return
        if now - heard > machine.silence_s:
            result.silent = True
            return


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

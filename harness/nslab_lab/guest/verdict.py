# SPDX-License-Identifier: GPL-2.0
"""Oracles: what a guest's console says went wrong.

The first report on the console counts; what follows is most often its consequence, the
panic above all. Every frame marked `? ` is a guess of the unwinder and is passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

MAX_REPORT_LINES = 150
SIGNATURE_FRAMES = 3


# Oracles that report an object which is gone while somebody has it.
OF_THE_GONE = ("grace period", "lifetime")


@dataclass(frozen=True)
class Verdict:
    """What an oracle said."""

    oracle: str  # "kasan", "rcu", "lockdep", "refcount", "bug", "warn", "oops", ...
    headline: str  # one line, without addresses and pids
    signature: str  # the same for the same defect, also in another build
    report: str = ""  # the console's own text
    function: str | None = None  # "vfs_read+0x5e/0xb0", where it happened


@dataclass(frozen=True)
class _Pattern:
    oracle: str
    line: re.Pattern[str]
    title: str  # of what the pattern matched


def _pattern(oracle: str, line: str, title: str = r"\g<0>") -> _Pattern:
    return _Pattern(oracle, re.compile(line), title)


# Those of faults/kernel: "nslab: order: what is wrong".
_OF_THE_LAB = ("hang", "lifetime", "grace period", "order")

# A line is tried against these from the top.
_PATTERNS = (
    _pattern("kasan", r"^BUG: (KASAN: \S+(?: \S+)*?)(?: in \S+)?$", r"\1"),
    _pattern("rcu", r"^WARNING: (suspicious RCU usage)", r"\1"),
    _pattern("rcu", r"^(.* within RCU read-side critical section)", r"\1"),
    _pattern("refcount", r"^refcount_t: .*?(?=\.?$)"),
    *(_pattern(name, rf"^nslab: {name}: (.*)", r"\1") for name in _OF_THE_LAB),
    _pattern("hang", r"^INFO: task (\S+?):\d+ blocked for more than \d+ seconds", r"task \1 blocked"),
    _pattern("hang", r"rcu: INFO: (\S+ (?:self-)?detected) (?:expedited )?stall", r"\1 a stall"),
    _pattern("hang", r"BUG: (soft lockup|workqueue lockup)", r"\1"),
    _pattern("lockdep", r"^WARNING: (?!CPU: )(.*?)!?$", r"\1"),
    _pattern("lockdep", r"^\[ BUG: (.*) \]$", r"\1"),
    _pattern("bug", r"^list_(?:add|del)\S* corruption"),
    _pattern("bug", r"^kernel (BUG at [^!]*)", r"\1"),
    _pattern("bug", r"^BUG: failure at (\S+)/(\w+)\(\)", r"BUG at \1"),
    # A refcount warning says what is wrong on its next line.
    _pattern("warn", r"^WARNING: CPU: \d+ PID: \d+ at (?!lib/refcount\.c:)(\S+)", r"WARNING at \1"),
    _pattern("oops", r"^(?:BUG: )?(?:kernel )?(NULL pointer dereference)", r"\1"),
    _pattern("oops", r"^BUG: (unable to handle \S+ \S+)", r"\1"),
    _pattern("oops", r"^Kernel panic - not syncing: Kernel mode fault at addr (\S+),", r"fault at \1"),
    _pattern(
        "oops",
        r"^Kernel panic - not syncing: Kernel tried to access user memory at addr (\S+),",
        r"fault at \1",
    ),
    _pattern("oops", r"^Kernel panic - not syncing: (Kernel mode signal \d+|Segfault with no mm)", r"\1"),
    _pattern("oops", r"^Oops: (.*)", r"Oops: \1"),
    _pattern("atomic", r"^BUG: (scheduling while atomic: [^/]*)", r"\1"),
    _pattern("atomic", r"^BUG: (sleeping function called from .*)", r"\1"),
    _pattern("bug", r"^BUG:? (.*)", r"\1"),
    _pattern("panic", r"^Kernel panic - not syncing: (.*)", r"\1"),
)

# These catch the unforeseen, so no variant has to be reported by them. kmemleak comes last of all,
# at the end of a boot: what slab caches have lost is reported by then.
_NETS = ("bug", "warn", "panic", "kmemleak")
# Each of them is to be the first to report some deliberate defect: see `nslab matrix`.
ORACLES = tuple(
    dict.fromkeys(
        name
        for name in (*(one.oracle for one in _PATTERNS), "assertion", "leak", "kmemleak")
        if name not in _NETS
    )
)

_OPENINGS = re.compile(r"^(={20,}|-+\[ cut here \]-+)$")
_ENDS = {
    "kasan": re.compile(r"^={20,}$"),
    "warn": re.compile(r"^---\[ end trace"),
    "refcount": re.compile(r"^---\[ end trace"),
}
_ALWAYS_ENDS = re.compile(rf"^nslab: (?!(?:{'|'.join(_OF_THE_LAB)}): |  )|^reboot: ")

_PRINTK_PREFIX = re.compile(r"^(?:<\d+>)?(?:\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?)?")
_FRAME = re.compile(
    r"^\s*(?:\[<[0-9a-f]+>\]\s*)?(?P<guess>\? )?(?P<frame>(?P<name>[A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+)"
)
_RIP = re.compile(r"^(?:RIP|IP): .*?(?P<frame>[A-Za-z_][\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+)")
_IN = re.compile(r" (?:in|at \S+) (?P<frame>[A-Za-z_][\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+)")
_COMPILER_SUFFIX = re.compile(r"\.(?:isra|constprop|part|cold|llvm)\b.*")

# The reporting itself.
_MACHINERY = re.compile(
    r"""show_stack|dump_stack.*|print_report|print_address_description.*|kasan_.*|__kasan_.*
    |__asan_.*|check_region_inline|panic|__warn|warn_slowpath.*|__warn_printk|refcount_warn.*
    |lockdep_rcu_suspicious|print_.*|__might_resched|__might_sleep|__schedule_bug|report_bug
    |check_panic_on_warn|check_noncircular|check_prevs?_add|__lock_acquire|lock_acquire.*
    |__switch_to|__schedule|schedule.*|preempt_schedule.*|show_regs|segv.*|sig_handler.*|__list_.*_or_report|(?:__)?nslab_.*
    |__rcu_read_unlock|rcu_read_unlock""",
    re.VERBOSE,
)

_TRACE = re.compile(r"^nslab: trace hash=([0-9a-f]{16}) points=(\d+)", re.MULTILINE)
_TOKEN = re.compile(r"^nslab: token=(\S+)", re.MULTILINE)
_SCHEDULE = re.compile(r"^nslab: token=\S+ schedule=(\S+)$", re.MULTILINE)


def is_machinery(function: str) -> bool:
    """Whether that function only reports, or only lets others run."""
    return bool(_MACHINERY.fullmatch(function_name(function)))


def function_name(frame: str) -> str:
    """The function of "vfs_read.part.0+0x5e/0xb0": "vfs_read"."""
    return _COMPILER_SUFFIX.sub("", frame.partition("+")[0])


def stack(lines: Sequence[str]) -> list[str]:
    """The certain frames that @lines begin with, innermost first."""
    frames = []
    for line in lines:
        found = _FRAME.match(line)
        if found is None:
            if re.match(r"^\s*</?(?:TASK|IRQ)>", line):
                continue
            break
        if not found["guess"]:
            frames.append(found["frame"])
    return frames


def call_trace(lines: Sequence[str]) -> list[str]:
    """Those of the first call trace, without the functions that only report."""
    at = next((index for index, line in enumerate(lines) if line.strip() == "Call Trace:"), len(lines))
    frames = stack(lines[at + 1 :])
    while frames and is_machinery(frames[0]):
        frames.pop(0)
    return frames


def lines_of(console: str) -> list[str]:
    """The console's lines without what printk puts before them."""
    return [_PRINTK_PREFIX.sub("", line.rstrip()) for line in console.split("\n")]


def of_console(console: str) -> Verdict | None:
    """The verdict of the first report on the console, None if there is none."""
    lines = lines_of(console)
    for index, line in enumerate(lines):
        for pattern in _PATTERNS:
            found = pattern.line.search(line)
            if found:
                return _verdict(pattern, found, lines, index)
    return None


def assertion(message: str) -> Verdict:
    """The verdict of a scenario's own assertion."""
    message = " ".join(message.split())
    return Verdict("assertion", message, f"assertion:{re.sub(r'[0-9]+', '#', message)}")


def leak(message: str) -> Verdict:
    """After an execution there was not what there had been before it; @message: "nsproxies +1"."""
    return Verdict("leak", f"counts changed: {message}", f"leak:{re.sub(r'[0-9]+', '#', message)}")


def kmemleak(message: str) -> Verdict:
    """No pointer refers to some memory any more; @message: "1 object, one of 8 bytes from f < g"."""
    where = message.partition(" from ")[2]
    return Verdict("kmemleak", f"unreferenced memory: {message}", f"kmemleak:{where}")


def hang(message: str | None) -> Verdict:
    """The guest noticed that an execution does not end."""
    return Verdict("hang", _clean(message or "the execution does not end"), "hang")


def no_answer(seconds: float) -> Verdict:
    """The guest stopped answering; @seconds of host time."""
    return Verdict("no-answer", f"no answer from the guest for {seconds:g} s", "no-answer")


def crash(status: int | None) -> Verdict:
    """The guest ended without a report; @status as subprocess gives it."""
    how = f"signal {-status}" if status and status < 0 else f"status {status}"
    return Verdict("crash", f"the guest ended without a report ({how})", f"crash:{status}")


def trace_of(console: str) -> tuple[str | None, int | None]:
    """Hash and number of points of the trace that a dying kernel prints."""
    found = _TRACE.search("\n".join(lines_of(console)))
    return (found[1], int(found[2])) if found else (None, None)


def token_of(console: str) -> str | None:
    """The token that a dying kernel prints."""
    found = _TOKEN.search("\n".join(lines_of(console)))
    return found[1] if found else None


def schedule_of(console: str) -> str | None:
    """The schedule that a dying kernel was following."""
    found = _SCHEDULE.search("\n".join(lines_of(console)))
    return found[1] if found else None


def diverged(message: str | None) -> Verdict:
    """An execution that does not follow its schedule; no fault of the kernel's."""
    return Verdict("diverged", message or "the execution does not follow its schedule", "diverged")


def _verdict(pattern: _Pattern, found: re.Match[str], lines: Sequence[str], at: int) -> Verdict:
    title = found.expand(pattern.title)
    start = _start(pattern, lines, at)
    report = lines[start : _end(pattern, lines, at)]
    frames = call_trace(lines[at:])
    function = _function(found.string, report, frames)
    if pattern.oracle == "oops" and (address := re.fullmatch(r"fault at (0x[0-9a-f]+)", title)):
        null = int(address[1], 16) < 4096
        title = f"NULL pointer dereference at {address[1]}" if null else "fault at a wild address"
    title = _clean(title)
    names = [function_name(frame) for frame in frames]
    if function and (not names or names[0] != function_name(function)):
        names.insert(0, function_name(function))
    kind = re.sub(r"\s+", "-", re.sub(r"^KASAN: |:\d+\b|\b0x[0-9a-f]+\b|\b\d+\b", "", title).strip())
    return Verdict(
        oracle=pattern.oracle,
        headline=f"{title} in {function}" if function else title,
        signature=":".join([pattern.oracle, kind, *names[:SIGNATURE_FRAMES]]),
        report="\n".join(report).rstrip() + "\n",
        function=function,
    )


def _start(pattern: _Pattern, lines: Sequence[str], at: int) -> int:
    for index in range(at, max(at - 4, -1), -1):
        if _OPENINGS.match(lines[index]):
            return index
    if pattern.oracle == "oops":  # UML shows the registers first, then panics
        for index in range(at, max(at - 20, -1), -1):
            if re.match(r"^Pid: \d+, comm: ", lines[index]):
                return index
    return at


def _end(pattern: _Pattern, lines: Sequence[str], at: int) -> int:
    own = _ENDS.get(pattern.oracle)
    limit = min(len(lines), at + MAX_REPORT_LINES)
    for index in range(at + 1, limit):
        if own and own.match(lines[index]):
            return index + 1
        if _ALWAYS_ENDS.match(lines[index]):
            return index
    return limit


def _function(line: str, report: Sequence[str], frames: Sequence[str]) -> str | None:
    found = _IN.search(line)
    if found is None:
        found = next((match for text in report if (match := _RIP.match(text))), None)
    if found and not is_machinery(found["frame"]):
        return found["frame"]
    return frames[0] if frames else None


def _clean(text: str) -> str:
    """One line without addresses and pids."""
    text = " ".join(text.split())
    text = re.sub(r"(?<!exitcode=)\b(?:0x[0-9a-f]{8,16}|[0-9a-f]{16})\b", "ADDRESS", text)
    return re.sub(r"(?<=[A-Za-z])/\d+(?=/0x|\b)", "", text)

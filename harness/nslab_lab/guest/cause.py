# SPDX-License-Identifier: GPL-2.0
"""The cause of a failure: what the kernel says of how the wrong state came about.

A signature tells failures apart by the function that ran into the wrong state. The cause is the same
whichever function that was. It is one line of text, without addresses, offsets and numbers of processes,
and the same for the same defect in another build:

use after free     the object, and the function that released it
read sections      the same, of the object that went, or whose grace period ended, within one
leak               what was left behind; the stack of the allocation where it is known
lock, atomic       the lock classes, or who took the lock, disabled preemption, or released an object where
                   releasing it may sleep
assertion          the assertion

Where the kernel does not say how the state came about, it is the function that found it.
"""

from __future__ import annotations

import re
from typing import Sequence

from nslab_lab.guest import verdict
from nslab_lab.guest.report_stacks import (
    ALLOCATOR, PRIMITIVE, RELEASES, Release, innermost, plain_stack, release, trace,
)  # fmt: skip

# Oracles of the guest program: their message says all.
_GUEST = ("assertion", "leak", "kmemleak", "no-answer", "crash", "diverged")

_NAMES = re.compile(r"([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+")
# A held lock, or one that is asked for: "#0: ADDRESS (&p->lock){++++}-{3:3}, at: seq_read+0x6d/0x100"
_LOCK = re.compile(r"(?:^|\s)[0-9a-f]{8,16} \((?P<lock>.+?)\)\{[^}]*\}(?:-\{[^}]*\})?, at: (?P<at>\S+)")

# Callbacks are run by these, whichever function queued them.
_RUNS_CALLBACKS = re.compile(r"rcu_do_batch|rcu_core.*|srcu_invoke_callbacks|process_one_work|process_scheduled_works")
_GENERIC_CACHE = re.compile(r"(?:kmalloc|dma-kmalloc|kmalloc-rcl)\b.*")

# What the lab says of an object that a reader is still in a read section of.
_GONE = re.compile(r"^nslab:   (?:freed|waited for) by .*? in (?P<frames>.*)$")
# Where the other actors are when the kernel dies.
_OTHER = re.compile(r"^nslab: \S+ is in (?P<frames>\S+(?: < \S+)*)$")
_BROKEN = re.compile(r"^nslab: the read section of .* is broken")


def of(oracle: str, signature: str, console: str) -> str:
    """The cause of a failure, as its verdict has @oracle and @signature, with the guest's @console."""
    if oracle in _GUEST:
        return _of_message(oracle, signature)
    report = verdict.of_console(console)
    if report is None or report.signature != signature:
        return _of_signature(signature)
    lines = report.report.splitlines()
    after = verdict.lines_of(console)
    if oracle not in _TOLD_BY_KERNEL and (broken := _broken(after)):
        return broken
    if oracle == "refcount" and (releasing := _releasing(after)):
        return releasing
    return _MAKERS.get(oracle, _of_place)(report, lines) or _of_signature(signature)


# === What the guest program found ===


def _of_message(oracle: str, signature: str) -> str:
    message = signature.partition(":")[2]
    match oracle:
        case "leak":
            return f"left behind: {re.sub(r' [-+]#', '', message)}"
        case "kmemleak":
            return f"memory forgotten: from {message}"
        case "no-answer" | "diverged":
            return signature
    return message if oracle == "assertion" else f"{oracle} {message}"


def _of_signature(signature: str) -> str:
    """Where nothing better is known: what happened, and in which function."""
    words = signature.split(":")
    return " in ".join((" ".join(words[:2]), *words[2:3]))


# === Objects that went too early ===


def _of_kasan(report: verdict.Verdict, lines: Sequence[str]) -> str | None:
    kind = report.signature.split(":")[1]
    cache = next((found[1] for line in lines if (found := _CACHE.search(line))), None)
    if "use-after-free" not in kind and kind != "double-free" and kind != "invalid-free":
        return f"{kind} of {_object(cache, lines)}, in {innermost(lines)}" if cache else None
    freed = plain_stack(lines, "Freed by task")
    released = release(freed)
    if released.by is None or _RUNS_CALLBACKS.fullmatch(released.by):
        # A callback frees what somebody else has released.
        asked = plain_stack(lines, "Last potentially related work creation")
        queues = re.compile(r"(?:__)?call_rcu.*|(?:__)?queue_.*|kvfree_call_rcu|insert_work")
        asked = [name for name in asked if not queues.fullmatch(name)]
        if asked:
            by = release(asked)
            released = Release(by.object or released.object, by.by or asked[0])
    if not freed and released.by is None:
        return f"{kind} of {_object(cache, lines)}, in {innermost(lines)}" if cache else None
    return _freed(released.object or _object(cache, lines), released.by)


_CACHE = re.compile(r"belongs to the cache (\S+) of size")


def _object(cache: str | None, lines: Sequence[str]) -> str:
    """What the object is: its cache, or where it was allocated if that is one of sizes."""
    if cache and not _GENERIC_CACHE.fullmatch(cache):
        return cache
    made = [name for name in plain_stack(lines, "Allocated by task") if not ALLOCATOR.fullmatch(name)]
    return f"memory of {made[0]}" if made else cache or "memory"


def _of_lifetime(report: verdict.Verdict, lines: Sequence[str]) -> str | None:
    return _history(lines) or _freed(_object_named(report.headline), None)


def _object_named(headline: str) -> str:
    named = re.match(r"(?:that of )?an? (\w+)", headline)
    return named[1] if named else "memory"


def _freed(object: str, by: str | None) -> str:
    return f"{object} released by {by}" if by else f"{object} released too early"


def _history(lines: Sequence[str]) -> str | None:
    """What the lab says of an object's end, on one line of its own."""
    for line in lines:
        if found := _GONE.match(line):
            names = [verdict.function_name(name) for name in _NAMES.findall(found["frames"])]
            released = release(names)
            if released.object:
                return _freed(released.object, released.by)
    return None


def _broken(lines: Sequence[str]) -> str | None:
    """A read section was broken before: everything else follows from that."""
    for index, line in enumerate(lines):
        if _BROKEN.match(line):
            return _history(lines[index + 1 : index + 4])
    return None


def _releasing(lines: Sequence[str]) -> str | None:
    """What another actor is releasing while a count is found to be zero already.

    A task that only waits in put_whole() for a grace period releases nothing yet: then the one that takes
    the count is wrong. free_whole() < put_whole() does.
    """
    found = set()
    for line in lines:
        if other := _OTHER.match(line):
            stack = [verdict.function_name(name) for name in other["frames"].split(" < ")]
            while stack and not RELEASES.fullmatch(stack[0]):
                stack.pop(0)
            released = release(stack)
            if len(stack) > 1 and RELEASES.fullmatch(stack[1]) and released.object and released.by:
                found.add(_freed(released.object, released.by))
    return found.pop() if len(found) == 1 else None


# === Rules of context and locks ===


def _of_atomic(report: verdict.Verdict, lines: Sequence[str]) -> str | None:
    for index, line in enumerate(lines):
        if line.startswith("Preemption disabled at:"):
            frame = _NAMES.search(" ".join(lines[index : index + 2]))
            if frame:
                return f"preemption disabled by {verdict.function_name(frame[1])}"
    return _in_context(lines)


def _in_context(lines: Sequence[str]) -> str | None:
    stack = [name for name in trace(lines)]
    while stack and PRIMITIVE.fullmatch(stack[0]):
        stack.pop(0)
    released = release(stack)
    if released.object:
        return f"{released.object} released by {released.by or 'an unknown function'} where it must not sleep"
    return f"{stack[0]} called where it must not sleep" if stack else None


def _of_lockdep(report: verdict.Verdict, lines: Sequence[str]) -> str | None:
    kind = report.signature.split(":")[1]
    locks = [found for line in lines if (found := _LOCK.search(line))]
    if kind in ("inconsistent-lock-state", "Invalid-wait-context"):
        return _in_context(lines)
    if kind.startswith("lock-held") and locks:
        return f"lock {locks[0]['lock']} held, taken by {verdict.function_name(locks[0]['at'])}"
    names = list(dict.fromkeys(found["lock"] for found in locks[:2]))
    if len(names) == 2:
        return f"locks {' and '.join(sorted(names))} in both orders"
    return f"lock {names[0]} taken twice" if names else None


def _of_rcu(report: verdict.Verdict, lines: Sequence[str]) -> str | None:
    if "within RCU read-side" in report.headline:
        for line in lines:
            if (found := _LOCK.search(line)) and found["lock"].startswith("rcu_read_lock"):
                return f"read section begun by {verdict.function_name(found['at'])} left by sleeping"
    return _of_place(report, lines)


# === A place ===


def _of_place(report: verdict.Verdict, lines: Sequence[str]) -> str | None:
    """What happened, and in which function; and what was being released by which function, if something was."""
    kind = report.headline.partition(f" in {report.function}")[0]
    kind = re.sub(r" at 0x[0-9a-f]+|:\d+\b", "", kind)
    stack = [verdict.function_name(report.function)] if report.function else []
    stack += [name for name in trace(lines) if name not in stack]
    inner = stack[0] if stack else None
    while len(stack) > 1 and PRIMITIVE.fullmatch(stack[0]):
        stack.pop(0)
    released = release(stack)
    if released.object and released.by:
        return f"{kind} while {released.object} is released by {released.by}"
    return f"{kind} in {stack[0] if stack else inner}" if stack else kind


def _of_hang(report: verdict.Verdict, lines: Sequence[str]) -> str | None:
    stack = [verdict.function_name(report.function)] if report.function else trace(lines)
    return f"hang in {stack[0]}" if stack else re.sub(r"actor \w+ ", "", report.headline)


def _of_order(report: verdict.Verdict, lines: Sequence[str]) -> str | None:
    return report.headline.partition(" in ")[0] if report.function else report.headline


_MAKERS = {
    "kasan": _of_kasan, "lifetime": _of_lifetime, "grace period": _of_lifetime, "atomic": _of_atomic,
    "lockdep": _of_lockdep, "rcu": _of_rcu, "hang": _of_hang, "order": _of_order,
}  # fmt: skip
# These have said how it came about.
_TOLD_BY_KERNEL = ("kasan", "lifetime", "grace period", "lockdep", "atomic", "rcu", "order", "hang")

# SPDX-License-Identifier: GPL-2.0
"""The stacks in a report of the kernel: their functions, and what those release.

An object is released through a chain of functions, such as free_part() < free_whole() < put_whole() <
detach_task(). The first that is not there to release something is the cause, and the last before it says
which object: with it goes all that it holds.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence

from nslab_lab.guest import verdict

# The allocator and its callers in KASAN.
ALLOCATOR = re.compile(
    r"""kasan_.*|__kasan_.*|kmem_cache_(?:free|alloc).*|k?v?free(?:_sensitive|_bulk)?|___cache_free|slab_free.*
    |__slab_.*|kfree_.*|__?kmalloc.*|kmalloc.*|kvmalloc.*|kzalloc.*|__kmem_.*|kmemdup.*|kstrdup.*|krealloc.*""",
    re.VERBOSE,
)
# What locks are taken by, and what only waits.
PRIMITIVE = re.compile(
    r"""_?_?raw_.*(?:lock|trylock).*|mutex_.*|__mutex_.*|down_(?:read|write).*|__?down_.*|up_(?:read|write).*
    |rwsem_.*|lock_.*|__lock_.*|mark_.*|(?:refcount|_?atomic)_dec_and_.*|_atomic_dec_and_.*|might_.*|__might_.*
    |synchronize_rcu.*|synchronize_srcu.*|wait_for_completion.*|wait_.*|rcu_barrier|io_schedule.*|valid_state.*
    |refcount_.*|assert_.*|_cond_resched|__cond_resched.*""",
    re.VERBOSE,
)
_RELEASE = r"put|free|release|destroy|drop|unref|delete|del|dec|cleanup|kill|teardown"
RELEASES = re.compile(rf"_*(?:{_RELEASE})_\w+|\w+_(?:{_RELEASE})(?:_(?:rcu|work|fn|cb|locked|many|common))*")
_VERB = re.compile(
    rf"^_*(?:do_)?(?:(?:delayed_|{_RELEASE})_)+"
    rf"|_(?:(?:{_RELEASE}|rcu|work|fn|cb|locked|many|common)(?=_|$))"
)


class Release(NamedTuple):
    """A chain of functions that release something."""

    object: str | None  # what they release; None: there is none of them
    by: str | None  # the function that calls for it; None: not known


def release(stack: Sequence[str]) -> Release:
    """What the innermost functions of @stack release, and who has them do it."""
    rest = list(stack)
    while rest and (ALLOCATOR.fullmatch(rest[0]) or verdict.is_machinery(rest[0])):
        rest.pop(0)
    chain = []
    while rest and RELEASES.fullmatch(rest[0]):
        chain.append(rest.pop(0))
    object = next((stem for name in reversed(chain) if (stem := _stem(name))), None)
    return Release(object, rest[0] if rest else None)


def _stem(name: str) -> str:
    """ "put_whole": "whole"."""
    was = None
    while was != name:
        was, name = name, _VERB.sub("", name, count=1)
    return name.strip("_")


def plain_stack(lines: Sequence[str], title: str) -> list[str]:
    """The functions below a line that begins with @title, innermost first."""
    for index, line in enumerate(lines):
        if line.startswith(title):
            return [verdict.function_name(frame) for frame in verdict.stack(lines[index + 1 :])]
    return []


def trace(lines: Sequence[str]) -> list[str]:
    """The functions of the report's call trace, without those that report."""
    return [verdict.function_name(frame) for frame in verdict.call_trace(lines)]


def innermost(lines: Sequence[str]) -> str:
    """The first function of the report's call trace."""
    return next(iter(trace(lines)), "a place unknown")

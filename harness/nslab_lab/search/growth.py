# SPDX-License-Identifier: GPL-2.0
"""Words that are found to be shared after a boot has made its set: watched in the next boot.

They become watches by hand, part of the token. What is found depends on the plan alone: a search
starts again with the wider set, and of other strategies the first boot of a scenario does, before
the rest of them is started.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Sequence

from nslab_lab.guest.boots import Boot
from nslab_lab.guest.words import Profiled, Word
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.watch import CACHE, KMALLOC, STATIC, Watch

MOST_ROUNDS = 3
# A token is one line, and the kernel has room for 512 characters.
_MOST_TEXT = 200
_GRANULE = 8  # bytes


def judged(boot: Boot) -> tuple[list[Word], Profiled | None]:
    """The words of a boot and its summary; what is watched by hand is nothing new."""
    watches = boot.plan.watches
    words = [replace(one, new=one.new and not one.watched_by(watches)) for one in boot.words]
    profiled = boot.profiled
    if profiled and any(one.new for one in boot.words):
        more = sum(one.new and not now.new for one, now in zip(boot.words, words))
        profiled = replace(profiled, held=not any(one.new for one in words), words=profiled.words + more)
    return words, profiled


def wider(plan: BootPlan, words: Iterable[Word]) -> BootPlan | None:
    """The plan with those of @words that are new watched as well; None where that adds nothing."""
    known = plan.token.grown
    new = [one for one in words if one.new and one.kind in (CACHE, KMALLOC, STATIC)]
    grown = (*known, *(text for text in map(str, _merged(new)) if text not in known))
    while len("+".join(grown)) > _MOST_TEXT:
        grown = grown[:-1]
    if not plan.grows or grown == known:
        return None
    return with_watches(plan, grown)


def with_watches(plan: BootPlan, grown: Sequence[str]) -> BootPlan:
    """The plan with these watches besides."""
    return replace(plan, token=replace(plan.token, grown=tuple(grown)))


def _merged(words: Sequence[Word]) -> list[Watch]:
    """Watches of whole granules, those side by side in one, sorted."""
    found: list[Watch] = []
    for word in sorted(words, key=lambda one: one.key):
        start = word.offset // _GRANULE * _GRANULE
        watch = replace(word.watch, offset=start, size=_GRANULE)
        last = found[-1] if found else None
        if last and last.object == watch.object and last.offset <= start <= last.offset + last.size:
            found[-1] = replace(last, size=max(last.size, start + _GRANULE - last.offset))
        else:
            found.append(watch)
    return found

# SPDX-License-Identifier: GPL-2.0
"""Over which memory a scenario was searched: what a claim may say of it, and what it must not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable

from nslab_lab.guest.words import Word
from nslab_lab.plans.plan import RunPlan
from nslab_lab.report.table import count
from nslab_lab.search.pool import ScenarioResult

NameOf = Callable[[Word], str]  # "sem_array.pending_const"
_NAMES = 4  # that a claim lists


@dataclass(frozen=True)
class Shared:
    """What the boots of a scenario have told."""

    known: bool  # they have told at all
    everything: bool  # what is shared is watched
    words: int  # not under a common lock
    locked: int  # under one
    executions: int
    again: int  # of them, those that were profiled again
    held: bool  # none of these shared a further word
    later: tuple[str, ...]  # the words they did share
    outside: int  # shared words that are not watched
    bare: int  # of these, not under a common lock
    bare_names: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether a search over the watched memory is one over all that races could show themselves in."""
        return self.known and self.held and not self.bare

    @property
    def over(self) -> str:
        """What a search was over: " over 12 shared words (3 more under a common lock)"."""
        if not self.known:
            return ""
        if not self.everything:
            return f" over the memory that the profile watches{self._as_far_as}"
        more = f" ({self.locked:,} more under a common lock)" if self.locked else ""
        return f" over {count(self.words, 'shared word')}{more}{self._as_far_as}"

    @property
    def _as_far_as(self) -> str:
        """That others may share more: of random programs one in 700 did, with a bug in one of five of these."""
        if not self.held or not 0 < self.again < self.executions:
            return ""
        show = "shows" if self.again == 1 else "show"
        were = "was" if self.again == 1 else "were"
        return f", as far as {self.again:,} of {self.executions:,} executions {show}, which {were} profiled again"

    @property
    def reservations(self) -> list[str]:
        """What is to be said besides, a clause each."""
        if not self.known:
            return ["it is not known which memory is shared"]
        said = []
        if not self.held:
            executions = f"{count(self.again, 'execution')} profiled again, " if self.again else ""
            said.append(f"{executions}{_found(self.later)} later{_list(self.later)}")
        elif not self.again:
            said.append("no execution was profiled again")
        elif self.again >= self.executions:
            said.append("each execution was profiled again, the set held")
        if self.outside and not (self.everything and self.later):
            verb = "is" if self.outside == 1 else "are"
            bare = f", {self.bare:,} of them under no common lock{_list(self.bare_names)}" if self.bare else ""
            locked = "" if self.bare else ", under a common lock" + " each" * (self.outside > 1)
            said.append(f"{count(self.outside, 'shared word')} {verb} not watched{bare or locked}")
        return said


def of(plan: RunPlan, result: ScenarioResult, name_of: NameOf) -> Shared:
    """Of one scenario's result."""
    watching = plan.watching_of(result.name)
    told = result.profiled
    later = tuple(name_of(word) for word in result.words if word.new)
    outside = [
        word for word in result.words
        if not watching.shared and not word.watched_by(watching.watches)
    ]  # fmt: skip
    return Shared(
        known=bool(told),
        everything=watching.shared,
        words=max((one.words for one in told), default=0),
        locked=max((one.locked for one in told), default=0),
        executions=result.executions,
        again=sum(one.profiled for one in told),
        held=all(one.held for one in told),
        later=later,
        outside=max((one.outside for one in told), default=0),
        bare=max((one.outside_unprotected for one in told), default=0),
        bare_names=tuple(name_of(word) for word in outside if not word.locked),
    )


def _found(names: tuple[str, ...]) -> str:
    number = count(len(names), "shared word") if names else "shared words"
    return f"{number} {'was' if len(names) == 1 else 'were'} found"


def _list(names: Iterable[str]) -> str:
    listed = list(names)
    if not listed:
        return ""
    return f" ({', '.join(listed[:_NAMES])}{', ...' if listed[_NAMES:] else ''})"

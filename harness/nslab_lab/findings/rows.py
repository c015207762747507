# SPDX-License-Identifier: GPL-2.0
"""The rows of a diagram: moments with their wording, and how many steps were left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from nslab_lab.findings.moments import LOCK, UNLOCK, Moment
from nslab_lab.findings.wording import MORE, Words

_FOLD = 3  # steps left out in a row before it is said how many


@dataclass(frozen=True)
class Row:
    """One line of the diagram."""

    number: int  # from 1; 0 for a row that is no step
    step: int  # in the trace; 0 if there is none
    actor: int  # index in Diagram.actors
    kind: str  # of the step, or "preempted", "fold", "verdict"
    texts: tuple[str, ...]  # what was done, from the longest wording to the shortest
    depth: tuple[int, ...]  # of each actor's RCU read sections, at this row
    where: str = ""  # "vfs_read+0x1a/0x80"
    line: str = ""  # "fs/read_write.c:126"
    source: str = ""  # that line's text
    count: int = 1  # equal steps in this row; of a fold: how many it stands for
    failing: bool = False
    nesting: int = 0  # of the actor's RCU read sections
    object: int = 0  # the number of what is accessed, allocated or freed
    field: str = ""  # "cred.uid"
    write: bool = False

    @property
    def function(self) -> str:
        """Without the offset."""
        return self.where.partition("+")[0]


@dataclass
class Rows:
    """Rows under construction."""

    actors: tuple[str, ...]
    words: Words
    full: bool
    rows: list[Row] = field(default_factory=list)
    depths: dict[str, int] = field(default_factory=dict)
    hidden: Counter[str] = field(default_factory=Counter)
    number: int = 0

    def add(self, moment: Moment, show: bool) -> None:
        """The next moment; unless @show, it only counts as left out."""
        step = moment.step
        # At its ends a section counts from outside.
        end = moment.key in (("point", LOCK), ("point", UNLOCK)) and not moment.preempted
        self.depths[step.actor] = max(step.nesting - end, 0)
        texts = self.words.of(moment)
        if show:
            self.fold()
            last = self.rows[-1] if self.rows else None
            kind = "preempted" if moment.preempted else step.kind
            row = Row(
                0, step.step, self.actors.index(step.actor), kind, texts, self._depth(),
                "" if moment.preempted else step.where, nesting=step.nesting,
                **self.words.accessed(step),
            )  # fmt: skip
            if (
                last and not self.full and kind == "access" == last.kind
                and (last.actor, last.texts, last.where) == (row.actor, texts, row.where)
            ):  # fmt: skip
                self.rows[-1] = replace(last, count=last.count + 1)
            elif moment.preempted:
                self.rows.append(row)
            else:
                self.number += 1
                self.rows.append(replace(row, number=self.number))
        elif step.kind != "start":
            self.hidden[step.actor] += 1
        if moment.key == ("point", LOCK):
            self.depths[step.actor] = max(step.nesting, 1)

    def fold(self) -> None:
        """Say how many steps were left out here."""
        for actor, count in self.hidden.items():
            if count >= _FOLD:
                texts = (f"{MORE} {count} steps", f"{MORE} {count}")
                index = self.actors.index(actor)
                self.rows.append(Row(0, 0, index, "fold", texts, self._depth(), count=count))
        self.hidden.clear()

    def verdict(self, actor: str, function: str) -> Row:
        """The row of a failure in @function that is no step."""
        name = function.partition("+")[0]
        self.number += 1
        return Row(
            self.number, 0, self.actors.index(actor), "verdict", (f"{name}()", name),
            self._depth(), where=function, failing=True,
        )  # fmt: skip

    def _depth(self) -> tuple[int, ...]:
        depths = (self.depths.get(actor, 0) for actor in self.actors)
        return tuple(depth if self.full else min(depth, 1) for depth in depths)

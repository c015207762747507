# SPDX-License-Identifier: GPL-2.0
"""A trace as an interleaving for people: who did what, what it was preempted by, where.

The rows are in the order in which things were done.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Sequence

from nslab_lab.findings.moments import failed_object, failing_at, in_order, last_to_run
from nslab_lab.findings.naming import FieldOf
from nslab_lab.findings.relevance import wanted_of
from nslab_lab.findings.rows import Row, Rows
from nslab_lab.findings.source_lines import LineOf, Sources, sentence
from nslab_lab.findings.wording import Words, printable

if TYPE_CHECKING:
    from nslab_lab.guest.results import Step
    from nslab_lab.guest.verdict import Verdict


@dataclass(frozen=True)
class Diagram:
    """An interleaving, ready to be shown."""

    actors: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    verdict: str = ""  # one line, "" if the execution passed
    steps: int = 0  # of the trace
    preemptions: int = 0


def build(
    steps: Sequence[Step],
    verdict: Verdict | None = None,
    *,
    line_of: LineOf | None = None,
    field_of: FieldOf | None = None,
    tree: Path | None = None,
    full: bool = False,
) -> Diagram:
    """The diagram of one execution.

    @line_of: names the source line of a frame; @field_of: the member that was accessed;
    @tree: the kernel's sources, to quote them. @full: every step, not only those by which the
    actors meet.
    """
    moments = in_order(steps)
    last = [last_to_run(moments)] if moments else []
    actors = tuple(dict.fromkeys([*(moment.step.actor for moment in moments), *last]))
    words = Words(moments, field_of)
    failing = failing_at(moments, verdict)
    rows = Rows(actors, words, full)
    if full:
        wanted = [True] * len(moments)
    else:
        wanted = wanted_of(moments, failed_object(moments, verdict))
        if failing:
            wanted[-1] = True
    for moment, show in zip(moments, wanted):
        rows.add(moment, show)
    rows.fold()
    found = rows.rows
    if failing and found:
        found[-1] = replace(found[-1], failing=True)
    elif verdict and verdict.function and last:
        # Where it went wrong is no point, so the trace knows only who was running.
        found.append(rows.verdict(last[0], verdict.function))
    sources = Sources(line_of, tree)
    return Diagram(
        actors=tuple(map(printable, actors)),
        rows=tuple(sources.located(row, verdict) for row in found),
        verdict=sentence(verdict, line_of) if verdict else "",
        steps=len(steps),
        preemptions=sum(moment.preempted for moment in moments),
    )


def position(diagram: Diagram, steps: Sequence[Step]) -> int | None:
    """The last row of @diagram that is reached in @steps, the first ones of its trace."""
    reached = {(moment.step.step, moment.preempted) for moment in in_order(steps)}
    rows = enumerate(diagram.rows)
    found = [index for index, row in rows if (row.step, row.kind == "preempted") in reached]
    return found[-1] if found else None


def json_of(diagram: Diagram) -> dict[str, Any]:
    """The diagram for json.dumps().

    actors: names. verdict: one line or null. steps: how many the trace has. preemptions: how
    many. rows: in the order in which things were done, each with
        number: from 1, as the text has it; null for what is no step
        step: its number in the trace, null for a fold or what no step told of
        actor: a name
        kind: of the step ("point", "access", "alloc", "free", ...), or "preempted", "fold"
            (count steps are left out), "verdict" (it failed where no step was)
        text: what was done
        count: so many equal steps in a row
        depth: of each actor, in the order of actors, its depth of RCU read sections
        where, line, source: "vfs_read+0x1a/0x80", "fs/read_write.c:126", that line's text;
            null where it is not known
        failing: whether the verdict is about this row
        nesting: of rcu_read_lock() where it was done
        object, field, write: of an access the number of the object, "cred.uid", whether
            it writes; else null
    """
    rows = []
    for row in diagram.rows:
        data = asdict(row)
        data["text"] = data.pop("texts")[0]
        data["actor"] = diagram.actors[row.actor]
        data["depth"] = list(row.depth)
        for key in ("number", "step", "where", "line", "source", "field", "object"):
            data[key] = data[key] or None
        if not row.object:
            data["write"] = None
        rows.append(data)
    return {
        "actors": list(diagram.actors),
        "rows": rows,
        "verdict": diagram.verdict or None,
        "steps": diagram.steps,
        "preemptions": diagram.preemptions,
    }

# SPDX-License-Identifier: GPL-2.0
"""What a strategy guarantees at the end of a run."""

from __future__ import annotations

import math
import textwrap
from typing import Sequence

from nslab_lab.guest import cause
from nslab_lab.plans import strategies
from nslab_lab.plans.plan import RunPlan
from nslab_lab.plans.token import Token
from nslab_lab.report import shared_words
from nslab_lab.report.shared_words import NameOf, Shared
from nslab_lab.report.table import WIDTH, count
from nslab_lab.search.pool import ScenarioResult


def of(
    plan: RunPlan, results: Sequence[ScenarioResult], name_of: NameOf = lambda word: f"{word.object}+{word.offset}"
) -> list[str]:
    """Lines that fit 80 columns; none where the strategy guarantees nothing.

    @name_of: names a shared word.
    """
    strategy = strategies.parse(plan.strategy)
    failed = [line for result in results if result.sites for line in _wrapped(_fail_nth(result))]
    return [*_of_strategy(plan, strategy, results, name_of), *failed]


def _of_strategy(
    plan: RunPlan, strategy: strategies.Strategy, results: Sequence[ScenarioResult], name_of: NameOf
) -> list[str]:
    match strategy.name:
        case "bounded":
            said = [
                _bounded(plan, strategy.preemptions, result, shared_words.of(plan, result, name_of))
                for result in results
            ]
        case "pct":
            said = [
                _pct(plan, strategy.depth, result, shared_words.of(plan, result, name_of))
                for result in results
            ]
        case "random" | "pos":
            searched = [shared_words.of(plan, result, name_of) for result in results]
            said = [_drawn(strategy.name, searched) + _reused(plan)]
        # Of the profile fail-nth each scenario has a claim of its own.
        case "none" if results and not any(result.sites for result in results):
            covers = "none covers the schedules that came about, with the faults of the profile, and no others"
            said = [covers + _reused(plan)]
        case _:
            return []
    return [line for text in said for line in _wrapped(text)]


def _drawn(strategy: str, searched: Sequence[Shared]) -> str:
    """Of which memory and schedules it is said that something was found in them, or nothing."""
    covers = f"{strategy} covers the schedules that it drew, and no others"
    ran = [one for one in searched if one.executions]
    known = [one for one in ran if one.known and one.everything]
    if len(known) < len(ran) or not ran:
        return f"{covers}; actors are preempted where the profile says"
    words, later = sum(one.words for one in known), sum(len(one.later) for one in known)
    text = f"{covers}; actors are preempted at {count(words, 'shared word')} of {count(len(known), 'scenario')}"
    if later:
        of = count(sum(bool(one.later) for one in known), "scenario")
        text += f"; {later:,} more {'was' if later == 1 else 'were'} found later, of {of}"
    return text


def causes(results: Sequence[ScenarioResult]) -> list[str]:
    """Which findings have one cause, a sentence for each that several have."""
    found: dict[str, int] = {}
    for one in (one for result in results for one in result.findings):
        judged = one.failure.verdict
        # That of a smaller execution is not kept, its report is.
        kept = one.console if one.console and one.console.is_file() else None
        console = kept.read_text(errors="replace") if kept else judged.report
        name = cause.of(judged.oracle, judged.signature, console)
        found[name] = found.get(name, 0) + 1
    return [
        line
        for name, number in found.items() if number > 1
        for line in _wrapped(f"{number:,} findings have one cause: {name}")
    ]  # fmt: skip


def minimal(preemptions: int, token: Token) -> str:
    """The size of the smallest schedule of a finding."""
    failures = len(strategies.parse_schedule(strategies.parse(token.strategy).schedule).failures)
    failed = f" and {count(failures, 'failed allocation')}" if failures else ""
    return f"the smallest schedule found has {count(preemptions, 'preemption')}{failed}"


def late(executions: int) -> str:
    """The report of a finding came so many executions after it."""
    return (
        f"the report came {count(executions, 'execution')} later: alone, and followed by executions "
        "without faults, this one shows it"
    )


def _bounded(plan: RunPlan, wanted: int, result: ScenarioResult, shared: Shared) -> str:
    searches = result.searches
    found = count(len(result.findings), "finding")
    if not searches:
        return f"{result.name}: {found} after {count(result.executions, 'schedule')}, not complete"
    total = sum(search.total for search in searches)
    points = max(search.points for search in searches)
    complete = min(search.complete for search in searches)
    inputs = plan.inputs[plan.scenarios.index(result.name)]
    unexplained = any(search.unexplained for search in searches)
    whole = (
        len(searches) == inputs and not result.findings and shared.complete and not unexplained
        and not plan.reuse
    )  # fmt: skip
    done = "not complete"
    if complete >= 0 and whole:
        done = f"complete for c <= {min(complete, wanted)}{shared.over}"
    of_inputs = f" of {count(inputs, 'input')}" if inputs > 1 else ""
    text = f"{result.name}: {done}: {count(total, 'schedule')}{of_inputs}, {points:,} points, {found}"
    if cuts := sorted({search.cut for search in searches if search.cut}):
        text += f"; cut short by {_CUTS[cuts[0]]}"
    if not result.findings:
        text += "".join(f"; {one}" for one in shared.reservations)
    if unexplained:
        text += "; an actor was woken by something that the trace does not show"
    if plan.reuse:
        # Whose allocation comes first decides, and neither points nor pruning go by that.
        text += "; freed memory was used again at once, and who got it was not searched for"
    if by_chance(plan):
        text += "; allocations failed by chance, and only as they were drawn"
    pruned = sum(search.pruned for search in searches)
    redundant = sum(search.redundant for search in searches)
    return text + f"; pruned: {pruned:,} alternatives, {redundant:,} redundant runs"


def _reused(plan: RunPlan) -> str:
    return "; every second execution used freed memory again at once" if plan.reuse else ""


def by_chance(plan: RunPlan) -> bool:
    """Whether the profile has allocations fail at random."""
    faults = ("failslab/probability=", "fail_page_alloc/probability=")
    return not plan.fail_nth and any(knob.startswith(faults) for knob in plan.knobs)


_CUTS = {
    "schedules": "EXECUTIONS=", "memory": "the guest's memory", "divergence": "a divergence",
    "unknown": "an unprotected shared word that was not watched",
}


def _pct(plan: RunPlan, depth: int, result: ScenarioResult, shared: Shared) -> str:
    """The bound of Burckhardt et al. (ASPLOS 2010): 1 / (n k^(d-1)).

    It holds for bugs whose order is one of scheduling points, and for executions of at most k of them.
    Where shared memory is watched, every second execution is about memory of one kind only; where memory
    is used again, it is so in every second one, and a bug may show in these or in the others only.
    """
    index = plan.scenarios.index(result.name)
    actors, length = len(plan.actors[index]), plan.lengths[index]
    if not shared.known:
        return f"{result.name}: no bound: it is not known which memory is shared"
    halves = (plan.watching_of(result.name).shared, plan.reuse)
    rare = actors * length ** (depth - 1) * 2 ** sum(halves)
    at_least = -math.expm1(result.executions * math.log1p(-1 / rare)) if rare > 1 else 1.0
    shown = f"{rare:,}" if rare < 10**15 else f"{rare:.1e}"
    together = f"{at_least:.2g}" if at_least < 0.995 else "more than 0.99"
    text = (
        f"{result.name}: {actors} actors, {length:,} steps: an execution finds a bug of depth {depth} "
        f"among the steps{shared.over}, with a probability of at least 1/{shown}, all executions together {together}"
    )
    text += _reused(plan)
    if result.longest > length:
        text += f"; not so in executions of more steps, the longest had {result.longest:,}"
    return text + "".join(f"; {one}" for one in shared.reservations)


def _fail_nth(result: ScenarioResult) -> str:
    """Of the profile fail-nth: how many failure sites were tried, and whether these are all."""
    found = result.sites
    assert found is not None
    if not found.sites:
        return f"{result.name}: no marked call allocates memory, or none was made"
    failed, counted = found.allocations
    untried = found.untried
    calls = "; ".join(
        f"{call}: {len(sites)}" + (f" ({untried[call]} NOT TRIED)" if call in untried else "")
        for call, sites in found.sites.items()
    )
    total = count(found.total, "failure site")
    each = "it was tried" if found.total == 1 else "each was tried"
    if found.complete:
        of = f"{counted:,}" if failed == counted else f"{failed:,} of {counted:,}"
        return (
            f"{result.name}: complete for the schedules run: {total}, {each}, "
            f"{of} allocations; {calls}"
        )
    tried = found.total - sum(untried.values())
    if found.ran < found.round:
        why = f"; a round has {count(found.round, 'execution')}"
    else:
        why = ""
    return (
        f"{result.name}: not complete: {tried:,} of {total} tried, {failed:,} of {counted:,} "
        f"allocations{why}; {calls}"
    )


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)

# SPDX-License-Identifier: GPL-2.0
"""What a run claims at its end, and what it must not."""

from __future__ import annotations

import dataclasses
import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from lab import run_plan
from nslab_lab.guest import verdict
from nslab_lab.guest.results import Search
from nslab_lab.guest.words import Profiled, Word
from nslab_lab.plans.watch import ALL_SHARED, Watching, parse
from nslab_lab.report import claims
from nslab_lab.search.batch import SOLO, Finding
from nslab_lab.search.failures import Failure
from nslab_lab.search.pool import ScenarioResult

SEARCH = Search(
    n=1, complete=2, schedules=[2, 210, 9000], redundant=7, pruned=12_345, points=143,
    unexplained=0, cut=None, diverged=None,
)  # fmt: skip


HELD = Profiled(words=12, locked=3, profiled=20, outside=0, outside_unprotected=0, held=True)
SHARED = (Watching((ALL_SHARED,)),)
NSPROXY = (Watching((parse("nsproxy:0:88"),)),)


OVER = (
    "over 12 shared words (3 more under a common lock), as far as 20 of 9,212 executions show, "
    "which were profiled again"
)


def word(name: str, offset: int = 0, **more: Any) -> Word:
    return Word(0, "cache", name, offset, 8, **more)


def result(
    *searches: Search, name: str = "a", executions: int = 0, findings: int = 0,
    profiled: tuple[Profiled, ...] = (HELD,), **more: Any,
) -> ScenarioResult:
    return ScenarioResult(
        name, 0, executions=executions or sum(one.total for one in searches),
        findings=[None] * findings, searches=list(searches), profiled=list(profiled), **more,
    )  # fmt: skip


def bounded(
    *searches: Search, inputs: int = 1, preemptions: int = 2, watching: Any = SHARED,
    knobs: tuple[str, ...] = (), reuse: bool = False, **more: Any,
) -> str:
    """The claim as one line."""
    plan = run_plan("a", strategy=f"bounded-{preemptions}", inputs=(inputs,), watching=watching)
    plan = dataclasses.replace(plan, knobs=knobs, reuse=reuse)
    return " ".join(line.strip() for line in claims.of(plan, [result(*searches, **more)]))


def cut(reason: str = "schedules", complete: int = 1, **more: int | list[int]) -> Search:
    return dataclasses.replace(SEARCH, cut=reason, complete=complete, **more)


def said_of(strategy: str, *results: ScenarioResult, watching: Any = SHARED) -> str:
    """As one line; of scenarios a, b, ..."""
    plan = run_plan(*(one.name for one in results), strategy=strategy, watching=watching * len(results))
    return " ".join(line.strip() for line in claims.of(plan, results))


def test_most_strategies_promise_nothing() -> None:
    """But say what they cover."""
    covers = "random covers the schedules that it drew, and no others; actors are preempted "
    one, other = result(executions=20), result(name="b", executions=20)
    assert said_of("random", one, other) == f"{covers}at 24 shared words of 2 scenarios"
    assert said_of("pos", one) == f"{covers}at 12 shared words of 1 scenario".replace("random", "pos")
    assert said_of("random", one, watching=NSPROXY) == f"{covers}where the profile says"
    assert said_of("random", result(executions=20, profiled=())) == f"{covers}where the profile says"
    later = result(name="b", executions=20, words=[word("new", new=True)])
    assert said_of("random", one, later).endswith("2 scenarios; 1 more was found later, of 1 scenario")
    assert said_of("none", one).startswith("none covers the schedules that came about, with the faults of")
    assert said_of("unsteered", one) == ""


def finding(folder: Any, number: Any, console: Any, message: Any = None) -> Any:
    """A finding with that console; @message: of an assertion."""
    path = folder / f"console-{number}"
    path.write_text(console)
    judged = verdict.assertion(message) if message else verdict.of_console(console)
    return Finding(Failure(None, None, judged), SOLO, (), path)


def test_findings_of_one_cause_are_said_to_be(tmp_path: Path) -> None:
    consoles = Path(__file__).parent / "consoles"
    texts = [(consoles / f"{name}.txt").read_text() for name in ("kasan-utsns", "grace-gone", "order-uts")]
    found = [finding(tmp_path, number, text) for number, text in enumerate(texts)]
    found += [finding(tmp_path, 3, "", "a.c:9: x"), finding(tmp_path, 4, "", "a.c:9: y")]
    one = ScenarioResult("a", 0, findings=found[:2])
    other = ScenarioResult("b", 0, findings=found[2:])
    assert claims.causes([one, other]) == [
        "2 findings have one cause: nsproxy released by switch_task_namespaces"
    ]
    assert claims.causes([other]) == []


# === bounded ===


def test_a_complete_search() -> None:
    assert bounded(SEARCH) == (
        f"a: complete for c <= 2 {OVER}: 9,212 schedules, 143 points, 0 findings; "
        "pruned: 12,345 alternatives, 7 redundant runs"
    )


def test_a_search_that_was_cut_is_complete_for_less() -> None:
    text = bounded(cut())
    assert text.startswith(f"a: complete for c <= 1 {OVER}: 9,212 schedules")
    assert "; cut short by EXECUTIONS=" in text
    assert "; cut short by the guest's memory" in bounded(cut("memory"))


def test_a_search_that_was_cut_at_once_is_not_complete() -> None:
    text = bounded(cut(complete=-1, schedules=[1]))
    assert text.startswith("a: not complete: 1 schedule, ") and "c <=" not in text


def test_all_inputs_are_needed() -> None:
    two = dataclasses.replace(SEARCH, n=2, points=150)
    assert bounded(SEARCH, two, inputs=2).startswith(
        "a: complete for c <= 2 over 12 shared words (3 more under a common lock), as far as 20 of 18,424 "
        "executions show, which were profiled again: 18,424 schedules of 2 inputs, 150 points, 0 findings; pruned"
    )
    assert bounded(SEARCH, cut(n=2), inputs=2).startswith("a: complete for c <= 1 over ")
    assert bounded(SEARCH, cut(n=2, complete=-1), inputs=2).startswith("a: not complete: ")
    text = bounded(SEARCH, inputs=2)
    assert text.startswith("a: not complete: 9,212 schedules of 2 inputs") and "c <=" not in text


def test_a_search_that_found_something_is_not_complete() -> None:
    # It ends with the first that fails, whatever it had been through by then.
    text = bounded(SEARCH, findings=1)
    assert text.startswith("a: not complete: 9,212 schedules, 143 points, 1 finding;")
    assert "c <=" not in text


def test_a_guest_that_died_says_nothing_of_its_search() -> None:
    assert bounded(executions=127, findings=1) == "a: 1 finding after 127 schedules, not complete"
    assert bounded(executions=0) == "a: 0 findings after 0 schedules, not complete"


def test_a_search_that_diverged_is_not_complete() -> None:
    diverged = dataclasses.replace(SEARCH, complete=-1, cut="divergence", diverged="execution 3")
    text = bounded(diverged)
    assert text.startswith("a: not complete: ") and "; cut short by a divergence" in text


def test_what_the_trace_does_not_show_is_said() -> None:
    woken = "; an actor was woken by something that the trace does not show; "
    assert woken not in bounded(SEARCH)
    text = bounded(SEARCH, dataclasses.replace(SEARCH, n=2, unexplained=1), inputs=2)
    assert woken in text and text.startswith("a: not complete: ") and "c <=" not in text


def test_more_than_was_asked_for_is_not_claimed() -> None:
    assert "c <= 0" in bounded(dataclasses.replace(SEARCH, complete=0), preemptions=0)


# === Shared words ===


def test_what_is_found_later_takes_the_claim_away() -> None:
    broken = dataclasses.replace(HELD, held=False)
    words = [word("sem_array", 296, new=True), word("cred", 8, new=True), word("cred", 0)]
    text = bounded(SEARCH, profiled=(HELD, broken), words=words)
    assert text.startswith("a: not complete: 9,212 schedules") and "c <=" not in text
    assert "; 40 executions profiled again, 2 shared words were found later (sem_array+296, cred+8); " in text
    assert "; 1 shared word was found later (cred+8); " in bounded(
        SEARCH, profiled=(dataclasses.replace(broken, profiled=0),), words=words[1:]
    )
    many = [word("cred", 8 * n, new=True) for n in range(9)]
    assert "(cred+0, cred+8, cred+16, cred+24, ...)" in bounded(SEARCH, profiled=(broken,), words=many)


def test_a_narrower_watch() -> None:
    narrow = dataclasses.replace(HELD, outside=5, outside_unprotected=2)
    words = [
        word("nsproxy"), word("sem_array", 296), word("cred", 8, locked="&lock"), word("files_cache", 0),
    ]  # fmt: skip
    text = bounded(SEARCH, watching=NSPROXY, profiled=(narrow,), words=words)
    assert text.startswith("a: not complete: 9,212 schedules") and "c <=" not in text
    assert (
        "; 5 shared words are not watched, 2 of them under no common lock (sem_array+296, files_cache+0); "
    ) in text
    # What is under a lock is ordered by that.
    locked = dataclasses.replace(narrow, outside_unprotected=0)
    text = bounded(SEARCH, watching=NSPROXY, profiled=(locked,), words=words)
    assert text.startswith("a: complete for c <= 2 over the memory that the profile watches, as far as 20 of 9,212")
    assert "; 5 shared words are not watched, under a common lock each; " in text
    one = dataclasses.replace(locked, outside=1)
    assert "; 1 shared word is not watched, under a common lock; " in bounded(SEARCH, profiled=(one,))


def test_where_nobody_knows_what_is_shared_nothing_is_claimed() -> None:
    text = bounded(SEARCH, profiled=())
    assert text.startswith("a: not complete: ") and "; it is not known which memory is shared; " in text


def test_where_each_execution_was_profiled_the_claim_is_plain() -> None:
    every = dataclasses.replace(HELD, profiled=9212)
    text = bounded(SEARCH, profiled=(every,))
    assert text.startswith("a: complete for c <= 2 over 12 shared words (3 more under a common lock): 9,212 sch")
    assert "; each execution was profiled again, the set held; " in text
    one = dataclasses.replace(HELD, profiled=1)
    assert ", as far as 1 of 9,212 executions shows, which was profiled again: " in bounded(SEARCH, profiled=(one,))


def test_that_nothing_was_looked_at_again_is_said() -> None:
    text = bounded(SEARCH, profiled=(dataclasses.replace(HELD, profiled=0, locked=0, words=1),))
    assert text.startswith("a: complete for c <= 2 over 1 shared word: 9,212 schedules")
    assert "; no execution was profiled again; " in text


def test_memory_that_is_used_again() -> None:
    said = bounded(SEARCH, reuse=True)
    assert said.startswith("a: not complete: 9,212 schedules")
    assert "; freed memory was used again at once, and who got it was not searched for" in said
    plan = dataclasses.replace(run_plan("a", strategy="random"), reuse=True)
    for strategy in ("none", "random", "pos"):
        some = dataclasses.replace(plan, strategy=strategy)
        assert " ".join(claims.of(some, [result(executions=5)])).endswith(
            "; every second execution used freed memory again at once"
        )


def test_pct_where_memory_is_used_again() -> None:
    """A bug may show where it is, or where it is not: either is half of the executions."""
    plan = run_plan("a", strategy="pct-2-0", watching=SHARED, actors=(("r", "w"),), lengths=(10,))
    for reuse, rare in ((False, 40), (True, 80)):
        said = " ".join(claims.of(dataclasses.replace(plan, reuse=reuse), [result(executions=5)]))
        assert f"at least 1/{rare}," in " ".join(said.split())
        assert reuse == ("every second execution used freed" in " ".join(said.split()))


def test_allocations_that_fail_by_chance_are_not_all_there_are() -> None:
    said = "; allocations failed by chance, and only as they were drawn; "
    assert said in bounded(SEARCH, knobs=("failslab/times=-1", "failslab/probability=5"))
    assert said not in bounded(SEARCH, knobs=("delay_exit/probability=5",))


# === pct ===


@pytest.mark.parametrize("actors", [1, 2, 3, 8])
@pytest.mark.parametrize("length", [1, 93, 400, 65_535])
@pytest.mark.parametrize("depth", [1, 2, 3, 16])
def test_the_bound_of_pct(actors: int, length: int, depth: int) -> None:
    """Burckhardt et al., 2010: at least 1 / (n k^(d-1)) for n actors, k steps, depth d."""
    executions = 2000
    plan = run_plan(
        "a", strategy=f"pct-{depth}-0", actors=(tuple("abcdefgh"[:actors]),), lengths=(length,)
    )
    text = " ".join(claims.of(plan, [result(executions=executions)]))
    rare = actors * length ** (depth - 1)
    said = float(re.search(r"at least 1/(\S+),", " ".join(text.split()))[1].replace(",", ""))
    assert said == rare if rare < 10**15 else math.isclose(said, rare, rel_tol=0.06)
    said_together = re.search(r"all executions together (more than )?([^; ]+)", " ".join(text.split()))
    together = float(said_together[2])
    exact = 1 - (1 - Fraction(1, rare)) ** executions if rare < 10**9 else Fraction(executions, rare)
    assert exact > 0.99 if said_together[1] else math.isclose(together, exact, rel_tol=0.06)


def test_pct_as_a_sentence() -> None:
    plan = run_plan("a", "b", strategy="pct-3-0", lengths=(93, 400))
    assert claims.of(plan, [result(executions=65)]) == [
        "a: 3 actors, 93 steps: an execution finds a bug of depth 3 among the steps over",
        "  the memory that the profile watches, as far as 20 of 65 executions show, which",
        "  were profiled again, with a probability of at least 1/25,947, all executions",
        "  together 0.0025",
    ]


def test_what_pct_does_not_bound() -> None:
    plan = run_plan("a", strategy="pct-3-0", lengths=(93,), watching=SHARED)
    text = " ".join(" ".join(claims.of(plan, [result(executions=65, longest=93)])).split())
    assert "among the steps over 12 shared words (3 more under a common lock), as far as 20 of 65" in text
    assert "of more steps" not in text
    text = " ".join(" ".join(claims.of(plan, [result(executions=65, longest=120)])).split())
    # Half of them are about memory of one kind: twice 3 * 93^2.
    assert "at least 1/51,894, all" in text
    assert "together 0.0013; not so in executions of more steps, the longest had 120" in text
    assert claims.of(plan, [result(executions=65, profiled=())]) == [
        "a: no bound: it is not known which memory is shared",
    ]  # fmt: skip


def test_pct_of_no_executions() -> None:
    plan = run_plan("a", strategy="pct-3-0", lengths=(93,))
    text = " ".join(" ".join(claims.of(plan, [result()])).split())
    assert "all executions together 0" in text and "0." not in text


# === All ===


@pytest.mark.parametrize("name", ["a", "ns-readlink-vs-unshare-heavy", "x" * 63])
@pytest.mark.parametrize("strategy", ["bounded-2", "pct-16-0", "pct-1-0"])
def test_no_line_is_wider_than_80(name: str, strategy: str) -> None:
    plan = run_plan(name, strategy=strategy, inputs=(12,), lengths=(65_535,))
    big = cut(
        schedules=[10**9] * 9, pruned=10**12, redundant=10**12, points=65_535, unexplained=10**9
    )
    for number in (0, 1, 12):
        lines = claims.of(plan, [result(*[big] * number, name=name, executions=10**9, findings=3)])
        assert lines and max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    "preemptions, schedule, text",
    [
        (0, "0", "0 preemptions"),
        (1, "a5b", "1 preemption"),
        (2, "a5bb3a-c2", "2 preemptions and 1 failed allocation"),
        (1, "a5b-c2a1", "1 preemption and 2 failed allocations"),
    ],
)
def test_how_small_a_finding_is(preemptions: int, schedule: str, text: str) -> None:
    token = run_plan("a", strategy=f"replay-{schedule}").token("a", 7, 7)
    assert claims.minimal(preemptions, token) == f"the smallest schedule found has {text}"

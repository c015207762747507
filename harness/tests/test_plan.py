# SPDX-License-Identifier: GPL-2.0
"""Plans: the split into boots, and the text the guest reads."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nslab_lab.plans import plan, profiles, strategies, watch
from nslab_lab.plans.watch import Watch


@pytest.fixture
def run_plan() -> plan.RunPlan:
    return plan.make(
        "6.12", "0123abcd", profiles.load("none"), ("a", "b"),
        variant="none", strategy="none", seed=31, executions=1200, findings=1,
        actors=(("x", "y"), ("z",)), inputs=(1, 3),
    )  # fmt: skip


def test_batches_cover_the_executions_once(run_plan: plan.RunPlan) -> None:
    assert [(b.first, b.last, b.count) for b in run_plan.batches("a")] == [
        (1, 500, 500), (501, 1000, 500), (1001, 1200, 200),
    ]  # fmt: skip


def test_a_batch_names_its_files_and_tokens(run_plan: plan.RunPlan) -> None:
    batch = list(run_plan.batches("b"))[1]
    assert batch.name == "b-501"
    assert str(batch.token_of(503)).endswith(".none.1f.501.503")
    assert batch.token_of(503).prefix == batch.token.prefix


def test_json_is_the_same_for_the_same_plan(run_plan: plan.RunPlan) -> None:
    assert run_plan.json() == dataclasses.replace(run_plan).json()
    assert run_plan.json() != dataclasses.replace(run_plan, seed=32).json()
    assert "\n" not in run_plan.json()


def test_guest_text(run_plan: plan.RunPlan) -> None:
    boot = dataclasses.replace(
        run_plan.boot("a", 7, 9, trace=True), knobs=("failslab/times=-1", "failslab/probability=5")
    )
    digest = profiles.load("none").digest
    assert boot.guest_text().splitlines() == [
        "scenario=a",
        "seed=0x1f",
        "first=7",
        "count=3",
        "trace=1",
        "strategy=none",
        f"token=NSLAB1.6.12-0123abcd.a.none.none-{digest}.none.1f.7",
        "timeout_ms=60000",
        "knob=failslab/times=-1",
        "knob=failslab/probability=5",
    ]


def test_an_execution_alone_is_followed_by_some_without_faults(run_plan: plan.RunPlan) -> None:
    boot = run_plan.boot("a", 1, 9)
    assert boot.idle == 0 and "idle" not in boot.guest_text()
    alone = boot.of_replay(boot.token_of(7).solo)
    assert (alone.idle, alone.first, alone.count) == (plan.IDLE, 7, 1)
    assert f"\nidle={plan.IDLE}\n" in alone.guest_text()
    # What comes after others shows what they have left by itself, and a search is many executions.
    assert boot.of_replay(boot.token_of(7)).idle == 0
    searched = dataclasses.replace(boot.token_of(1), strategy="bounded-2")
    assert boot.of_replay(searched).idle == 0
    listed = dataclasses.replace(boot.token_of(1), strategy="replay-0")
    assert boot.of_replay(listed).idle == plan.IDLE


def text_of(boot: plan.BootPlan) -> list[str]:
    """The lines of its plan that depend on the strategy."""
    common = ("scenario=", "seed=", "first=", "trace=", "timeout_ms=")
    return [line for line in boot.guest_text().splitlines() if not line.startswith(common)]


def test_guest_text_of_pct(run_plan: plan.RunPlan) -> None:
    pct = dataclasses.replace(run_plan, strategy="pct-4-0", lengths=(93, 400))
    assert text_of(pct.boot("b", 1, 5)) == [
        "count=5", "strategy=pct", f"token={pct.boot('b', 1, 5).token.prefix}", "depth=4", "length=400",
    ]  # fmt: skip
    assert ".pct-4-93.1f.1.1" in str(pct.token("a", 1, 1))
    assert ".pct-4-400.1f.1.1" in str(pct.token("b", 1, 1))
    # What a token says is not measured again.
    said = dataclasses.replace(run_plan, strategy="pct-4-50", lengths=(93, 400))
    assert said.strategy_of("a") == "pct-4-50"


def test_guest_text_of_a_search(run_plan: plan.RunPlan) -> None:
    search = dataclasses.replace(run_plan, strategy="bounded-2")
    boot = search.boot("a", 1, 1)
    assert text_of(boot) == [
        "count=1", "strategy=bounded", f"token={boot.token.prefix}", "preemptions=2", "failures=",
    ]  # fmt: skip
    assert "failures=a7b2" in text_of(dataclasses.replace(boot, failures="a7b2"))


def test_guest_text_of_a_replay(run_plan: plan.RunPlan) -> None:
    token = dataclasses.replace(run_plan.token("a", 7, 7), strategy="replay-a5b-c2")
    boot = dataclasses.replace(run_plan.boot("a", 7, 7), token=token)
    # The token would say the schedule once more.
    assert text_of(boot) == ["count=1", "strategy=replay", "token=NSLAB", "schedule=a5b-c2"]
    boot = dataclasses.replace(boot, schedules=("0", "a5b", "b3a-a1"))
    assert text_of(boot)[-3:] == ["schedule=0", "schedule=a5b", "schedule=b3a-a1"]
    assert (boot.first, boot.last) == (7, 7)


def test_a_search_takes_a_boot_for_each_input(run_plan: plan.RunPlan) -> None:
    search = dataclasses.replace(run_plan, strategy="bounded-2")
    boots = list(search.batches("b"))
    assert [(b.first, b.last, b.count) for b in boots] == [(1, 1, 1200), (2, 2, 1200), (3, 3, 1200)]
    assert [b.name for b in boots] == ["b-1", "b-2", "b-3"]
    assert str(boots[2].token).endswith(".bounded-2.1f.3.3")
    assert len(list(search.batches("a"))) == 1
    assert boots[0].strategy == strategies.Strategy("bounded", preemptions=2)


def test_rounds(run_plan: plan.RunPlan) -> None:
    """Where nobody says how many executions: as many as it takes, once more and once more."""
    rounds = dataclasses.replace(run_plan, fail_nth=True, executions=0, rounds=(700, 9))
    assert rounds.parts == plan.MAX_ROUNDS == 3
    assert [(b.first, b.last) for b in rounds.part("a", 0)] == [(1, 500), (501, 700)]
    assert [(b.first, b.last) for b in rounds.part("a", 1)] == [(701, 1200), (1201, 1400)]
    assert [(b.first, b.last) for b in rounds.batches("b")] == [(1, 9), (10, 18), (19, 27)]
    assert "fail_nth=1" in rounds.boot("a", 1, 1).guest_text().splitlines()
    assert (rounds.executions_of("a"), rounds.executions_of("b")) == (700, 9)
    # Inputs times actors.
    assert (rounds.setups_of("a"), rounds.setups_of("b")) == (2, 3)
    assert run_plan.parts == 1 and "fail_nth" not in run_plan.boot("a", 1, 1).guest_text()


def test_actors_of_a_scenario(run_plan: plan.RunPlan) -> None:
    assert run_plan.actors_of("a") == ("x", "y") and run_plan.actors_of("b") == ("z",)


def test_watches_come_after_the_faults(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('about = "x"\nnamed_points = false\n[faults.failslab]\nprobability = 5\n')
    watches = (
        watch.ALL_SHARED,
        Watch("nsproxy", "nsproxy", 0, 72, "nsproxy"),
        Watch("task_struct.nsproxy", "task_struct", 1360, 8, "task_struct"),
    )
    watching = watch.Watching(watches, "1f0-2a4,3000-3b10")
    made = plan.make(
        "6.12", "0123abcd", profiles.load(str(path)), ("a", "b"),
        (watching, watch.Watching(watches[:1], "1f0-2a4,3000-3b10")),
        variant="none", strategy="random", seed=1, executions=1, findings=1,
    )  # fmt: skip
    lines = made.boot("a", 1, 1).guest_text().splitlines()
    assert lines[-5:] == [
        "knob=failslab/probability=5", "knob=nslab/leave_out=1f0-2a4,3000-3b10",
        "knob=nslab/watch=shared", "knob=nslab/watch=nsproxy:0:72", "knob=nslab/watch=task_struct:1360:8",
    ]  # fmt: skip
    assert "unnamed=1" in lines
    assert made.boot("a", 1, 1).watches == watches[1:]  # what is shared is no kind of objects
    assert [one for one in made.boot("b", 1, 1).guest_text().splitlines() if "watch" in one] == [
        "knob=nslab/watch=shared",
    ]  # fmt: skip
    # Where no strategy decides nothing is watched, but a schedule of such a finding needs it.
    free = dataclasses.replace(made, strategy="none").boot("a", 1, 1)
    assert "nslab/" not in free.guest_text() and free.watches == ()
    steered = dataclasses.replace(free, token=dataclasses.replace(free.token, strategy="bounded-2"))
    assert steered.guest_text().splitlines()[-5:] == lines[-5:]


def test_what_was_found_later_is_watched_as_well(run_plan: plan.RunPlan) -> None:
    token = dataclasses.replace(run_plan.token("a", 1, 1), strategy="random", grown=("sem_array:296:8",))
    boot = dataclasses.replace(run_plan.boot("a", 1, 1), token=token)
    assert boot.guest_text().splitlines()[-1] == "knob=nslab/watch=sem_array:296:8"
    (grown,) = boot.watches
    assert (grown.name, grown.cache, grown.offset, grown.size) == ("sem_array", "sem_array", 296, 8)


@pytest.mark.parametrize("strategy, by_default", [
    ("random", True), ("pos", True), ("pct-3-400", False), ("bounded-2", False),
    ("replay-a12b", False), ("replayall-a12b", True),
])  # fmt: skip
def test_which_points_count(run_plan: plan.RunPlan, strategy: str, by_default: bool) -> None:
    plain = run_plan.boot("a", 1, 1)
    boot = dataclasses.replace(plain, token=dataclasses.replace(plain.token, strategy=strategy))
    assert boot.all_points == by_default == ("all_points=1" in boot.guest_text().splitlines())
    for points in ("shared", "all"):
        # A replay numbers points as the execution did that it replays.
        said = points == "all" if not strategy.startswith("replay") else by_default
        assert dataclasses.replace(boot, points=points).all_points == said


@pytest.mark.parametrize("strategy, told, executions", [
    ("none", True, {2, 4}), ("random", True, {2, 4}), ("pct-3-400", True, {2, 4}), ("bounded-2", True, {1, 2, 3, 4}),
    # What is replayed says itself what it needs.
    ("replay-a12b", False, set()), ("replayreuse-a12b", True, {1, 2, 3, 4}),
])  # fmt: skip
def test_which_executions_use_memory_again(
    run_plan: plan.RunPlan, strategy: str, told: bool, executions: set[int]
) -> None:
    plain = run_plan.boot("a", 1, 1)
    boot = dataclasses.replace(plain, token=dataclasses.replace(plain.token, strategy=strategy))
    reused = dataclasses.replace(boot, reuse=True)
    assert told == ("reuse=1" in reused.guest_text().splitlines())
    assert {n for n in range(1, 5) if reused.reuses(n)} == executions
    if not strategy.startswith("replay"):
        assert "reuse" not in boot.guest_text() and not any(map(boot.reuses, range(1, 5)))


def test_the_first_boot_of_a_scenario_tells_what_is_shared(run_plan: plan.RunPlan) -> None:
    for strategy in ("random", "bounded-2"):
        boots = list(dataclasses.replace(run_plan, strategy=strategy).batches("b"))
        told = ["words=1" in one.guest_text().splitlines() for one in boots]
        assert len(told) == 3 and told == [True, False, False]
    assert "words" not in next(run_plan.batches("b")).guest_text()


def test_named_points_are_points_by_default(run_plan: plan.RunPlan) -> None:
    assert "unnamed" not in run_plan.boot("a", 1, 1).guest_text()
    assert not run_plan.unnamed and run_plan.watching_of("a") == watch.Watching()

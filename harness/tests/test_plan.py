# SPDX-License-Identifier: GPL-2.0
"""Plans: the split into boots, and the text the guest reads."""

import dataclasses

import pytest

from nslab_lab import plan, profiles


@pytest.fixture
def run_plan():
    return plan.make(
        "6.12", "0123abcd", profiles.load("none"), ("a", "b"),
        variant="none", strategy="none", seed=31, executions=1200, findings=1,
    )  # fmt: skip


def test_batches_cover_the_executions_once(run_plan):
    assert [(b.first, b.last, b.count) for b in run_plan.batches("a")] == [
        (1, 500, 500), (501, 1000, 500), (1001, 1200, 200),
    ]  # fmt: skip


def test_a_batch_names_its_files_and_tokens(run_plan):
    batch = list(run_plan.batches("b"))[1]
    assert batch.name == "b-501"
    assert str(batch.token_of(503)).endswith(".none.1f.501.503")
    assert batch.token_of(503).prefix == batch.token.prefix


def test_json_is_the_same_for_the_same_plan(run_plan):
    assert run_plan.json() == dataclasses.replace(run_plan).json()
    assert run_plan.json() != dataclasses.replace(run_plan, seed=32).json()
    assert "\n" not in run_plan.json()


def test_guest_text(run_plan):
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

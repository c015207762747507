# SPDX-License-Identifier: GPL-2.0
"""A CPU for each guest."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from nslab_lab.host import cpus


@pytest.fixture(autouse=True)
def four_cpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four CPUs, and a cache of the test's own."""
    monkeypatch.setattr(cpus, "usable", lambda: [0, 1, 4, 5])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def take(number: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(cpus.one()) for _ in range(number)]
    return taken


def test_each_guest_has_its_own_while_there_are_enough() -> None:
    assert sorted(take(4)) == [0, 1, 4, 5]
    assert sorted(take(4)) == [0, 1, 4, 5]  # they are free again


def test_more_guests_than_cpus_share_them_evenly() -> None:
    taken = take(12)
    assert {taken.count(cpu) for cpu in (0, 1, 4, 5)} == {3}


def test_no_place_for_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert sorted(take(4)) == [0, 1, 4, 5]


def test_the_real_machine_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert cpus.usable()

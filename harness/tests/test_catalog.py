# SPDX-License-Identifier: GPL-2.0
"""What there is to choose from, and `nslab list`."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any, Callable

import pytest

from nslab_lab.build import catalog, kernels
from nslab_lab.build.catalog import Item, Point, Scenario
from nslab_lab.cli import main
from nslab_lab.commands import listing
from nslab_lab.debuginfo import readers
from nslab_lab.host.errors import LabError
from nslab_lab.host.paths import FAULTS_KERNEL
from nslab_lab.plans.subject import SUBJECTS

LIST: dict[str, Any] = {
    "scenarios": [
        {"name": "a-vs-b", "about": "a against b", "actors": ["a", "b"], "inputs": 3,
         "subject": "widgets", "file": "widgets/a.c", "reaches": ["utsns_get", "exit_notify"],
         "carries_on": True},
        {"name": "c", "about": "c alone", "actors": ["c"], "inputs": 1,
         "subject": "", "file": "c.c", "reaches": [], "carries_on": False},
    ],
    "strategies": [{"name": "none", "about": "the scheduler's own choice"}],
}  # fmt: skip


@pytest.fixture
def init(tmp_path: Path) -> Callable[..., Any]:
    """A guest program that prints @text at --list."""

    def make(text: str) -> Path:
        path = tmp_path / "init"
        path.write_text(f"#!/bin/sh\ntest \"$1\" = --list || exit 1\ncat <<'END'\n{text}\nEND\n")
        path.chmod(0o755)
        return path

    return make


def test_definitions(tmp_path: Path) -> None:
    path = tmp_path / "points.def"
    text = (
        '/* NSLAB_POINT(ID, "no", X, "x") in a comment is no line of its own. */\n'
        'NSLAB_POINT(A_B, "a_b", READER, NONE, "one")\n'
        'NSLAB_POINT(C, "c",\n\t    SWITCH,\n\t    "two, with (brackets) "\n\t    "and \\"more\\"")\n'
        'NSLAB_VARIANT(V, "v-1", "three")\n'
    )
    path.write_text(text)
    found = [Point("a_b", "one"), Point("c", 'two, with (brackets) and "more"')]
    assert catalog.points(path) == found
    # A point of a subject is known by its folder.
    of_widgets = tmp_path / "subjects" / "widgets" / "points.def"
    of_widgets.parent.mkdir(parents=True)
    of_widgets.write_text('NSLAB_POINT(D, "d", SWITCH, NONE,\n\t    "four")\n')
    assert catalog.points(path, of_widgets) == [*found, Point("d", "four", "widgets")]
    assert catalog.variants(path) == [
        Item("none", "the kernel as it should be"), Item("v-1", "three"),
    ]  # fmt: skip


def test_the_labs_own_definitions() -> None:
    points = {item.name for item in catalog.points()}
    assert {"rcu_read_lock", "task_nsproxy", "release_task"} <= points
    assert "no-grace-period" in {item.name for item in catalog.variants()}
    assert "6.12" in {item.name for item in catalog.all_kernels()}
    assert all(item.about for item in catalog.points() + catalog.all_profiles())


def test_a_name_is_its_identifier_in_lower_case() -> None:
    # catalog.called() goes by that.
    for path in [*FAULTS_KERNEL.rglob("points.def"), *FAULTS_KERNEL.rglob("variants.def")]:
        pairs = re.findall(r'^NSLAB_\w+\((\w+),\s*"([^"]+)"', path.read_text(), re.M)
        items = [Item(name, "") for _, name in pairs]
        assert pairs and len(pairs) == path.read_text().count("\nNSLAB_")
        assert catalog.called(items, {id for id, _ in pairs}) == items


def test_what_is_only_in_one_design() -> None:
    entry = kernels.load().entry()
    of = {
        one.name: {item.name for item in catalog.placed(catalog.points(), one, "nslab_point")}
        for one in entry.series.values()
    }
    assert of["rcu"] == {item.name for item in catalog.points()}
    assert of["rcu"] - of["task_lock"] == {"task_nsproxy", "switch_before_gp", "switch_after_gp"}
    variants = {
        one.name: catalog.placed(catalog.variants(), one, "nslab_variant")
        for one in entry.series.values()
    }
    # Those of nsproxy are defects of the RCU design.
    nsproxys = catalog.variants(SUBJECTS / "nsproxy" / "variants.def")[1:]
    assert nsproxys and variants["rcu"] == catalog.variants()[1:]
    assert variants["task_lock"] == [one for one in variants["rcu"] if one not in nsproxys]


def test_definitions_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="points.def: No such file") as caught:
        catalog.points(tmp_path / "points.def")
    assert caught.value.status == 3


def test_subjects_are_in_the_order_of_their_numbers(init: Callable[..., Any]) -> None:
    assert catalog.subjects()[:2] == ["nsproxy", "ipc"]
    assert catalog.in_order(["", "ipc", "widgets", "nsproxy", "ipc"]) == ["nsproxy", "ipc", "widgets", ""]
    one = LIST["scenarios"][0]
    of = {"a": "ipc", "b": "", "c": "nsproxy", "d": "ipc"}
    known = init(json.dumps(LIST | {"scenarios": [one | {"name": a, "subject": b} for a, b in of.items()]}))
    assert [each.name for each in catalog.from_init(known).scenarios] == ["c", "a", "d", "b"]


def test_from_init(init: Callable[..., Any]) -> None:
    known = catalog.from_init(init(json.dumps(LIST)))
    assert known.scenarios == [
        Scenario(
            "a-vs-b", "a against b", ("a", "b"), 3, ("utsns_get", "exit_notify"), "widgets",
            "widgets/a.c", True,
        ),
        Scenario("c", "c alone", ("c",), 1, (), "", "c.c"),
    ]  # fmt: skip
    assert known.strategies == [Item("none", "the scheduler's own choice")]


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", '{"scenarios":[{}],"strategies":[]}',
        '{"scenarios":[{"name":"a","about":"b"}],"strategies":[]}',
        '{"scenarios":[{"name":"a","about":"b","actors":[],"inputs":1}],"strategies":[]}',
    ],
)  # fmt: skip
def test_an_init_that_does_not_tell(init: Callable[..., Any], text: str) -> None:
    with pytest.raises(LabError, match="does not list its scenarios") as caught:
        catalog.from_init(init(text))
    assert caught.value.status == 3


def test_an_init_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not list its scenarios"):
        catalog.from_init(tmp_path / "init")


@pytest.mark.parametrize(
    "name, hint", [("delya", "is 'delay' meant"), ("zzz", "there is delay, none")]
)
def test_a_choice_that_is_not_there(name: str, hint: str) -> None:
    items = [Item("delay", ""), Item("none", "")]
    assert catalog.choose("profile", "delay", items) == "delay"
    with pytest.raises(LabError, match=hint) as caught:
        catalog.choose("profile", name, items)
    assert caught.value.status == 2


@pytest.fixture
def nslab_list(
    init: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Runs `nslab list` and returns what it prints."""
    path = init(json.dumps(LIST))
    monkeypatch.setattr(listing, "ensure_scenarios", lambda: path)

    def run(*options: str) -> str:
        assert main.main(["list", *options]) == 0
        return capsys.readouterr().out

    return run


def test_list(nslab_list: Callable[..., Any]) -> None:
    text = nslab_list()
    blocks = text.split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [
        "scenarios of widgets", "scenarios", "profiles", "strategies", "variants", "points", "kernels",
        "series", "sweeps",
    ]  # fmt: skip
    assert blocks[1].splitlines() == ["scenarios", "  c  c alone"]
    assert blocks[0].splitlines() == [
        "scenarios of widgets",
        "  a-vs-b  a against b",
        "          readers: utsns_get",
        "          points: exit_notify",
        "          carries on from one execution to the next",
    ]
    assert blocks[5].count("(series rcu)") == 3
    assert max(map(len, text.splitlines())) <= 80


def test_list_for_programs(nslab_list: Callable[..., Any]) -> None:
    data = json.loads(nslab_list("--json"))
    assert data["scenarios"] == LIST["scenarios"]
    assert set(data) == {
        "scenarios", "profiles", "strategies", "variants", "points", "kernels", "series",
        "sweeps",
    }  # fmt: skip


def test_a_list_of_many_readers_fits() -> None:
    reaches = ("exit_notify", *(f"a_reader_with_a_name_{n}_get" for n in range(9)))
    text = listing.section("scenarios", [Scenario("x" * 30, "about", reaches=reaches)])
    assert max(map(len, text.splitlines())) <= 80
    assert text.split().index("readers:") < text.split().index("points:")


@pytest.mark.parametrize("wanted, names", [(None, "ab"), ("", "ab"), ("all", "ab"), ("b, a,b", "ba")])
def test_several_are_chosen(wanted: Any, names: Any) -> None:
    assert catalog.choose_names("variant", wanted, [Item("a", ""), Item("b", "")]) == tuple(names)


@pytest.mark.parametrize("wanted", [",", " ", " ,, "])
def test_a_list_of_no_names_is_not_all(wanted: Any) -> None:
    with pytest.raises(LabError, match="names none") as caught:
        catalog.choose_names("variant", wanted, [Item("a", "")])
    assert caught.value.status == 2


def test_list_warns_of_what_reaches_names_wrongly(
    nslab_list: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    linux = tmp_path / "linux"
    linux.with_name("readers.json").write_text(
        json.dumps(
            {"format": 2, "accessors": readers._accessors(), "names": ["utsns_getter"], "places": {}}
        )
    )
    monkeypatch.setattr(listing, "last_built", lambda name: linux)
    assert listing._command(argparse.Namespace(json=False)) == 0
    err = capsys.readouterr().err
    assert "scenarios/widgets/a.c: REACHES names 'utsns_get', which is neither a reader" in err
    assert "is 'utsns_getter' meant?" in err and err.count("\n") == 1

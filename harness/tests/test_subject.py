# SPDX-License-Identifier: GPL-2.0
"""What subject.toml says: test_layers.py has it that the harness names no subject anywhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import name_of, scenario_files
from nslab_lab.build import catalog
from nslab_lab.host.errors import BAD_INPUT, LabError
from nslab_lab.plans import profile_schema, subject
from nslab_lab.plans.subject import Accessor, Benchmark, Row

TEXT = """
about = "files"
watch = ["filp"]
delays = ["delay_close"]
[caches]
filp = "file"
[waits]
close_before_gp = ["a grace period", "readers"]
[accessor]
function = "get_file"
struct = "file"
[benchmark]
scenario = "a"
hunts = { no-get = "b" }
[benchmark.rows]
"open" = { about = "open(), us", time = true, as = "open()" }
"reads" = { about = "read(), per s", time = false }
"""


def made(folder: Path, text: str, name: str = "files", number: int = 3) -> Path:
    """The subject.toml of a subject of that name below @folder."""
    path = folder / name / "subject.toml"
    path.parent.mkdir()
    path.write_text(text)
    path.with_name("subject.c").write_text(f"#include <x.h>\n\n#define NUMBER\t{number}\n")
    return path


def test_all_is_read(tmp_path: Path) -> None:
    one = subject.read(made(tmp_path, TEXT))
    assert (one.name, one.about, one.number) == ("files", "files", 3)
    assert (one.watch, one.delays, one.caches) == (("filp",), ("delay_close",), {"filp": "file"})
    assert one.waits == {"close_before_gp": ("a grace period", "readers")}
    assert one.accessor == Accessor("get_file", "file")
    assert one.benchmark == Benchmark(
        "a", {"no-get": "b"},
        (Row("open", "open(), us", True, "open()"), Row("reads", "read(), per s", False)),
    )  # fmt: skip


def test_most_may_be_left_out_and_lists_go_by_number(tmp_path: Path) -> None:
    made(tmp_path, TEXT)
    made(tmp_path, 'about = "x"\n', "zz", 2)
    (tmp_path / "no-subject").mkdir()
    assert [one.name for one in subject.all_subjects(tmp_path)] == ["zz", "files"]
    assert subject.all_subjects(tmp_path)[0].accessor is None


@pytest.mark.parametrize(
    ("text", "message"), [
        ("", ":1: about: is missing"),
        ('about = "x"\nwtach = []\n', ":2: wtach: no such key, there are: about"),
        ('about = "x"\n[accessor]\nfunction = "f"\n', ": accessor.struct: is missing"),
        (TEXT.replace("time = true", "time = 1"), "time: has to be true or false"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LabError) as caught:
        subject.read(made(tmp_path, text))
    assert caught.value.status == BAD_INPUT and message in caught.value.message


def test_a_subject_without_a_number(tmp_path: Path) -> None:
    path = made(tmp_path, TEXT)
    path.with_name("subject.c").write_text("int x;\n")
    with pytest.raises(LabError, match="files/subject.c: no line #define NUMBER"):
        subject.read(path)
    path.with_name("subject.c").unlink()
    with pytest.raises(LabError, match="files/subject.c: No such file or directory"):
        subject.read(path)


def test_each_subject_of_the_kernel_has_one() -> None:
    assert {one.name for one in subject.all_subjects()} == set(catalog.subjects())
    assert subject.all_subjects()[0].number == 1


def test_those_of_the_lab_are_of_this_lab() -> None:
    """Names in them are names of scenarios, variants and points."""
    scenarios = {name_of(path) for path in scenario_files()}
    variants = {item.name for item in catalog.variants()}
    benchmark = subject.benchmark()
    assert {benchmark.scenario, *benchmark.hunts.values()} <= scenarios
    assert set(benchmark.hunts) <= variants
    assert set(subject.waits()) <= {item.name for item in catalog.points()}
    assert set(subject.delays()) < set(profile_schema.KNOBS)
    assert subject.watch_of("nsproxy") != () == subject.watch_of("")

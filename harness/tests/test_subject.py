# SPDX-License-Identifier: GPL-2.0
"""What subject.toml says, and that the harness says nothing of a subject anywhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nslab_lab.build import catalog
from nslab_lab.host.errors import BAD_INPUT, LabError
from nslab_lab.host.paths import REPO, SCENARIOS
from nslab_lab.plans import profile_schema, profiles, subject
from nslab_lab.plans.subject import Accessor, Benchmark, Row

HARNESS = REPO / "harness"
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
    scenarios = {name_of(path) for path in sources()}
    variants = {item.name for item in catalog.variants()}
    benchmark = subject.benchmark()
    assert {benchmark.scenario, *benchmark.hunts.values()} <= scenarios
    assert set(benchmark.hunts) <= variants
    assert set(subject.waits()) <= {item.name for item in catalog.points()}
    assert set(subject.delays()) < set(profile_schema.KNOBS)
    assert profiles.DEFAULT_WATCH == subject.default_watch() != ()


# === Words ===


def sources() -> list[Path]:
    """The scenarios, by their files."""
    return [path for path in SCENARIOS.glob("*/*.c") if path.parent.name != "lib"]


def name_of(path: Path) -> str:
    return path.stem.replace("_", "-")


# Of namespaces, their kinds and the calls that change them.
WORDS = re.compile(
    r"nsproxy|namespace|unshare|setns|utsname|task_ns|(?:uts|ipc|mnt|net|pid|user|cgroup)_?ns(?:\b|_)|timens"
)
# Files that must name them, each with the reason.
MUST: dict[str, str] = {}


def words_in(text: str, names: set[str]) -> list[tuple[int, str]]:
    """Line and word, for each word of a subject and each of @names."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        found += [(number, match[0]) for match in WORDS.finditer(line)]
        found += [(number, name) for name in re.findall(r"[\w-]+", line) if name in names]
    return found


def own_names() -> set[str]:
    """What subjects call their points, variants and scenarios."""
    general = {"none", "rcu_read_lock", "rcu_read_unlock"}
    items = [*catalog.points(), *catalog.variants()]
    return {item.name for item in items} - general | {name_of(path) for path in sources()}


def test_no_word_of_a_subject_in_the_harness() -> None:
    names = own_names()
    found = {
        str(path.relative_to(HARNESS)): words
        for folder in ("nslab_lab", "gdb")
        for path in sorted((HARNESS / folder).rglob("*.py"))
        if path.parent.name != "subjects" and (words := words_in(path.read_text(), names))
    }
    assert {name: words for name, words in found.items() if name not in MUST} == {}
    assert set(MUST) <= set(found), "a file that need not be an exception any more"


@pytest.mark.parametrize(
    ("text", "word"), [
        ("task->nsproxy", "nsproxy"), ("mnt_ns", "mnt_ns"), ("struct uts_namespace", "namespace"),
        ("a netns of", "netns"), ("zombie-read", "zombie-read"), ("'no-grace-period'", "no-grace-period"),
    ],
)  # fmt: skip
def test_such_a_word_is_seen(text: str, word: str) -> None:
    assert words_in(f"insns = 1\nb {text} c\n", own_names()) == [(2, word)]

# SPDX-License-Identifier: GPL-2.0
"""How scenarios get into the guest program: those of scenarios/ and the user's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest

from nslab_lab.build import guest_program, own_scenarios, scenarios
from nslab_lab.build.own_scenarios import Own
from nslab_lab.host import paths
from nslab_lab.host.errors import LabError

SCENARIO = """\
// SPDX-License-Identifier: GPL-2.0
#include "lib/scenario.h"

SCENARIO("{name}", "a test");
{more}
STATE {{
	int unused;
}};

ACTOR(one, KEPT)
{{
	ASSERT_TRUE(!self->unused);
}}

ACTOR(two, KEPT)
{{
}}
"""


def text(name: str, more: str = "") -> str:
    """A scenario that compiles."""
    return SCENARIO.format(name=name, more=more)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with two scenarios of the lab, its program built."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(paths.SCENARIOS, tree / "scenarios", ignore=shutil.ignore_patterns("tests"))
    (tree / "faults").symlink_to(paths.REPO / "faults")
    for folder in (tree / "scenarios").iterdir():
        if folder.is_dir() and folder.name not in ("lib", "nsproxy"):
            shutil.rmtree(folder)
    for path in (tree / "scenarios" / "nsproxy").glob("*.c"):
        if path.name not in ("zombie_read.c", "mounts_vs_exit.c"):
            path.unlink()
    assert make(tree).returncode == 0
    return tree


@pytest.fixture
def tree(built: Path) -> Iterator[Path]:
    """The same for one test, which may change its scenarios."""
    before = {path.name: path.read_bytes() for path in (built / "scenarios" / "nsproxy").glob("*.c")}
    yield built
    for path in (built / "scenarios").glob("*/*.c"):
        if path.parent.name != "lib" and path.name not in before:
            path.unlink()
    for name, content in before.items():
        path = built / "scenarios" / "nsproxy" / name
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
    shutil.rmtree(built / "scenarios" / "widgets", ignore_errors=True)


def make(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-s", "-j2", "-C", tree / "scenarios", f"O={tree}/build/scenarios", *words],
        capture_output=True, text=True,
    )  # fmt: skip


def listed(tree: Path) -> dict[str, dict[str, object]]:
    done = subprocess.run(
        [tree / "build" / "scenarios" / "init", "--list"], capture_output=True, text=True, check=True
    )
    return {one["name"]: one for one in json.loads(done.stdout)["scenarios"]}


# === Those of the lab ===


def test_a_scenario_tells_its_subject_and_file(tree: Path) -> None:
    assert set(listed(tree)) == {"mounts-vs-exit", "zombie-read"}
    one = listed(tree)["zombie-read"]
    assert (one["subject"], one["file"]) == ("nsproxy", "nsproxy/zombie_read.c")


def test_a_folder_is_of_the_subject_of_its_name(tree: Path) -> None:
    for name in ("widgets", "ipc"):
        folder = tree / "scenarios" / name
        folder.mkdir(exist_ok=True)
        (folder / "a.c").write_text(text(f"{name}-race"))
    assert make(tree).returncode == 0
    assert listed(tree)["ipc-race"]["subject"] == "ipc"
    # The kernel has no such subject.
    assert listed(tree)["widgets-race"]["subject"] == ""
    for name in ("widgets", "ipc"):
        shutil.rmtree(tree / "scenarios" / name)
    assert make(tree).returncode == 0
    assert not {"widgets-race", "ipc-race"} & listed(tree).keys()


def test_a_scenario_comes_and_goes_with_its_file(tree: Path) -> None:
    """At once, with no other source touched."""
    path = tree / "scenarios" / "nsproxy" / "another.c"
    path.write_text(text("another"))
    assert make(tree).returncode == 0
    assert "another" in listed(tree)
    path.unlink()
    assert make(tree).returncode == 0
    assert "another" not in listed(tree)
    # And the program is linked when something has changed, and only then.
    init = tree / "build" / "scenarios" / "init"
    linked = init.stat().st_mtime_ns
    assert make(tree).returncode == 0
    assert init.stat().st_mtime_ns == linked


@pytest.mark.parametrize(
    "content, line",
    [
        (text("zombie-read"), r'SCENARIO\("zombie-read"\): nsproxy/zombie_read.c has that name already'),
        (text("a b"), r'SCENARIO\("a b"\): no name; up to 40 letters, digits, - and _, a letter first'),
        (text("a/b"), r'SCENARIO\("a/b"\): no name;'),
        (text("a+b"), r'SCENARIO\("a\+b"\): no name;'),
        (text("a,b"), r'SCENARIO\("a,b"\): no name;'),
        (text("1st"), r'SCENARIO\("1st"\): no name;'),
        (text(""), r'SCENARIO\(""\): no name;'),
        (text("all"), r'SCENARIO\("all"\): no name;'),
        (text("x" * 41), r'SCENARIO\("x{41}"\): no name;'),
        (text("alone").replace("ACTOR(two, KEPT)", "void two(void);\nvoid two(void)"),
         r'SCENARIO\("alone"\): a race takes two, and this has 1 ACTOR'),
        (text("early", "AFTER(nobody)\n{\n}\n"), r"there is no ACTOR\(nobody\), or it stands further down"),
    ],
)  # fmt: skip
def test_what_the_build_refuses(tree: Path, content: str, line: str) -> None:
    (tree / "scenarios" / "nsproxy" / "a_new_one.c").write_text(content)
    before = (tree / "build" / "scenarios" / "init").read_bytes()
    done = make(tree)
    assert done.returncode == 2
    files = r"nsproxy/(a_new_one|zombie_read)\.c"
    line = line.replace("nsproxy/zombie_read.c", files)
    said = [one for one in done.stderr.splitlines() if not one.startswith("make")]
    assert len(said) == 1 and re.match(rf"{files}: error: {line}", said[0]), done.stderr
    # Nobody runs what was refused; and it is still refused at the next try.
    assert (tree / "build" / "scenarios" / "init").read_bytes() == before
    assert make(tree).returncode == 2


# === The user's own ===


@pytest.fixture
def lab(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The harness works on that tree."""
    monkeypatch.setattr(paths, "SCENARIOS", tree / "scenarios")
    monkeypatch.setattr(paths, "BUILD", tree / "build")
    monkeypatch.setattr(paths, "SCENARIOS_BUILT", tree / "build" / "scenarios")
    return tree


@pytest.fixture
def mine(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of the user's own."""

    def write(name: str = "mine.c", content: str = text("mine"), folder: str = "my files") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        return path

    return write


def chosen(*wanted: object) -> list[str]:
    return [one.name for one in scenarios.choose([str(one) for one in wanted])[1]]


def refused(*wanted: object) -> str:
    with pytest.raises(LabError) as caught:
        scenarios.choose([str(one) for one in wanted])
    assert caught.value.status == 2
    return caught.value.message


def hash_of(path: Path) -> str:
    return own_scenarios.read(path).hash


def test_a_file_is_run_beside_the_others(lab: Path, mine: Callable[..., Path]) -> None:
    path = mine()
    before = (lab / "build" / "scenarios" / "init").read_bytes()
    guest, (one,) = scenarios.choose([str(path)])
    assert one.name == f"mine+{hash_of(path)}"
    assert (one.subject, one.file) == ("", "mine.c")
    assert guest.files() == {one.name: path}
    names = {scenario.name for scenario in guest.program.scenarios}
    assert names == {one.name, "mounts-vs-exit", "zombie-read"}
    assert (lab / "build" / "scenarios" / "init").read_bytes() == before
    # Once is enough.
    linked = guest.init.stat().st_mtime_ns
    assert scenarios.choose([str(path)])[0].init == guest.init
    assert guest.init.stat().st_mtime_ns == linked


def test_names_and_files_together(lab: Path, mine: Callable[..., Path]) -> None:
    own, other = mine(), mine("other.c", text("other"))
    names = [f"mine+{hash_of(own)}", f"other+{hash_of(other)}"]
    assert chosen(f"zombie-read,{own}", f"{other} , {own}") == ["zombie-read", *names]
    assert chosen(f"all,{own}") == ["mounts-vs-exit", "zombie-read", names[0]]


def test_relative_paths(
    lab: Path, mine: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mine().parent)
    assert chosen("mine.c") == chosen("./mine.c") == chosen("../my files/mine.c")
    assert chosen("mine.c zombie-read")[1] == "zombie-read"


def test_a_path_of_the_labs_own_is_the_labs_scenario(lab: Path) -> None:
    assert chosen(lab / "scenarios" / "nsproxy" / "zombie_read.c") == ["zombie-read"]


def test_a_copy_of_a_scenario_keeps_its_name(lab: Path, mine: Callable[..., Path]) -> None:
    copy = mine(content=text("zombie-read"))
    assert chosen(f"zombie-read,{copy}") == ["zombie-read", f"zombie-read+{hash_of(copy)}"]


def test_one_text_in_two_files_is_one_scenario(lab: Path, mine: Callable[..., Path]) -> None:
    one, other = mine(), mine("other.c")
    assert len(chosen(f"{one},{other}")) == 1


@pytest.mark.parametrize("folder", ["b l a n k", "$HOME", "it's", "#%;&()", "a:b", "back\\slash", "ä"])
def test_wherever_the_file_is_the_program_is_the_same(
    lab: Path, mine: Callable[..., Path], tmp_path: Path, folder: str
) -> None:
    """But for what debuggers read, and the id of all that."""

    def loaded(folder: str) -> bytes:
        path = mine(folder=folder, content=text("mine", USES))
        guest, _ = scenarios.choose([str(path)])
        stripped = tmp_path / "init"
        words = ["objcopy", "-S", "-R", ".note.gnu.build-id", str(guest.init), str(stripped)]
        subprocess.run(words, check=True)
        return stripped.read_bytes()

    assert b"mine.c" in loaded(folder) and loaded(folder) == loaded("plain")


USES = 'const char *where(void);\nconst char *where(void)\n{\n\treturn __FILE__;\n}\n'


def test_headers(lab: Path, mine: Callable[..., Path]) -> None:
    """Those of the lab, of a subject, and of the user."""
    includes = '#include "nsproxy/lib/namespaces.h"\n#include "my.h"\n#include "../common/c.h"\n'
    mine("my.h", '#include "deep.h"\n')
    mine("deep.h", "#define DEEP 1\n")
    mine("c.h", "#define COMMON 1\n", folder="common")
    path = mine(content=includes + text("mine", "int x[DEEP + COMMON];\nextern int x[2];"))
    names = chosen(path)
    assert set(own_scenarios.read(path).texts) == {"mine.c", "my.h", "deep.h", "../common/c.h"}
    # Each counts.
    mine("deep.h", "#define DEEP 1 /* one */\n")
    assert chosen(path) != names


def test_subjects(lab: Path, mine: Callable[..., Path]) -> None:
    path = mine(content=text("mine", 'SUBJECT("nsproxy");'))
    assert scenarios.choose([str(path)])[1][0].subject == "nsproxy"
    assert refused(mine(content=text("mine", 'SUBJECT("nsproxi");'))).endswith(
        """/mine.c: SUBJECT("nsproxi"): is 'nsproxy' meant?"""
    )


def test_one_that_does_not_compile(
    lab: Path, mine: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    # In a macro: the compiler tells by which way it came to that.
    path = mine(content=text("mine").replace("ASSERT_TRUE(!self->unused)", "REQUIRE(y)"))
    assert refused(f"zombie-read,{path}") == f"{paths.shown(path)} does not compile: see the lines above"
    err = capfd.readouterr().err
    assert err.startswith(f"In file included from {path}:2:\n{path}: In function 'actor_one':\n")
    assert f"{path}:12:17: error: 'y' undeclared" in err
    assert "make" not in err and "/own/" not in err
    # The lab's own are not disturbed, and the file is tried anew.
    assert chosen("zombie-read") == ["zombie-read"]
    assert "does not compile" in refused(path)


@pytest.mark.parametrize(
    "content, message",
    [
        (text("a b"), r'/mine.c: SCENARIO\("a b"\): no name; up to 40 letters'),
        ("/* nothing */\n", r'/mine.c: there is no SCENARIO\("name", "about"\) in it$'),
    ],
)
def test_one_that_is_wrong(lab: Path, mine: Callable[..., Path], content: str, message: str) -> None:
    assert re.search(message, refused(mine(content=content)))


def test_paths_that_name_no_scenario(lab: Path, tmp_path: Path, mine: Callable[..., Path]) -> None:
    assert refused("/no/such.c") == "scenario /no/such.c: No such file or directory"
    assert refused(f"{tmp_path}/").endswith(": Is a directory")
    assert "a path with a quote" in refused(mine('qu"ote.c'))
    assert refused("zombie-reed").startswith("no scenario 'zombie-reed': is 'zombie-read' meant?")
    for nothing in (",", " ", ", ,"):
        assert "names none" in refused(nothing)


# === Tokens ===


def token_refused(scenario: str, given: object) -> str:
    with pytest.raises(LabError) as caught:
        scenarios.of_token(scenario, str(given) if given else None)
    assert caught.value.status == 2
    return caught.value.message


def test_a_token_takes_its_file(lab: Path, mine: Callable[..., Path]) -> None:
    path = mine()
    (name,) = chosen(path)
    assert name in {one.name for one in scenarios.of_token(name, str(path)).program.scenarios}
    # Under whatever name.
    other = path.rename(path.with_name("renamed.c"))
    assert scenarios.of_token(name, str(other)).own[name].path == other
    copy = own_scenarios.text_of(name)
    assert copy and token_refused(name, None) == (
        "the token is of a scenario of your own, mine: give its file, "
        f"SCENARIO={paths.shown(copy)} is its text"
    )
    assert name in scenarios.of_token(name, str(copy)).own
    assert "give the path of its file" in token_refused(name, "zombie-read")


def test_a_changed_file_says_so(lab: Path, mine: Callable[..., Path]) -> None:
    path = mine(content='#include "my.h"\n#include "../common/c.h"\n' + text("mine"))
    mine("my.h", "")
    mine("c.h", "", folder="common")
    (name,) = chosen(path)
    digest = name.partition("+")[2]
    mine("my.h", "/* new */\n")
    message = token_refused(name, path)
    assert message.startswith(
        f"{paths.shown(path)} is not the text of the token (hash {hash_of(path)}, the token has {digest}), "
        "changed since then: my.h; SCENARIO="
    )
    copy = re.search(r"SCENARIO=(\S+) is the text as it was, or run the new one again$", message)
    assert copy and hash_of(paths.REPO / copy[1]) == digest
    mine(content=path.read_text() + "/* more */\n")
    mine("c.h", "/* new */\n", folder="common")
    assert "changed since then: ../common/c.h, mine.c, my.h; " in token_refused(name, path)
    # Where nothing is kept of it.
    shutil.rmtree(lab / "build" / "scenarios" / "own" / "texts" / digest)
    assert token_refused(name, path).endswith(
        "it or a file that it includes has changed; restore it, or run it again"
    )
    assert "SCENARIO=path/to/it.c" in token_refused(name, None)


def test_a_token_of_the_labs_own_takes_no_file(lab: Path, mine: Callable[..., Path]) -> None:
    assert scenarios.of_token("zombie-read", None).own == {}
    assert scenarios.of_token("zombie-read", "zombie-read").own == {}
    message = token_refused("zombie-read", mine())
    assert message == "the token is of scenario zombie-read: leave SCENARIO= out"


def test_copies_include_each_other(tmp_path: Path) -> None:
    texts = {"a.c": b'#include "../b.h"\n', "../b.h": b"", "sub/c.h": b"1", "/usr/x.h": b"2"}
    copy = Own(tmp_path / "a.c", "0123abcd", texts).copy_to(tmp_path / "copy")
    assert copy == tmp_path / "copy" / "folder" / "a.c"
    assert (copy.parent.parent / "b.h").exists() and (copy.parent / "sub" / "c.h").exists()
    assert sum(path.is_file() for path in (tmp_path / "copy").rglob("*")) == 3


def test_few_programs_are_kept(lab: Path, mine: Callable[..., Path]) -> None:
    for number in range(guest_program.KEPT + 2):
        scenarios.choose([str(mine(content=text(f"mine{number}")))])
    folders = [path for path in (lab / "build" / "scenarios" / "own").iterdir() if path.name != "texts"]
    assert len(folders) == guest_program.KEPT


def test_the_labs_error_is_told_with_its_file(lab: Path) -> None:
    (lab / "scenarios" / "nsproxy" / "new.c").write_text(text("a b"))
    assert refused().startswith('scenarios/nsproxy/new.c: SCENARIO("a b"): no name; up to 40 letters')


def test_gdb_and_replay_take_the_file() -> None:
    for command in ("replay", "gdb"):
        done = subprocess.run(
            [sys.executable, paths.REPO / "harness" / "nslab", command, "--help"],
            capture_output=True, text=True, check=True, env=os.environ,
        )  # fmt: skip
        assert "--scenario" in done.stdout


# === What scenarios/README.md says ===


def test_the_example_is_one(lab: Path, mine: Callable[..., Path]) -> None:
    readme = (paths.REPO / "scenarios" / "README.md").read_text()
    (example,) = re.findall(r"^```c\n(.*?SCENARIO\(.*?)^```$", readme, re.M | re.S)
    (_, (one,)) = scenarios.choose([str(mine(content=example))])
    assert one.name.startswith("uts-vs-unshare+") and one.subject == "nsproxy"
    assert one.reaches == ("utsns_get", "unshare_commit")


def test_every_macro_is_explained() -> None:
    readme = (paths.REPO / "scenarios" / "README.md").read_text()
    header = (paths.REPO / "scenarios" / "lib" / "scenario.h").read_text()
    above, _, below = header.partition("/* === What scenarios call === */")
    macros = set(re.findall(r"^#define ([A-Z_]+[A-Z])(?:\(| *\t)", above, re.M))
    macros -= {name for name in macros if name.startswith(("NSLAB_", "SCENARIO_"))}
    macros -= {"SCENARIOS_LIB_SCENARIO_H"}
    assert len(macros) >= 18
    lives = set(re.findall(r"^\t(\w+),$", above.partition("enum actor_life {")[2], re.M)) & {
        "KEPT", "FRESH", "FRESH_REAPED", "CHILD",
    }  # fmt: skip
    called = set(re.findall(r"(\w+)\(", below.partition("/* === Below")[0]))
    assert len(lives) == 4 and len(called) == 4
    tables = "\n".join(line for line in readme.splitlines() if line.startswith("|"))
    assert {name for name in macros | lives | called if not re.search(rf"`{name}\b", tables)} == set()

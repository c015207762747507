# SPDX-License-Identifier: GPL-2.0
"""What people read: links, anchors, targets, lengths, and that nothing is said twice."""

from __future__ import annotations

import dataclasses
import itertools
import re
import subprocess
from pathlib import Path
from typing import Iterator, Sequence

import pytest

from nslab_lab.bench import command
from nslab_lab.build import catalog
from nslab_lab.build.kernel import Kernel
from nslab_lab.guest import verdict
from nslab_lab.host.paths import REPO
from nslab_lab.matrix import cells
from nslab_lab.plans import plan, profile_schema, profiles

MAX_FRONT_LINES, MAX_COLUMNS = 150, 100
SHINGLE = 14  # words; two pages that share so many in a row say something twice
# Cannot hold a comment, or are made by others.
WITHOUT_SPDX = {"COPYING", ".mailmap"}


def tracked() -> list[Path]:
    """The files of the repository, new ones too."""
    done = subprocess.run(
        ["git", "-C", REPO, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = (REPO / name for name in sorted(set(done.stdout.split("\0"))) if name)
    return [path for path in paths if path.is_file()]


FILES = tracked()
PAGES = [path for path in FILES if path.suffix == ".md"]
NAMES = [str(path.relative_to(REPO)) for path in PAGES]


def prose(text: str) -> str:
    """A page without its code and comments, but with as many lines."""

    def blank(found: re.Match[str]) -> str:
        return "\n" * found[0].count("\n")

    text = re.sub(r"^```.*?^```$", blank, text, flags=re.M | re.S)
    text = re.sub(r"<!--.*?-->", blank, text, flags=re.S)
    return re.sub(r"^(?:    |\t)(?! *[-*] ).*$", "", text, flags=re.M)


# === Links ===


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    text = re.sub(r"\[([^]]*)\](?:\([^)]*\)|\[[^]]*\])", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """The anchors of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", prose(text), re.M):
        plain = name = slug(heading)
        for number in itertools.count(1):
            if name not in found:
                break
            name = f"{plain}-{number}"
        found.add(name)
    return found


def links(text: str) -> Iterator[tuple[int, str]]:
    """Line and target of each link. A reference without a definition has the target "[name]"."""
    text = re.sub(r"`[^`\n]+`", lambda found: re.sub(r"[\[\]()]", " ", found[0]), prose(text))
    defined = {
        " ".join(name.lower().split()): target
        for name, target in re.findall(r"^\[([^]]+)\]: +(\S+)$", text, re.M)
    }
    text = re.sub(r"^\[[^]]+\]: +\S+$", "", text, flags=re.M)
    pattern = r"\[([^][]+)\](?:\(([^)\s]+)\)|\[([^]]*)\])?"
    for found in re.finditer(pattern, text):
        line = text[: found.start()].count("\n") + 1
        name, target, reference = found.groups()
        key = " ".join((reference or name).lower().split())
        yield line, target or defined.get(key, f"[{key}]")


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    problems = []
    for line, target in links(page.read_text()):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        at = (page.parent / path).resolve() if path else page
        if target.startswith("[") or not at.exists():
            problems.append(f"{page.name}:{line}: {target} does not exist")
        elif anchor and (at.suffix != ".md" or anchor not in anchors(at.read_text())):
            problems.append(f"{page.name}:{line}: {target}: no such heading")
    return problems


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_broken_links_are_seen(tmp_path: Path) -> None:
    """Each kind of them; and what is no link is none."""
    (tmp_path / "b.md").write_text("# The `b` of it\n## The b of it\n    # no heading\n")
    page = tmp_path / "a.md"
    page.write_text(
        "# A\n[b](b.md#the-b-of-it) [b](b.md#the-b-of-it-1) [own](#a) [two\nlines][t] `[x](no)`\n"
        "    [in code](no)\n[c](c.md) [b](b.md#no-heading)\n[r] [s][unknown]\n\n[r]: d.md\n[T]: b.md\n"
    )
    assert broken(page) == [
        "a.md:5: c.md does not exist",
        "a.md:5: b.md#no-heading: no such heading",
        "a.md:6: d.md does not exist",
        "a.md:6: [unknown] does not exist",
    ]


def test_every_definition_is_used() -> None:
    for page in PAGES:
        text = page.read_text()
        defined = re.findall(r"^\[([^]]+)\]: ", text, re.M)
        assert [name for name in defined if text.count(f"[{name}]") < 2] == [], page


# === The front page ===


def test_the_front_page_is_short() -> None:
    lines = (REPO / "README.md").read_text().splitlines()
    assert len(lines) <= MAX_FRONT_LINES
    # A token is one word, to be copied.
    assert [line for line in lines if len(line) > MAX_COLUMNS and "TOKEN=" not in line] == []


@pytest.mark.parametrize("folder", ["faults", "harness", "patches", "scenarios", "uml"])
def test_each_folder_has_its_page(folder: str) -> None:
    page = f"{folder}/README.md"
    assert (REPO / page).is_file()
    assert page in {target for _, target in links((REPO / "README.md").read_text())}


def finding(text: str) -> list[str]:
    """A finding as printed, without what differs between compilers and runs."""
    text = re.sub(r"\b6\.12-[0-9a-f]{8}\b", "6.12-ID", text)
    text = re.sub(r"build/runs/\d{4}", "build/runs/NNNN", text)
    text = re.sub(r"\+0x[0-9a-f]+/0x[0-9a-f]+", "+OFFSET", text)
    text = re.sub(r" +… \d+ steps", " … N steps", text)
    text = re.sub(r"(replay-z0bb)\d+(a)", r"\1N\2", text)
    found = re.search(r"^FINDING .*?^make replay TOKEN=\S+$", text, re.M | re.S)
    assert found, text
    return found[0].splitlines()


def test_the_finding_is_what_the_command_prints(kernel: Kernel) -> None:
    page = (REPO / "README.md").read_text()
    (command,) = re.findall(r"^    \$ make (run .*)$", page, re.M)
    done = subprocess.run(
        ["make", "-C", REPO, *command.split()], capture_output=True, text=True, check=False
    )  # fmt: skip
    shown = re.sub(r"^    ", "", page, flags=re.M)
    assert finding(shown) == finding(done.stdout), f"README.md has to show this:\n{done.stdout}"


def test_the_summary_has_all_scenarios(scenarios_init: Path) -> None:
    count = len(catalog.from_init(scenarios_init).scenarios)
    summary = f"{plan.DEFAULT_EXECUTIONS * count:,} executions of {count} scenarios, 0 findings"
    assert summary in (REPO / "README.md").read_text()


def test_all_examples_are_of_one_kernel() -> None:
    """So that nobody wonders about a difference; each section of the results names its own."""
    text = "".join(page.read_text() for page in PAGES if page.name != "RESULTS.md")
    assert len(set(re.findall(r"\b6\.12-[0-9a-f]{8}\b", text))) == 1


# === Targets and variables ===


def makefile() -> str:
    return (REPO / "Makefile").read_text()


def targets() -> set[str]:
    """What can be made."""
    text = makefile().replace("\\\n", " ")
    return set(re.findall(r"^\.PHONY: (.*)$", text, re.M)[0].split())


def named(text: str) -> set[str]:
    """The targets that a page names: "make run VARIANT=..."."""
    code = re.findall(r"`make ([a-z][a-z-]*)", text) + re.findall(r"^    (?:\$ )?make ([a-z][a-z-]*)", text, re.M)
    return set(code)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_target_that_is_named_exists(page: Path) -> None:
    assert named(page.read_text()) <= targets()


def test_every_target_is_named() -> None:
    table = (REPO / "README.md").read_text().partition("## What you can do")[2]
    words = set(re.findall(r"`(?:make )?([a-z][a-z-]*)[^`]*`", table))
    words |= {f"nightly{ending}" for ending in re.findall(r"`(-[a-z]+)`", table)}
    assert targets() - words == set()


def test_every_variable_is_named() -> None:
    """By some page, so that it can be looked up."""
    exported = re.findall(r"^export (.*)$", makefile().replace("\\\n", " "), re.M)[0].split()
    text = "".join(page.read_text() for page in PAGES)
    assert [name for name in exported if not re.search(rf"\b{name}=", text)] == []


# === What can be chosen ===


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("faults/README.md", profiles.names()),
        ("faults/README.md", [*verdict.ORACLES, "kmemleak", "bug", "warn", "no-answer", "crash"]),
        ("faults/README.md", [name for name in profile_schema.SCHEMA["properties"] if name != "faults"]),
        ("faults/README.md", [key for knobs in profile_schema.KNOBS.values() for key in knobs]),
        ("harness/README.md", [way.strategy for way in cells.WAYS]),
        ("harness/README.md", [way.name for way in cells.WAYS]),
        ("harness/README.md", command.PARTS),
    ],
    ids=["profiles", "oracles", "keys", "knobs", "strategies", "ways", "parts"],
)
def test_each_of_them_is_described(page: str, names: Sequence[str]) -> None:
    text = (REPO / page).read_text()
    assert [name for name in names if not re.search(rf"`(\[faults\.)?{re.escape(name)}\]?`", text)] == []


def test_the_profile_of_the_page_can_be_read(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```$", (REPO / "faults/README.md").read_text(), re.M | re.S)
    (tmp_path / "mine.toml").write_text(block)
    read = profiles.read(tmp_path / "mine.toml")
    # What it says of the defaults is true.
    assert (read.named_points, profiles.KMEMLEAK in read.knobs) == (True, False)
    assert read.watch == read.watch_of("nsproxy") == dataclasses.replace(read, watch=None).watch_of("nsproxy")


# === Once ===


def shingles(text: str) -> dict[tuple[str, ...], int]:
    """Runs of words of the prose, tables and headings aside, with their lines."""
    words: list[tuple[str, int]] = []
    for number, line in enumerate(prose(text).splitlines(), 1):
        if not line.lstrip().startswith(("|", "#", "[")):
            words += [(word, number) for word in re.findall(r"\w+", line.lower())]
    runs = (words[at : at + SHINGLE] for at in range(len(words) - SHINGLE + 1))
    return {tuple(word for word, _ in run): run[0][1] for run in runs}


def test_nothing_is_said_twice() -> None:
    seen = {page: shingles(page.read_text()) for page in PAGES}
    twice = [
        f"{one.relative_to(REPO)}:{seen[one][run]}, {other.relative_to(REPO)}:{seen[other][run]}: {' '.join(run)}"
        for one, other in itertools.combinations(PAGES, 2)
        for run in seen[one].keys() & seen[other].keys()
    ]
    assert twice == []


# === Licences ===


def test_every_file_names_its_licence() -> None:
    """In its first lines, or, of a patch, wherever it makes a file."""
    without = []
    for path in FILES:
        if path.name in WITHOUT_SPDX or path.suffix == ".patch" or path.name.endswith("cover-letter.txt"):
            continue
        head = path.read_bytes()[:400].decode(errors="replace")
        if head and "SPDX-License-Identifier: GPL-2.0" not in head:
            without.append(str(path.relative_to(REPO)))
    assert without == []

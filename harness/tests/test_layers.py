# SPDX-License-Identifier: GPL-2.0
"""The layers of faults/kernel, and that the mechanism names no subject."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Iterable

import pytest

from nslab_lab.build import catalog
from nslab_lab.host.paths import FAULTS_KERNEL, REPO

LAB_OBJECTS = Path("kernel") / "nslab"

# === Layers ===


def layers(makefile: Path = FAULTS_KERNEL / "Makefile") -> list[str]:
    """The layers, lowest first: the one list of them is in the Makefile."""
    (line,) = re.findall(r"^layers := (.+)$", makefile.read_text(), re.M)
    return str(line).split()


def objects(folder: Path, sources: Path) -> dict[str, Path]:
    """The object files below @folder that were made of a file below @sources, by its name there."""
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.o"))}
    return {name: path for name, path in found.items() if (sources / name).with_suffix(".c").exists()}


def symbols(path: Path, *options: str) -> set[str]:
    """The symbols that nm prints of @path."""
    command = ["nm", "--format=posix", *options, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line.split()[0] for line in done.stdout.splitlines() if line}


def layer_of(name: str) -> str:
    """ "core/strategies/pct.o" is of core, "control.o" of control."""
    return name.partition("/")[0].removesuffix(".o")


def upward(files: dict[str, Path], order: list[str]) -> list[str]:
    """What object files need of a layer above their own."""
    defined = {
        symbol: name
        for name, path in files.items()
        for symbol in symbols(path, "--defined-only", "--extern-only")
    }
    return [
        f"{name} needs {symbol} of {defined[symbol]}"
        for name, path in files.items()
        for symbol in sorted(symbols(path, "--undefined-only") & defined.keys())
        if order.index(layer_of(name)) < order.index(layer_of(defined[symbol]))
    ]


def test_a_layer_needs_no_higher_one(kernel_out: Path) -> None:
    files = objects(kernel_out / LAB_OBJECTS, FAULTS_KERNEL)
    sources = {str(path.relative_to(FAULTS_KERNEL)) for path in FAULTS_KERNEL.rglob("*.c")}
    assert {str(Path(name).with_suffix(".c")) for name in files} == sources
    assert {layer_of(name) for name in files} == set(layers())
    assert upward(files, layers()) == []


def test_a_call_upwards_is_seen(tmp_path: Path) -> None:
    files = {}
    for name, text in {
        "low/a.o": "int a(void) { return 1; }",
        "low/b.o": "int a(void), c(void); int b(void) { return a() + c(); }",
        "high/c.o": "int a(void), puts(const char *); int c(void) { return a() + puts(\"\"); }",
    }.items():  # fmt: skip
        files[name] = tmp_path / name
        files[name].parent.mkdir(exist_ok=True)
        command = ["gcc", "-x", "c", "-c", "-o", str(files[name]), "-"]
        subprocess.run(command, input=text, text=True, check=True)
    assert upward(files, ["low", "high"]) == ["low/b.o needs c of high/c.o"]


# === Words ===

# What only the folders of subject nsproxy may know.
NSPROXY = re.compile(
    r"nsproxy|namespaces?(?![a-z])|\b(?:uts|ipc|mnt|cgroup)\b|(?:user|pid|uts|ipc|net|mnt|cgroup)_?ns(?![a-z])"
    r"|unshare|setns|CLONE_NEW",
    re.IGNORECASE,
)

# Where one of the words has to stand nevertheless: file, a part of the line, and why.
MUST: tuple[tuple[str, str, str], ...] = (
    (
        "scenarios/lib/guest/guest.c", "unprivileged_userns_clone",
        "a knob of Debian's kernels; init sets those of all subjects before the first scenario",
    ),
)  # fmt: skip


def strays(files: Iterable[Path], root: Path = REPO) -> list[str]:
    """The lines that name the subject, but for those that must."""
    return [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if NSPROXY.search(line)
        and not any(path == root / file and part in line for file, part, _ in MUST)
    ]


def mechanism() -> list[Path]:
    """The files that know no subject: all of faults/kernel but for subjects/, and scenarios/lib."""
    places = (FAULTS_KERNEL, REPO / "scenarios" / "lib")
    files = (path for place in places for path in place.rglob("*") if path.is_file())
    return sorted(path for path in files if (FAULTS_KERNEL / "subjects") not in path.parents)


def test_the_mechanism_names_no_subject() -> None:
    assert len(mechanism()) > 60
    assert strays(mechanism()) == []


@pytest.mark.parametrize("file, part, reason", MUST)
def test_what_must_be_named_is_there(file: str, part: str, reason: str) -> None:
    assert part in (REPO / file).read_text() and reason


@pytest.mark.parametrize(
    "line, strays_",
    [
        ("struct nsproxy *ns;", True), ("a task's namespaces", True), ("utsns_get()", True),
        ("unshare(2)", True), ("read_id(UTS)", True), ("&init_pid_ns", True), ("now_ns()", False),
        ("u64 delay_ns; /* guest time */", False), ("nslab_point(X)", False), ("description", False),
    ],
)  # fmt: skip
def test_words(tmp_path: Path, line: str, strays_: bool) -> None:
    (tmp_path / "memory.c").write_text(f"a line\n{line}\n")
    assert strays([tmp_path / "memory.c"], tmp_path) == ([f"memory.c:2: {line}"] if strays_ else [])


# === Subjects ===


def test_subjects_have_numbers_of_their_own() -> None:
    """Those of their points in traces derive from them, so one never changes."""
    numbers = {}
    for subject in catalog.subjects():
        text = (catalog.SUBJECTS / subject / "subject.c").read_text()
        (number,) = re.findall(r"^#define NUMBER\s+(\d+)$", text, re.M)
        numbers[subject] = int(number)
    assert numbers["nsproxy"] == 1
    assert len(set(numbers.values())) == len(numbers)

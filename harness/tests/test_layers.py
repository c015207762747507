# SPDX-License-Identifier: GPL-2.0
"""The layers of faults/kernel, scenarios/lib and the harness; the mechanism names no subject."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import Iterable, Iterator

import pytest

from lab import name_of, scenario_files
from nslab_lab.build import catalog
from nslab_lab.host.paths import FAULTS_KERNEL, REPO, SCENARIOS
from nslab_lab.plans import subject
from nslab_lab.plans.plan import NO_VARIANT

LAB_OBJECTS = Path("kernel") / "nslab"
HARNESS = REPO / "harness"

# === Layers in C ===


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
    return name.partition("/")[0].partition(".")[0]


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


# Of scenarios/lib, lowest first.
GUEST_LAYERS = ["scenario", "search", "protocol", "run", "guest"]


def test_a_layer_of_the_guest_program_needs_no_higher_one(scenarios_init: Path) -> None:
    files = objects(scenarios_init.parent / "lib", SCENARIOS / "lib")
    files = {name: path for name, path in files.items() if layer_of(name) != "tests"}
    sources = {str(path.relative_to(SCENARIOS / "lib")) for path in (SCENARIOS / "lib").rglob("*.c")}
    assert {str(Path(name).with_suffix(".c")) for name in files} == {
        name for name in sources if layer_of(name) != "tests"
    }
    assert {layer_of(name) for name in files} == set(GUEST_LAYERS)
    assert upward(files, GUEST_LAYERS) == []


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


# === Layers in Python ===

# Lowest first; packages in one row do not import each other.
LAYERS = [
    ["host"], ["plans"], ["guest"], ["build"], ["debuginfo"], ["cli", "search"], ["findings"],
    ["report"], ["matrix"], ["sweeps"], ["commands", "bench", "history"],
]  # fmt: skip
LEVEL = {name: level for level, row in enumerate(LAYERS) for name in row}


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the name of each package of nslab_lab that a file imports.

    What is imported for type checking alone counts as well: it is known there.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module == "nslab_lab"
                else [node.module]
            )
        for name in names:
            if name.startswith("nslab_lab."):
                yield node.lineno, name.split(".")[1]


def violations(folder: Path, package: str) -> list[str]:
    """Imports of a package's files that go up, or to a neighbour."""
    return [
        f"{path.relative_to(folder)}:{line} imports {target}"
        for path in sorted((folder / package).rglob("*.py"))
        for line, target in imported(path)
        if target != package and LEVEL[target] >= LEVEL[package]
    ]


def test_each_package_has_its_layer() -> None:
    folders = {path.parent.name for path in (HARNESS / "nslab_lab").glob("*/__init__.py")}
    assert folders == set(LEVEL)
    assert [path.name for path in (HARNESS / "nslab_lab").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("package", LEVEL)
def test_a_package_imports_only_what_is_below(package: str) -> None:
    assert violations(HARNESS / "nslab_lab", package) == []


@pytest.mark.parametrize(
    "text", [
        "from nslab_lab.guest import boots", "from nslab_lab import sweeps",
        "import nslab_lab.guest.boots", "def f():\n    from nslab_lab.guest.boots import Machine",
    ],
)  # fmt: skip
def test_an_import_upwards_is_seen(tmp_path: Path, text: str) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "plan.py").write_text(f"from nslab_lab.host import paths\n{text}\n")
    assert len(violations(tmp_path, "plans")) == 1


# === Words ===

# Of namespaces, their kinds and the calls that change them.
WORDS = re.compile(
    r"nsproxy|(?<!argparse\.)namespaces?(?![a-z])|utsname|task_ns|\b(?:uts|ipc|mnt|cgroup)\b|timens"
    r"|(?:user|pid|uts|ipc|net|mnt|cgroup)_?ns(?![a-z])|unshare|setns|CLONE_NEW",
    re.IGNORECASE,
)

# Where one of the words has to stand nevertheless: file, a part of the line, and why.
MUST: tuple[tuple[str, str, str], ...] = (
    (
        "scenarios/lib/guest/guest.c", "unprivileged_userns_clone",
        "a knob of Debian's kernels; init sets those of all subjects before the first scenario",
    ),
)  # fmt: skip


def own_names() -> set[str]:
    """What subjects call their points, variants and scenarios."""
    points = {point.name for point in catalog.points() if point.subject}
    variants = {item.name for item in catalog.variants()} - {NO_VARIANT}
    return points | variants | {name_of(path) for path in scenario_files()}


def strays(files: Iterable[Path], root: Path = REPO) -> list[str]:
    """The lines that name a subject or what is its own, but for those that must."""
    names = own_names()
    return [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (WORDS.search(line) or not names.isdisjoint(re.findall(r"[\w-]+", line)))
        and not any(path == root / file and part in line for file, part, _ in MUST)
    ]


def mechanism() -> list[Path]:
    """The files that know no subject. Pages may have examples of one."""
    places = (FAULTS_KERNEL, SCENARIOS / "lib", HARNESS / "nslab_lab", HARNESS / "gdb")
    files = (path for place in places for path in place.rglob("*") if path.is_file())
    return sorted(
        path for path in (*files, SCENARIOS / "Makefile", HARNESS / "nslab")
        if not {"subjects", "__pycache__", "README.md"} & set(path.parts)
    )  # fmt: skip


def test_the_mechanism_names_no_subject() -> None:
    files = mechanism()
    assert {HARNESS / "nslab_lab/plans/subject.py", HARNESS / "gdb/nslab_gdb/show.py"} <= set(files)
    assert {FAULTS_KERNEL / "memory/watch.c", SCENARIOS / "lib/run/leak.c"} <= set(files)
    assert strays(files) == []


@pytest.mark.parametrize("file, part, reason", MUST)
def test_what_must_be_named_is_there(file: str, part: str, reason: str) -> None:
    assert any(part in line and WORDS.search(line) for line in (REPO / file).read_text().splitlines())
    assert reason


@pytest.mark.parametrize(
    "line, strays_",
    [
        ("struct nsproxy *ns;", True), ("a task's namespaces", True), ("utsns_get()", True),
        ("unshare(2)", True), ("read_id(UTS)", True), ("&init_pid_ns", True), ("a netns of", True),
        ("'zombie-read'", True), ("no-grace-period", True), ("ipc_last_put", True),
        ("now_ns()", False), ("insns = 1", False), ("args: argparse.Namespace", False),
        ("u64 delay_ns; /* guest time */", False), ("nslab_point(X)", False), ("description", False),
    ],
)  # fmt: skip
def test_words(tmp_path: Path, line: str, strays_: bool) -> None:
    (tmp_path / "memory.c").write_text(f"a line\n{line}\n")
    assert strays([tmp_path / "memory.c"], tmp_path) == ([f"memory.c:2: {line}"] if strays_ else [])


# === Subjects ===


def test_subjects_have_numbers_of_their_own() -> None:
    """Those of their points in traces derive from them, so one never changes."""
    numbers = {one.name: one.number for one in subject.all_subjects()}
    assert (numbers["nsproxy"], numbers["ipc"]) == (1, 2)
    assert len(set(numbers.values())) == len(numbers)

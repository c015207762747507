# SPDX-License-Identifier: GPL-2.0
"""The harness's layers: a package imports only packages below it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator

import pytest

HARNESS = Path(__file__).resolve().parents[1]

# Lowest first; packages in one row do not import each other.
LAYERS = [
    ["host"], ["plans"], ["guest"], ["build"], ["debuginfo"], ["cli", "search"], ["findings"],
    ["report"], ["matrix"], ["sweeps"], ["commands", "bench"],
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

# SPDX-License-Identifier: GPL-2.0
"""The unit tests in C: the explorer and its parsers on the host, and KUnit in a guest."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab import FOREVER_S
from nslab_lab.build.kernel import Kernel
from nslab_lab.host.paths import FAULTS_KERNEL, SCENARIOS

CMOCKA = sorted(path.stem for path in SCENARIOS.glob("lib/tests/*_test.c"))


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the host's test programs."""
    out = tmp_path_factory.mktemp("host")
    subprocess.run(
        ["make", "-s", "-j2", "-C", SCENARIOS, f"O={out}", "check-binaries"],
        check=True, timeout=FOREVER_S,
    )  # fmt: skip
    return out / "lib" / "tests"


@pytest.mark.parametrize("name", CMOCKA)
def test_cmocka(binaries: Path, name: str) -> None:
    done = subprocess.run(
        [binaries / name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=FOREVER_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    # Each test is a function of this form, so none can be left out of its group.
    source = (SCENARIOS / "lib" / "tests" / f"{name}.c").read_text()
    cases = len(re.findall(r"^static void \w+\(void \*\*\w+\)$", source, re.M))
    passed = re.findall(r"^\[  PASSED  \] (\d+) test", done.stdout, re.M)
    assert cases and list(map(int, passed)) == [cases], done.stdout


def test_each_file_of_cmocka_tests_is_built(binaries: Path) -> None:
    built = {path.name for path in binaries.iterdir() if path.is_file() and not path.suffix}
    assert CMOCKA and built == set(CMOCKA)


def test_kunit(kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites of kernel/nslab, read by the kernel's own parser: all cases that the source has."""
    monkeypatch.syspath_prepend(str(kernel.src / "tools" / "testing" / "kunit"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import kunit_parser  # type: ignore[import-not-found]

    done = subprocess.run(
        ["setarch", "-R", kernel.linux, "mem=256M", "con=null", "umid=kunit", "uml_dir=.",
         "panic=-1", "kunit.enable=1", "kunit.filter_glob=nslab-*", "kunit_shutdown=poweroff",
         *kernel.cmdline],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FOREVER_S,
    )  # fmt: skip
    parsed = kunit_parser.parse_run_tests(done.stderr.splitlines())
    counts = parsed.counts
    cases = sum(path.read_text().count("KUNIT_CASE(") for path in FAULTS_KERNEL.rglob("*_test.c"))
    assert cases and counts.passed == counts.total() == cases, done.stderr
    assert counts.errors == 0, done.stderr

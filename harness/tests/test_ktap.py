# SPDX-License-Identifier: GPL-2.0
"""KTAP, read back by the kernel's own parser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nslab_lab.report import ktap
from nslab_lab.report.ktap import Result

RESULTS = [
    Result("ns-readlink-vs-unshare", True, notes=["executions: 2000"]),
    Result("mounts-vs-exit", False, notes=["execution 7: KASAN: x in f+0x1/0x2 (a.c:3)\nnot ok"]),
    Result("zombie-read", True, skipped="interrupted"),
]


def test_document() -> None:
    assert ktap.document(RESULTS) == (
        "KTAP version 1\n"
        "1..3\n"
        "# executions: 2000\n"
        "ok 1 ns-readlink-vs-unshare\n"
        "# execution 7: KASAN: x in f+0x1/0x2 (a.c:3) not ok\n"
        "not ok 2 mounts-vs-exit\n"
        "ok 3 zombie-read # SKIP interrupted\n"
    )


PARSE = """
import sys
import kunit_parser
lines = sys.stdin.read().splitlines()
test = kunit_parser.parse_run_tests(lines)
counts = test.counts
print("RESULT", counts.passed, counts.failed, counts.crashed, counts.skipped, counts.errors)
print("NAMES", *(one.name for one in test.subtests))
"""


@pytest.mark.parametrize(
    "results, counts", [(RESULTS, "1 1 0 1 0"), (RESULTS[:1], "1 0 0 0 0")]
)
def test_the_kernels_own_parser_reads_it(pristine_src: Path, results: Any, counts: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-c", PARSE],
        input=ktap.document(results), capture_output=True, text=True,
        env={"PYTHONPATH": str(pristine_src / "tools" / "testing" / "kunit")},
    )  # fmt: skip
    assert f"RESULT {counts}\n" in done.stdout, done.stderr
    assert f"NAMES {' '.join(result.name for result in results)}\n" in done.stdout

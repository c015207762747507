# SPDX-License-Identifier: GPL-2.0
"""What the tests share, and the closing line `N passed, N failed`.

A test that was skipped has shown nothing, so it counts as failed, unless its
reason begins with `allowed: `.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Generator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nslab_lab.build import fetch, kernels  # noqa: E402  (the path has to be set first)
from nslab_lab.build.guest_program import ensure_scenarios  # noqa: E402
from nslab_lab.build.kernel import Kernel  # noqa: E402
from nslab_lab.build.kernel_build import ensure_kernel  # noqa: E402

ALLOWED = "allowed: "

# A shell has its background jobs ignore SIGINT, and they would hand that on to
# the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What the make that runs the tests was told is none of the makes that they run.
for name in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    """The default kernel, built."""
    return ensure_kernel()


@pytest.fixture(scope="session")
def kernel_src(kernel: Kernel) -> Path:
    """Its patched source tree."""
    return kernel.src


@pytest.fixture(scope="session")
def kernel_out(kernel: Kernel) -> Path:
    """Its objects."""
    return kernel.out


@pytest.fixture(scope="session")
def pristine_src() -> Path:
    """The source as fetched. Nobody may write there."""
    entry = kernels.load().entry()
    return fetch.ensure_source(entry.package, entry.suite).tree


@pytest.fixture(scope="session")
def scenarios_init() -> Path:
    """The guest program, built."""
    return ensure_scenarios()


@pytest.fixture(scope="session")
def mount_namespace() -> list[str]:
    """What runs a command that can mount what only it sees; some containers let nobody do that."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *user, "--mount"]
    mounts = [*command, "mount", "-t", "tmpfs", "none", "/mnt"]
    if subprocess.run(mounts, capture_output=True, check=False).returncode:
        pytest.skip(f"{ALLOWED}nobody may mount anything here")
    return command


# === Which tests need what ===

# A test has the marker (see setup.cfg) when it uses one of the fixtures.
MARKERS = {
    "kernel": {"kernel", "task_lock", "pristine_src", "scenarios_init"},
    "browser": {"browser"},
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it uses, before `-m` chooses; the linters, which take long, go first."""
    items.sort(key=lambda item: item.path.stem != "test_lint")
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if "_e2e" in item.path.stem:
            used.add("kernel")
        for marker, fixtures in MARKERS.items():
            if used & fixtures:
                item.add_marker(marker)


# === Skipping, and the closing line ===


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    """A skipped test has failed."""
    _no_skipping((yield).get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, None]:
    """So has a skipped file."""
    _no_skipping((yield).get_result())


def _no_skipping(report: Any) -> None:
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(ALLOWED):
            report.outcome = "failed"
            report.longrepr = f"skipped, and nothing allows that: {reason}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """The very last line."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly or not hasattr(reporter, "stats"):
        return
    counts = {name: len(reports) for name, reports in reporter.stats.items()}
    failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("xpassed", 0)
    skipped = counts.get("skipped", 0) + counts.get("xfailed", 0)
    line = f"{counts.get('passed', 0)} passed, {failed} failed"
    print(line + (f", {skipped} skipped" if skipped else ""))

# SPDX-License-Identifier: GPL-2.0
"""Freed memory that is used again at once: what a stale pointer leads to is another object."""

from __future__ import annotations

import pytest

from lab import nslab
from nslab_lab.build.kernel import Kernel
from nslab_lab.host.paths import REPO

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

# CVE-2021-4083: fget() finds a struct file that is another one by now.
PATCH = REPO / "patches" / "6.12" / "history" / "fget-vs-close.patch"
FGET = ("run", "--patch", PATCH, "--scenario", "fget-vs-close")


@pytest.mark.parametrize("strategy", ["pct", "bounded"])
def test_a_file_that_is_another_one_by_now(kernel: Kernel, strategy: str) -> None:
    done = nslab(*FGET, "--profile", "reuse", "--strategy", strategy)
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] == "assertion" and "read 'w' from a file that has 'r'" in finding["headline"]
    assert (finding["reproduced"], finding["minimal"]) == ("solo", True)
    assert "the smallest schedule found has 1 preemption\n" in done.out
    assert ".replayreuse-" in finding["token"]
    replayed = nslab("replay", finding["token"], "--patch", PATCH, "--times", 20)
    assert replayed.status == 1 and "20 of 20" in replayed.out, replayed.out + replayed.err


def test_without_it_there_is_nothing_to_see(kernel: Kernel) -> None:
    done = nslab(*FGET, "--strategy", "bounded")
    assert done.status == 0, done.out + done.err
    # And with it, no other file is seen where the check is in its place.
    done = nslab("run", "--scenario", "fget-vs-close", "--profile", "reuse", "--strategy", "bounded")
    assert done.status == 0, done.out + done.err
    assert "who got it was not searched for" in " ".join(done.out.split())


def test_what_does_not_need_it_is_shown_without(kernel: Kernel) -> None:
    """A use after free: KASAN tells of it where the memory is kept back."""
    done = nslab(
        "run", "--scenario", "ns-readlink-vs-unshare", "--variant", "no-grace-period",
        "--profile", "reuse", "--strategy", "bounded",
    )  # fmt: skip
    assert done.status == 1, done.out + done.err
    (finding,) = done.findings
    assert finding["oracle"] == "kasan" and ".replay-" in finding["token"]

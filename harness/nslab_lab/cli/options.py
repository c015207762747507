# SPDX-License-Identifier: GPL-2.0
"""Options that several commands share, and their values checked, one line for each error."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Mapping, Sequence

from nslab_lab.build import catalog, kernels
from nslab_lab.build.catalog import Scenario
from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import left_out, watches
from nslab_lab.guest import initramfs
from nslab_lab.guest.machine import SILENCE_S, Machine
from nslab_lab.host import cpus, front
from nslab_lab.host.errors import bad_input, lab_failed
from nslab_lab.host.paths import shown
from nslab_lab.plans import plan
from nslab_lab.plans.profiles import Profile
from nslab_lab.plans.strategies import Strategy
from nslab_lab.plans.token import Token
from nslab_lab.plans.watch import Watching


def add_kernel_options(parser: argparse.ArgumentParser) -> None:
    """The options that choose a kernel: --kernel, --series, --patch."""
    parser.add_argument("--kernel", help="a kernel of uml/kernels.toml")
    parser.add_argument("--series", metavar="NAME", help="the design of its patches (make list)")
    parser.add_argument(
        "--patch", action="append", default=[], type=Path, metavar="FILE",
        help="a patch of your own on top of the series (repeatable)",
    )


def add_scenario_option(parser: argparse.ArgumentParser) -> None:
    """--scenario, as scenarios.choose() reads it."""
    parser.add_argument(
        "--scenario", metavar="NAME|FILE[,...]", action="append",
        help="names (nslab list) and files of your own, mine.c; default: all of scenarios/",
    )  # fmt: skip


def add_guest_options(parser: argparse.ArgumentParser, silence_s: float = SILENCE_S) -> None:
    """--jobs and --silence; @silence_s: its default, host seconds."""
    parser.add_argument("--jobs", metavar="N", help="guests at a time (one per CPU)")
    parser.add_argument(
        "--silence", metavar="SECONDS", default=f"{silence_s:g}",
        help=f"give up a guest that has been silent for so long ({silence_s:g} s of host time)",
    )  # fmt: skip


def jobs_of(args: argparse.Namespace) -> int:
    """Guests at a time."""
    return whole("jobs", args.jobs, len(cpus.usable()), 1, 1024)


def machine(args: argparse.Namespace, kernel: Kernel, init: Path) -> Machine:
    """What the guests boot. Raises LabError."""
    tool = kernel.out / "usr" / "gen_init_cpio"
    if not tool.exists():
        raise lab_failed(f"{shown(tool)} is not there; remove {shown(kernel.out)} and build again")
    return Machine(
        linux=kernel.linux,
        initramfs_tool=tool,
        initramfs_base=initramfs.base(tool, init),
        cmdline=kernel.cmdline,
        patched=kernel.patched,
        silence_s=float(whole("silence", args.silence, int(SILENCE_S), 1, 86400)),
    )


def whole(name: str, text: str | None, default: int, low: int, high: int) -> int:
    """A whole number, decimal or 0x..., from @low to @high. Raises LabError(2)."""
    if text is None or text == "":
        return default
    given = f"{front.option(name)}={shlex.quote(text if len(text) <= 40 else f'{text[:37]}...')}"
    try:
        value = int(text, 0)
    except ValueError:
        raise bad_input(f"{given}: not a whole number") from None
    if not low <= value <= high:
        raise bad_input(f"{given}: not between {low} and {high}")
    return value


def check_profile(profile: Profile, strategy: Strategy) -> None:
    """Raises LabError(2) where the strategy decides who runs and the profile does so, too."""
    if profile.fail_nth and strategy.name == "bounded":
        raise bad_input(
            f"profile {profile.name} fails one allocation after the other, strategy bounded searches "
            "all schedules, and not both at once: take STRATEGY=none, random, pct or pos"
        )
    if strategy.steers and profile.delays:
        raise bad_input(
            f"profile {profile.name} delays actors, but strategy {strategy.name} itself decides which actor "
            "runs: take PROFILE=none, failslab, or one without delay_*"
        )


def watching(
    profile: Profile, kernel: Kernel, scenarios: Sequence[Scenario]
) -> tuple[Watching, ...]:
    """What is watched in each scenario, where a strategy decides. Raises LabError, also where none does."""
    left_out_text = left_out.text(kernel.linux)
    by_subject = {
        name: tuple(watches.watches(kernel.linux, kernel.src, profile.watch_of(name)))
        for name in dict.fromkeys(one.subject for one in scenarios)
    }
    return tuple(Watching(by_subject[one.subject], left_out_text) for one in scenarios)


def check_variants(args: argparse.Namespace, variants: Sequence[str]) -> None:
    """Raises LabError(2) for a variant that the series asked for has not got."""
    entry = kernels.load().entry(args.kernel or None)
    design = entry.one_series(args.series or None)
    has = {plan.NO_VARIANT, *_variants(design)}
    for variant in variants:
        if variant not in has:
            of = [one.name for one in entry.series.values() if variant in _variants(one)]
            raise bad_input(
                f"series {design.name} has no variant '{variant}', "
                f"it is a defect of series {' and '.join(of) or 'none'}: leave SERIES= or VARIANT= out"
            )


def _variants(design: kernels.Series) -> list[str]:
    return [item.name for item in catalog.placed(catalog.variants(), design, "nslab_variant")]


def replay_command(
    token: Token, profile: Profile, patches: Sequence[Path], series: str | None = None,
    own: Mapping[str, Path] | None = None,
) -> str:  # fmt: skip
    """The command line that replays @token.

    @series: None for the default one. @own: scenarios of the user's own and their files.
    """
    words = ["make", "replay", f"TOKEN={token}"]
    if own and token.scenario in own:
        words.append(f"SCENARIO={own[token.scenario]}")
    if series:
        words.append(f"SERIES={series}")
    if profile.is_own:
        words.append(f"PROFILE={profile.path}")
    if patches:
        # make splits the list at blanks.
        words.append("PATCH=" + " ".join(str(patch.resolve()) for patch in patches))
    return shlex.join(words)

# SPDX-License-Identifier: GPL-2.0
"""`nslab replay TOKEN`: one execution again, with its trace."""

from __future__ import annotations

import argparse
import functools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nslab_lab.build import catalog, scenarios
from nslab_lab.build.guest_program import Guest
from nslab_lab.build.kernel import Kernel, series_built
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.debuginfo import symbols
from nslab_lab.findings import picture, trace
from nslab_lab.guest import demands
from nslab_lab.guest.boots import Boot, Stop
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Step
from nslab_lab.guest.verdict import Verdict
from nslab_lab.host import front
from nslab_lab.host.errors import (
    FINDINGS, FOUND_NOTHING, LAB_FAILED, LabError, bad_input, lab_failed,
)  # fmt: skip
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.paths import BUILD, shown
from nslab_lab.host.progress import say
from nslab_lab.plans import profiles, token
from nslab_lab.plans.plan import BootPlan
from nslab_lab.plans.profiles import Profile
from nslab_lab.plans.token import Token
from nslab_lab.report import runfolder
from nslab_lab.search import batch

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

REPLAYS = BUILD / "replays"


def register(commands: Commands) -> None:
    """`nslab replay`."""
    parser = commands.add_parser("replay", help="run one execution again, with its trace")
    parser.add_argument("token", metavar="TOKEN", nargs="?", help="what a finding ends with")
    options.add_kernel_options(parser)
    parser.add_argument("--scenario", metavar="FILE", help="the token's scenario, if it is your own")
    parser.add_argument("--profile", metavar="FILE", help="the token's profile, if it is your own")
    parser.add_argument("--times", metavar="N", help="run it so often and compare (1)")
    parser.add_argument(
        "--format", metavar="FORMAT", help="of the diagram: text, svg, json; or trace: every step (text)"
    )
    options.add_guest_options(parser)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    if not args.token:
        raise bad_input("replay needs the TOKEN that a finding ends with: make replay TOKEN=NSLAB1...")
    times = options.whole("times", args.times, 1, 1, 10**6)
    jobs = options.jobs_of(args)
    form = args.format or "text"
    if form not in (*picture.FORMATS, "trace"):
        raise bad_input(f"{front.option('format')}={form}: there is {', '.join(picture.FORMATS)}, trace")
    ready = prepare(args)
    wanted = ready.wanted
    interrupts = Interrupts()
    folder = runfolder.numbered(REPLAYS)
    with interrupts, ThreadPoolExecutor(min(jobs, times)) as executor:
        once = functools.partial(replay, ready.machine, wanted, ready.plan, folder, interrupts)
        replays = list(executor.map(once, range(1, times + 1)))
    if interrupts.is_set():
        print("INTERRUPTED")
        return interrupts.status
    drawn = Drawn(ready.kernel, ready.profile, form)
    return report(wanted, replays, drawn, folder)


@dataclass(frozen=True)
class Ready:
    """All that it takes to run a token's execution."""

    wanted: Token
    profile: Profile
    kernel: Kernel
    machine: Machine
    guest: Guest
    plan: BootPlan
    actors: tuple[str, ...]  # in the order of their letters
    patches: tuple[Path, ...]  # the user's own


def prepare(args: argparse.Namespace) -> Ready:
    """Whatever is needed is there. @args: token, scenario, profile, kernel, patch. Raises LabError."""
    wanted = token.parse(args.token)
    profile = profile_of(wanted, args.profile)
    catalog.choose("kernel", wanted.kernel, catalog.all_kernels())
    if args.kernel and args.kernel != wanted.kernel:
        raise bad_input(f"the token is of kernel {wanted.kernel}, not {args.kernel}")
    catalog.choose("variant", wanted.variant, catalog.variants())
    demands.check()
    guest = scenarios.of_token(wanted.scenario, args.scenario)
    actors = guest.scenario(wanted.scenario).actors
    kernel = ensure_kernel(wanted.kernel, args.patch, series_name=args.series or None)
    check_kernel(wanted, kernel, bool(args.patch))
    machine = options.machine(args, kernel, guest.init)
    (watching,) = options.watching(profile, kernel, [guest.scenario(wanted.scenario)])
    boot_plan = BootPlan(
        wanted, tuple(map(str, profile.knobs)), 1, True, not profile.named_points,
        watching=watching, points=profile.points, words=True, fail_nth=profile.fail_nth,
        reuse=profile.reuse,
    )  # fmt: skip
    return Ready(wanted, profile, kernel, machine, guest, boot_plan, actors, tuple(args.patch))


def profile_of(wanted: Token, own: str | None) -> Profile:
    """The token's profile. Raises LabError(2) if there is none, or it means something else now."""
    try:
        profile = profiles.load(own or wanted.profile)
    except LabError as error:
        if own:
            raise
        raise bad_input(
            f"the token needs the profile '{wanted.profile}', which is not in "
            f"{shown(profiles.PROFILES)}: give its file, PROFILE=FILE"
        ) from error
    if profile.digest != wanted.profile_digest:
        raise bad_input(
            f"{shown(profile.path)} is not the profile of the token: "
            f"its digest is {profile.digest}, the token's {wanted.profile_digest}"
        )
    return profile


def check_kernel(wanted: Token, kernel: Kernel, patched: bool) -> None:
    """Raises LabError(2) for a token of another build."""
    if kernel.id == wanted.kernel_id:
        return
    of = series_built(wanted.kernel, wanted.kernel_id)
    if of and of != series_built(kernel.name, kernel.id):
        reason = f"that one is of series {of}, to be given as SERIES={of}"
    else:
        reason = "sources, patches, configuration or compiler differ"
        if not patched:
            reason += ", or it was made with a PATCH= or SERIES= that is to be given again"
    raise bad_input(
        f"the token is of kernel build {wanted.kernel}-{wanted.kernel_id}, this one is "
        f"{kernel.name}-{kernel.id}: {reason}"
    )


@dataclass(frozen=True)
class Replay:
    """What one replay showed."""

    hash: str | None  # of the trace
    verdict: Verdict | None  # None: the execution passed
    steps: tuple[Step, ...]
    console: Path
    kinds: tuple[tuple[str, int], ...] = ()  # of objects, see boots.Boot

    @property
    def identity(self) -> tuple[str | None, str | None]:
        return self.hash, self.verdict.signature if self.verdict else None


def replay(
    machine: Machine, wanted: Token, like: BootPlan, folder: Path, stop: Stop, number: int
) -> Replay | None:
    """Replay @wanted once; None if it was stopped. Raises LabError."""
    into = folder / str(number)
    into.mkdir()
    failure, boot = batch.replay(machine, wanted, like, into, stop)
    if boot.stopped:
        return None
    steps = tuple(step for step in boot.steps if step.n == wanted.n)
    if failure:
        return Replay(failure.execution.hash, failure.verdict, steps, boot.console, boot.kinds)
    return Replay(_passed(boot, wanted), None, steps, boot.console, boot.kinds)


def _passed(boot: Boot, wanted: Token) -> str | None:
    for execution in boot.executions:
        if execution.n == wanted.n:
            return execution.hash
    last = boot.executions[-1].n if boot.executions else "none"
    raise lab_failed(
        f"the guest ended before execution {wanted.n} (its last one: {last}); "
        f"see {shown(boot.console)}"
    )


@dataclass(frozen=True)
class Drawn:
    """How a replay is to be shown."""

    kernel: Kernel
    profile: Profile
    format: str

    def show(self, wanted: Token, one: Replay) -> str:
        """Its trace; "" if there is none."""
        if self.format == "trace":
            return trace.table(one.steps)
        full = self.format == "json"
        drawn = picture.draw(one.steps, one.verdict, self.kernel, full)
        return picture.render(drawn, self.format)


def report(wanted: Token, replays: list[Replay | None], drawn: Drawn, folder: Path) -> int:
    """Tell what came of it; the exit status."""
    done = [one for one in replays if one]
    first = done[0]
    if first.verdict and first.verdict.oracle == "diverged":
        raise lab_failed(
            f"{wanted.scenario}: {first.verdict.headline}: the token is not of this execution; "
            f"see {shown(first.console)}"
        )
    shown_as = drawn.show(wanted, first)
    status = FINDINGS if first.verdict else FOUND_NOTHING
    same = Counter(one.identity for one in done)[first.identity]
    differ = f"NOT THE SAME: only {same} of {len(done)} replays are like the first; see {shown(folder)}"
    if drawn.format in ("svg", "json"):
        print(shown_as, end="")
        if same < len(done):
            say(differ)
            status = LAB_FAILED
        return status
    if shown_as:
        print(shown_as)
    if first.verdict and first.verdict.report:
        print(first.verdict.report)
    print(_headline(wanted, first.verdict, drawn.kernel))
    print(f"trace hash {first.hash or 'unknown'}{_compared(wanted, first)}")
    print(f"console: {shown(first.console)}")
    if len(done) > 1:
        if same == len(done):
            print(f"{same} of {len(done)} replays are the same: verdict and trace hash")
        else:
            print(differ)
            status = LAB_FAILED
    return status


def _headline(wanted: Token, judged: Verdict | None, kernel: Kernel) -> str:
    what = f"{wanted.scenario}, execution {wanted.n:,}"
    if judged is None:
        return f"PASS {what}"
    line = judged.function and symbols.line_of(
        kernel.linux, judged.function, is_return_address=judged.oracle != "oops"
    )
    return f"FAIL {what}\n{judged.headline}{f' ({line})' if line else ''}"


def _compared(wanted: Token, first: Replay) -> str:
    recorded = runfolder.recorded_hash(str(wanted))
    if recorded is None or first.hash is None:
        return ""
    hash_then, run = recorded
    if hash_then == first.hash:
        return f", the same as in {shown(run)}"
    return f", NOT the one of {shown(run)}, which is {hash_then}"

# SPDX-License-Identifier: GPL-2.0
"""`nslab gdb`: an execution under gdb, with the commands of harness/gdb."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nslab_lab.build import catalog, own_scenarios, scenarios
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.commands import replay
from nslab_lab.commands.replay import Ready
from nslab_lab.debuginfo import symbols
from nslab_lab.guest import demands, initramfs
from nslab_lab.guest.boots import without_skipped
from nslab_lab.guest.machine import RESULT_FD, arguments, confined
from nslab_lab.host import cpus, front, scratch, terminal
from nslab_lab.host.errors import bad_input, lab_failed
from nslab_lab.host.interrupts import Interrupts
from nslab_lab.host.paths import BUILD, REPO
from nslab_lab.plans import plan, profiles, strategies
from nslab_lab.plans.token import Token
from nslab_lab.report import runfolder

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

SESSIONS = BUILD / "gdb"
ENTRY = REPO / "harness" / "gdb" / "nslab.py"
# No actor is preempted unless the user chooses so.
DEFAULT_STRATEGY = f"replay-{strategies.QUIET}"


def register(commands: Commands) -> None:
    """`nslab gdb`."""
    parser = commands.add_parser("gdb", help="an execution under gdb, forwards and backwards")
    parser.add_argument("token", metavar="TOKEN", nargs="?", help="what a finding ends with")
    parser.add_argument("--scenario", metavar="NAME|FILE", help="in place of a token; the token's own file")
    options.add_kernel_options(parser)
    parser.add_argument("--profile", metavar="NAME|FILE", help="of a scenario; the token's own file")
    parser.add_argument("--strategy", metavar="NAME", help=f"of a scenario ({DEFAULT_STRATEGY})")
    parser.add_argument("--variant", metavar="NAME", help=f"of a scenario ({plan.NO_VARIANT})")
    parser.add_argument("--seed", metavar="N", help=f"of a scenario ({plan.DEFAULT_SEED})")
    parser.add_argument("--script", metavar="FILE", help="gdb commands to run without a terminal")
    options.add_guest_options(parser)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    script = _script(args.script)
    has_token = bool(args.token)
    own = args.scenario and own_scenarios.is_path(args.scenario)
    if has_token == bool(args.scenario) and not (has_token and own):
        raise bad_input("gdb needs either TOKEN=... of a finding or SCENARIO=... (make list)")
    if not has_token:
        args.token = str(_token(args))
    elif args.strategy or args.variant or args.seed:
        raise bad_input("a token has its strategy, variant and seed: give TOKEN= alone")
    if not shutil.which("gdb"):
        raise lab_failed("gdb is not there: apt-get install gdb")
    ready = replay.prepare(args)
    folder = runfolder.numbered(SESSIONS)
    interrupts = Interrupts()
    # What is watched by number only a boot can tell, whatever it runs.
    known = _replayed(ready, folder, interrupts, has_token)
    if interrupts.is_set():
        print("INTERRUPTED")
        return interrupts.status
    session = _session(ready, folder)
    (folder / "session.json").write_text(json.dumps(session | known))
    return _gdb(ready, folder, script)


def _script(name: str | None) -> Path | None:
    if not name:
        return None
    path = Path(name).absolute()
    try:
        path.open().close()
    except OSError as error:
        raise bad_input(f"{front.option('gdbscript')} {name}: {error.strerror}") from None
    return path


def _token(args: argparse.Namespace) -> Token:
    """The token of the scenario's first execution. Raises LabError."""
    seed = options.whole("seed", args.seed, plan.DEFAULT_SEED, 0, 2**64 - 1)
    name = args.strategy or DEFAULT_STRATEGY
    if name in ("pct", strategies.UNSTEERED) or name.startswith("bounded"):
        raise bad_input(
            f"strategy {name} has no one execution to step through: take STRATEGY=none, random, "
            "pos, pct-3-200, replay-a12b, or leave it out and decide by hand"
        )
    strategy = strategies.parse(name)
    profile = profiles.load(args.profile or plan.DEFAULT_STEERED_PROFILE)
    options.check_profile(profile, strategy)
    variant = catalog.choose("variant", args.variant or plan.NO_VARIANT, catalog.variants())
    demands.check()
    guest, chosen = scenarios.choose([args.scenario])
    if len(chosen) != 1:
        raise bad_input(f"gdb steps through one scenario, not {len(chosen)}: SCENARIO=NAME")
    scenario = chosen[0].name
    if scenario not in guest.own:
        args.scenario = None  # the token says it
    options.check_variants(args, [variant])
    kernel = ensure_kernel(args.kernel or None, args.patch, series_name=args.series or None)
    args.profile = args.profile and str(profile.path)
    return Token(
        kernel.name, kernel.id, scenario, variant, profile.name, profile.digest, str(strategy),
        seed, 1, 1,
    )  # fmt: skip


def _session(ready: Ready, folder: Path) -> dict[str, Any]:
    """What the commands in gdb have to know; leaves what the guest boots in @folder/boot."""
    wanted, kernel, machine = ready.wanted, ready.kernel, ready.machine
    # It goes through one execution: what another one reports is not to be stepped through.
    boot_plan = replace(without_skipped(machine, ready.plan.of_replay(wanted)), idle=0)
    place = folder / "boot"
    scratch.keep(place)
    place.mkdir()
    plan_file = place / "plan"
    plan_file.write_text(boot_plan.guest_text())
    initramfs.write(machine.initramfs_tool, machine.initramfs_base, plan_file, place / "initrd")
    return {
        "token": str(wanted),
        "profile": str(ready.profile.path) if ready.profile.is_own else None,
        "scenarios": {name: str(path) for name, path in ready.guest.files().items()},
        "patches": [str(path.resolve()) for path in ready.patches],
        "series": kernel.series,
        "actors": ready.actors,
        "steers": strategies.parse(wanted.strategy).steers,
        "linux": str(kernel.linux),
        "src": str(kernel.src),
        "out": str(kernel.out),
        "init": str(ready.guest.init),
        "folder": str(folder),
        "scratch": str(place),
        "arguments": arguments(machine, boot_plan),
        "memory": str(demands.memory_folder(place)),
        "fd": RESULT_FD,
    }


def _replayed(ready: Ready, folder: Path, interrupts: Interrupts, whole: bool) -> dict[str, Any]:
    """What the execution does outside of gdb; {} if that was interrupted.

    @whole: all that it does, or else only what is watched.
    """
    into = folder / "replay"
    into.mkdir()
    with interrupts:
        one = replay.replay(ready.machine, ready.wanted, ready.plan, into, interrupts, 1)
    if one is None:
        return {}
    if one.verdict and one.verdict.oracle == "diverged":
        raise lab_failed(f"{one.verdict.headline}: the token is not of this execution")
    if not whole:
        return {"kinds": one.kinds}
    places = {step.where for step in one.steps if step.where}
    symbols.look_up(ready.kernel.linux, places)
    return {
        "steps": [asdict(step) for step in one.steps],
        "verdict": asdict(one.verdict) if one.verdict else None,
        "hash": one.hash,
        "kinds": one.kinds,
        "lines": {place: symbols.line_of(ready.kernel.linux, place) for place in places},
    }


def _gdb(ready: Ready, folder: Path, script: Path | None) -> int:
    """Run gdb; its exit status."""
    # The guest has a terminal and so a session of its own: Ctrl-C is for gdb alone.
    try:
        master, slave = os.openpty()
    except OSError as error:
        raise lab_failed(
            f"no pseudo-terminal for the guest ({error.strerror}): mount one's file system, "
            "mount -t devpts devpts /dev/pts, or start the container with it (docker run -t)"
        ) from None
    how = ["-nx", "-batch"] if script else ["-q"]
    environment = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("PYTHON") and name != "DEBUGINFOD_URLS"
    }
    environment |= {
        "NSLAB_GDB": str(folder / "session.json"),
        "NSLAB_GDB_TTY": os.ttyname(slave),
        "PYTHONPYCACHEPREFIX": str(BUILD / "pycache"),
    }
    try:
        with cpus.one() as cpu:
            command = [
                *confined(cpu), "gdb", *how,
                # The kernel's own commands, lx-..., then the lab's.
                "-x", str(ready.kernel.out / "vmlinux-gdb.py"), "-x", str(ENTRY),
                *(("-x", str(script)) if script else ()), str(ready.kernel.linux),
            ]  # fmt: skip
            return terminal.run(command, environment, silent=bool(script))
    finally:
        os.close(master)
        os.close(slave)
        shutil.rmtree(folder / "boot", ignore_errors=True)
        scratch.forget(folder / "boot")

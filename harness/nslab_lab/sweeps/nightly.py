# SPDX-License-Identifier: GPL-2.0
"""`nslab nightly`: a sweep each night, by a service and a timer of systemd's.

The service runs without network, sees the system read-only, and may write to build/ and the cache.
"""

from __future__ import annotations

import argparse
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.host import files
from nslab_lab.host.errors import FOUND_NOTHING, bad_input, lab_failed
from nslab_lab.host.paths import BUILD, REPO, cache, home, shown
from nslab_lab.host.progress import say
from nslab_lab.sweeps import description, durations, known, notify
from nslab_lab.sweeps.one_writer import is_written
from nslab_lab.sweeps.rows import RUNNING
from nslab_lab.sweeps.store import DEFAULT, SWEEPS, Store

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands

TEMPLATES = REPO / "harness" / "systemd"
UNITS = ("nslab-nightly.service", "nslab-nightly.timer")
ACTIONS = ("install", "uninstall", "status")
DEFAULT_AT = "22:00"
DEFAULT_KEEP = "90d"
# Of each guest: its memory, and what the harness needs for it. For the report, once.
_GUEST_MB, _HARNESS_MB = 512, 1024


def register(commands: Commands) -> None:
    """`nslab nightly`."""
    parser = commands.add_parser("nightly", help="a sweep each night, by systemd")
    parser.add_argument("action", metavar="|".join(ACTIONS), choices=ACTIONS)
    parser.add_argument("--sweep", metavar="NAME|FILE", help="(nightly)")
    parser.add_argument(
        "--at", metavar="TIME", help=f"when, as OnCalendar= takes it ({DEFAULT_AT})"
    )
    parser.add_argument(
        "--keep", metavar="TIME", help=f"drop sweeps that are older ({DEFAULT_KEEP})"
    )
    known.add_option(parser)
    notify.add_option(parser)
    parser.add_argument("--jobs", metavar="N", help="guests at a time (one per CPU)")
    parser.add_argument(
        "--memory", metavar="SIZE", help="at the most (1G, and 512M for each guest)"
    )
    parser.add_argument("--cpu", metavar="PERCENT", help="at the most (100%% for each guest)")
    parser.add_argument("--system", action="store_true", help="for the system (if run by root)")
    parser.add_argument("--user", action="store_true", help="for the user who runs it (otherwise)")
    parser.add_argument(
        "--run-as", metavar="USER", help="of a system's service (the owner of this folder)"
    )
    parser.set_defaults(handler=_command)


@dataclass(frozen=True)
class _Where:
    """Whose systemd it is."""

    user: bool

    @property
    def folder(self) -> Path:
        """Of the units; below $DESTDIR, if that is set, as packagers want it."""
        root = os.environ.get("DESTDIR", "")
        if not self.user:
            folder = Path("/etc/systemd/system")
        else:
            base = os.environ.get("XDG_CONFIG_HOME", "")
            config = Path(base) if base.startswith("/") else home() / ".config"
            folder = config / "systemd" / "user"
        return Path(root + str(folder)) if root else folder

    @property
    def staged(self) -> bool:
        """Only files are written."""
        return bool(os.environ.get("DESTDIR"))

    def systemctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run systemctl(1). Raises LabError(3) where there is none."""
        if not shutil.which("systemctl"):
            raise lab_failed(
                "systemctl is not there: nights can be run by cron, too: make sweep SWEEP=nightly"
            )
        command = ["systemctl", *(["--user"] if self.user else []), *words]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def _command(args: argparse.Namespace) -> int:
    if args.system and args.user:
        raise bad_input("system and user: take one of them")
    where = _Where(args.user or (os.geteuid() != 0 and not args.system))
    match args.action:
        case "install":
            return _install(where, args)
        case "uninstall":
            return _uninstall(where)
    return _status(where)


# === Install ===


def _install(where: _Where, args: argparse.Namespace) -> int:
    jobs = options.jobs_of(args)
    values: dict[str, object] = {
        "memory": _checked("memory", args.memory or f"{_HARNESS_MB + jobs * _GUEST_MB}M", r"\d+[KMGT%]?"),
        "cpu": _checked("cpu", args.cpu or f"{100 * jobs}%", r"\d+%"),
        "at": _calendar(args.at or DEFAULT_AT),
        "run_as": None if where.user else _run_as(args.run_as),
        "command": _sweep(args),
        "repo": str(REPO), "cache_home": str(cache().parent), "user_unit": where.user,
        "writable": [str(BUILD), str(cache())],
    }  # fmt: skip
    # The service has no network, so all that takes one is done now.
    file = description.path_of(args.sweep or "nightly")
    described = description.read(file, description.guest(file))
    for name in dict.fromkeys(cell.kernel for cell in described.cells):
        ensure_kernel(name)
    for folder in (SWEEPS, cache()):
        folder.mkdir(parents=True, exist_ok=True)
    _write(where.folder, values)
    if where.staged:
        print(f"written to {where.folder}; nothing was started, as DESTDIR is set")
        return FOUND_NOTHING
    for words in (("daemon-reload",), ("enable", "--now", "nslab-nightly.timer")):
        done = where.systemctl(*words)
        if done.returncode:
            said = " ".join(done.stderr.split())[:120]
            raise lab_failed(
                f"the units are in {where.folder}, but systemctl {words[0]} failed ({said}): run "
                "make nightly-install where systemd runs"
            )
    print(f"each night at {values['at']}: sweep {described.name}, units in {where.folder}")
    print("journalctl " + ("--user " if where.user else "") + "-u nslab-nightly shows them")
    if where.user:
        say(
            "a user's timers run while the user is logged in, or always after: loginctl enable-linger"
        )
    return FOUND_NOTHING


def _sweep(args: argparse.Namespace) -> list[str]:
    """What the service runs."""
    name = args.sweep or "nightly"
    if "/" in name or name.endswith(".toml"):
        name = str(Path(name).resolve())
    keep = args.keep or DEFAULT_KEEP
    durations.parse("keep", keep)
    words = [str(REPO / "harness" / "nslab"), "sweep", name, "--resume", "--keep", keep]
    if args.jobs:
        words += ["--jobs", args.jobs]
    if args.known:
        words += ["--known", str(Path(args.known).resolve())]
    if args.notify:
        words += ["--notify", args.notify]
    return words


def _checked(name: str, value: str, pattern: str) -> str:
    if not re.fullmatch(pattern, value, re.ASCII):
        example = "2G" if name == "memory" else "200%"
        raise bad_input(f"{name}={value}: not of the form {example}")
    return value


def _calendar(at: str) -> str:
    """@at if systemd takes it. Raises LabError(2)."""
    if "\n" in at:
        raise bad_input("at: has to be one line")
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "calendar", at],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise bad_input(
                f"at={at}: systemd takes it for no time; it reads like 22:00 or Mon..Fri 01:30"
            )
    return at


def _run_as(name: str | None) -> str:
    """The user a system's service runs as. Raises LabError(2)."""
    if name is None:
        owner = REPO.stat().st_uid
        try:
            return pwd.getpwuid(owner).pw_name
        except KeyError:
            raise bad_input(f"user {owner}, who owns {REPO}, has no name: give --run-as") from None
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        raise bad_input(f"run-as={name}: there is no such user") from None


def _write(folder: Path, values: dict[str, object]) -> None:
    import jinja2  # here, because it takes a while

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters["word"] = word
    environment.filters["argument"] = lambda text: word(text).replace("$", "$$")
    environment.filters["specifier"] = lambda text: text.replace("%", "%%")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in UNITS:
            files.write(folder / name, environment.get_template(name).render(values).encode())
    except OSError as error:
        raise lab_failed(
            f"{folder}: {error.strerror}: as root the system's folder can be written, with --user your own"
        ) from None


def word(text: str) -> str:
    """A word of a unit file, whatever is in it; see systemd.service(5), systemd.syntax(7)."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + text.replace("%", "%%") + '"'


# === Uninstall, status ===


def _uninstall(where: _Where) -> int:
    there = [where.folder / name for name in UNITS if (where.folder / name).exists()]
    if not there:
        print(f"not installed: nothing in {where.folder}")
        return FOUND_NOTHING
    if not where.staged:
        done = where.systemctl("disable", "--now", "nslab-nightly.timer", "nslab-nightly.service")
        if done.returncode:
            say(f"systemctl disable: {' '.join(done.stderr.split())[:120]}")
    for path in there:
        path.unlink()
    if not where.staged:
        where.systemctl("daemon-reload")
    print(f"removed from {where.folder}; what was found stays in {shown(SWEEPS)}")
    return FOUND_NOTHING


def _status(where: _Where) -> int:
    if not all((where.folder / name).exists() for name in UNITS):
        print(f"not installed: nothing in {where.folder} (make nightly-install)")
    else:
        print(f"installed in {where.folder}")
        if not where.staged:
            done = where.systemctl("list-timers", "--all", "--no-pager", "nslab-nightly.timer")
            print((done.stdout or done.stderr).strip())
    if DEFAULT.is_file():
        with Store(DEFAULT, writable=False) as store:
            for row in store.sweeps()[-1:]:
                state = row.state
                if state == RUNNING and not is_written(DEFAULT):
                    state = "interrupted; make sweep RESUME=1 goes on"
                print(f"last sweep: {row.id}, {row.started[:16].replace('T', ' ')} UTC, {state}")
        page = DEFAULT.with_name("report.html")
        if page.exists():
            print(f"report: {page}")
    return FOUND_NOTHING

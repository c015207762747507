# SPDX-License-Identifier: GPL-2.0
"""make, run so that the result depends on nothing but its inputs."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Callable, Sequence

from nslab_lab.host import interrupts, paths
from nslab_lab.host.errors import bad_input, lab_failed
from nslab_lab.host.paths import shown

# What an exception is told that has left files which make could not remove.
HALF_MADE = "half made files are left"
# How long make may take for that, host seconds.
_CLEAN_UP_S = 4.0

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
CCACHE = Path("/usr/lib/ccache")

# The objects lie inside the source tree: kbuild then writes relative paths, so
# that a tree can be copied elsewhere with nothing to rebuild.
KERNEL_VARIABLES = (
    "ARCH=um",
    "O=out",
    "LOCALVERSION=",
    "KBUILD_BUILD_USER=nslab",
    "KBUILD_BUILD_HOST=nslab",
    "KBUILD_BUILD_VERSION=1",
    "KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970",
)

# Variables of the caller that may reach a build. Others (CFLAGS, ARCH, MAKEFLAGS
# with the front door's own variables in it, ...) would change what is built.
PASSED_ON = ("HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME")


def jobs() -> int:
    """How many compilers run at once: the processors this process may use, or NSLAB_JOBS."""
    asked = os.environ.get("NSLAB_JOBS", "")
    return int(asked) if re.fullmatch("[1-9][0-9]{0,3}", asked) else len(os.sched_getaffinity(0))


def environment() -> dict[str, str]:
    """The environment that compilers run in."""
    variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    variables |= {
        "LC_ALL": "C",
        "PATH": SYSTEM_PATH,
        # Compilers take their folder's name from PWD when it is the right folder, and
        # this one always is. So debug info and ccache's keys hold no path of this clone.
        "PWD": "/proc/self/cwd",
    }
    if CCACHE.is_dir():
        variables |= {
            "PATH": f"{CCACHE}:{SYSTEM_PATH}",
            "CCACHE_DIR": str(paths.cache() / "ccache"),
            "CCACHE_MAXSIZE": "3G",
            # Headers from the dependency file that kbuild asks for anyway, instead of a
            # run of the preprocessor: what is not in the cache yet costs less.
            "CCACHE_DEPEND": "1",
            # A plugin of the compiler that was built again is the same one if its content is.
            "CCACHE_COMPILERCHECK": "content",
        }
        variables |= {
            name: value for name, value in os.environ.items() if name.startswith("CCACHE_")
        }
    return variables


def compiler() -> str:
    """The compiler's own name and version."""
    try:
        ran = subprocess.run(
            ["gcc", "--version"], capture_output=True, text=True, check=True,
            env={"PATH": SYSTEM_PATH, "LC_ALL": "C"},
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise lab_failed(f"gcc does not run: {error}") from error
    return ran.stdout.splitlines()[0]


def check_plugins() -> None:
    """Raises LabError where no plugin for gcc can be built."""
    variables = {"PATH": SYSTEM_PATH, "LC_ALL": "C"}

    def asked(option: str) -> str:
        ran = subprocess.run(["gcc", option], capture_output=True, text=True, env=variables)
        return ran.stdout.strip()

    version = asked("-dumpversion").partition(".")[0]
    if not Path(asked("-print-file-name=plugin"), "include/plugin-version.h").is_file():
        missing = f"there are no headers for plugins of gcc {version}: install gcc-{version}-plugin-dev"
    elif not shutil.which("g++", path=SYSTEM_PATH):
        missing = "there is no g++, which compiles them: install g++"
    else:
        return
    raise lab_failed(f"the kernel's gcc plugins cannot be built: {missing} (uml/setup.sh)")


def make(
    folder: Path, arguments: Sequence[str], log: Path, what: str,
    on_line: Callable[[str], None] = lambda _: None, of_user: bool = False,
) -> None:
    """Run make in a folder, its output in @log (appended) and to @on_line.

    When this process is interrupted, make and everything it started is ended, and
    make has removed what was half made. Raises LabError with the first error in the
    output; status 2 if that is the compiler's or the linker's and @of_user, for the source is
    the user's, else 3.
    """
    command = [
        "setpriv", "--pdeathsig", "TERM",
        "make", "--no-print-directory", f"-j{jobs()}", "-C", str(folder), *arguments,
    ]  # fmt: skip
    first_error = ""
    with log.open("a", buffering=1) as sink:
        process: subprocess.Popen[str] | None = None
        try:
            with interrupts.held():
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, env=environment(), start_new_session=True,
                    text=True, errors="replace",
                )  # fmt: skip
            assert process.stdout is not None
            for line in process.stdout:
                sink.write(line)
                if not first_error and _ERROR.search(line):
                    first_error = line.strip()
                on_line(line)
            status = process.wait()
        except BaseException as error:
            if process is not None and not _end(process):
                error.add_note(HALF_MADE)
            raise
    if status:
        why = first_error or f"make ended with {status}"
        # An error that no compiler reports is the machine's, not that of the source.
        fail = bad_input if of_user and _COMPILER_ERROR.search(why) else lab_failed
        raise fail(f"{what} does not build: {_inside_tree(why)} (log: {shown(log)})")


_COMPILER_ERROR = re.compile(r":\d+(?::\d+)?: (?:fatal )?error: |undefined reference|multiple definition|modpost: ")
_ERROR = re.compile(
    r": (?:fatal )?error: |undefined reference to|multiple definition of|ld: |"
    r"No space left on device|No rule to make target|: not found$|\*\*\* "
)


def _inside_tree(line: str) -> str:
    """Paths as they are in the source tree."""
    return re.sub(r"(?<![\w/])\.\./(?=\w)", "", line)


def _end(process: subprocess.Popen[str]) -> bool:
    """End make and all it has started; whether it could remove what was half made."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_CLEAN_UP_S)
        return True
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False

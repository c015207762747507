# SPDX-License-Identifier: GPL-2.0
"""The pristine kernel source, in the cache folder, fetched and extracted once a machine.

CACHE/sources/PACKAGE/VERSION/
	PACKAGE_VERSION_all.deb   as fetched
	record.json               written once the package is whole and verified
	tree/                     renamed into place once the extraction is whole
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from nslab_lab.build.apt import Apt, Record, sibling
from nslab_lab.host import files, interrupts, paths, progress, scratch
from nslab_lab.host.errors import LabError, lab_failed

APT_ROOT = paths.BUILD / "apt"
TREE_SIZE = 2_000_000_000  # bytes that an extracted tree takes, rounded up


@dataclass(frozen=True)
class Source:
    """A pristine source tree, never written to."""

    package: str
    version: str
    sha256: str  # of the package file
    tree: Path


def ensure_source(package: str, suite: str) -> Source:
    """The newest version of the source package in the cache, fetched if there is none.

    @suite: see kernels.toml. Needs no network once a version is in the cache.
    Raises LabError.
    """
    shelf = paths.cache() / "sources" / package
    if source := _newest(package, shelf):
        return source
    with files.locked(paths.cache() / f"{package}.lock", f"the source of {package}"):
        if source := _newest(package, shelf):
            return source
        _clear(shelf)
        folder = _fetched(shelf) or _fetch(package, suite, shelf)
        if not (folder / "tree").is_dir():
            _extract(package, folder)
        source = _newest(package, shelf)
        assert source is not None
        return source


def _newest_folder(shelf: Path) -> Path | None:
    """The folder of the newest version whose package was fetched."""
    folders = [path.parent for path in shelf.glob("*/record.json") if _record(path.parent)]
    return max(folders, key=functools.cmp_to_key(_compare)) if folders else None


def _newest(package: str, shelf: Path) -> Source | None:
    folder = _newest_folder(shelf)
    record = _record(folder) if folder else None
    if folder is None or record is None or not (folder / "tree").is_dir():
        return None
    return Source(package, record["version"], record["sha256"], folder / "tree")


def _record(folder: Path) -> dict[str, str] | None:
    """What is known of the package in @folder; None where that cannot be read (any more)."""
    try:
        record = json.loads((folder / "record.json").read_bytes())
        found = {name: record[name] for name in ("package", "version", "sha256", "file")}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if all(isinstance(text, str) for text in found.values()) else None


def _fetched(shelf: Path) -> Path | None:
    """The folder of the newest version whose package is there and as it was when it was fetched."""
    while folder := _newest_folder(shelf):
        record = _record(folder)
        assert record
        package = folder / record["file"]
        try:
            if files.sha256(package) == record["sha256"]:
                return folder
            progress.say(f"{package} is damaged: it is fetched again")
        except FileNotFoundError:
            progress.say(f"{package} is gone: it is fetched again")
        (folder / "record.json").unlink()
    return None


def _compare(one: Path, other: Path) -> int:
    """Debian's order of two folders that are named after versions."""
    if one.name == other.name:
        return 0
    newer = subprocess.run(["dpkg", "--compare-versions", one.name, "gt", other.name])
    return -1 if newer.returncode else 1


def _clear(shelf: Path) -> None:
    """What an interrupted fetch or extraction has left."""
    for leftover in [*shelf.glob("fetching-*"), *shelf.glob("*/extracting")]:
        files.remove(leftover)


def _fetch(package: str, suite: str, shelf: Path) -> Path:
    shelf.mkdir(parents=True, exist_ok=True)
    with scratch.folder(shelf / f"fetching-{os.getpid()}") as temporary:
        record, deb = _download(package, suite, temporary)
        digest = files.sha256(deb)
        if digest != record.sha256:
            raise lab_failed(
                f"{deb.name} has sha256 {digest}, its record says {record.sha256}: "
                "run apt-get update and try again"
            )
        folder = shelf / record.version
        folder.mkdir(exist_ok=True)
        deb.replace(folder / deb.name)
        content = {"package": package, "version": record.version, "sha256": record.sha256,
                   "file": deb.name}
        files.write(folder / "record.json", (json.dumps(content, indent="\t") + "\n").encode())
    return folder


def _download(package: str, suite: str, folder: Path) -> tuple[Record, Path]:
    """From the machine's own sources if they know the package, else from @suite."""
    machine = Apt()
    archives = machine.archives()
    record = machine.candidate(package)
    if record:
        try:
            return record, _download_shown(machine, record, folder)
        except LabError:
            record = None  # old lists name versions that the archive no longer has
            archives = []
    if not archives:
        progress.say("fetching apt's package lists, into build/apt")
        machine = Apt.refreshed(APT_ROOT / "own")
        archives = machine.archives()
        record = machine.candidate(package)
        if record:
            return record, _download_shown(machine, record, folder)
    where, sources = sibling(archives, suite)
    try:
        private = Apt.private(APT_ROOT / "sibling", sources)
    except LabError as error:
        raise lab_failed(
            f"apt's own sources do not know {package}, and looking in {where}: {error.message}"
        ) from error
    record = private.candidate(package)
    if record is None:
        raise lab_failed(f"no package {package}: neither in apt's own sources nor in {where}")
    return record, _download_shown(private, record, folder)


def _download_shown(apt: Apt, record: Record, folder: Path) -> Path:
    what = f"{record.package} {record.version}, {record.size / 1e6:.0f} MB"
    with progress.task(f"fetching {what}", f"fetched {what}"):
        return apt.download(record, folder)


def _extract(package: str, folder: Path) -> None:
    """Unpack the package's tar of the source. Atomic: tree/ appears when it is whole."""
    record = _record(folder)
    assert record
    free = shutil.disk_usage(folder).free
    if free < TREE_SIZE:
        raise lab_failed(
            f"extracting {package} needs {TREE_SIZE / 1e9:.0f} GB, {folder} has {free / 1e9:.1f} "
            "GB free: make room, or point XDG_CACHE_HOME elsewhere"
        )
    temporary = folder / "extracting"
    done = f"extracted {package} {record['version']}"
    with scratch.folder(temporary):
        with progress.task(f"extracting {package} {record['version']}", done):
            _pipeline(
                ["dpkg-deb", "--fsys-tarfile", str(folder / record["file"])],
                ["tar", "-x", "--to-stdout", f"./usr/src/{package}.tar.xz"],
                ["xz", "-dc", "-T0"],
                ["tar", "-x", "--strip-components=1", "--no-same-owner", "-C", str(temporary)],
            )
            # Work trees hold hard links to these files: let no editor write through one.
            subprocess.run(["find", temporary, "-type", "f", "-exec", "chmod", "a-w", "{}", "+"],
                           check=True)
            temporary.rename(folder / "tree")


def _pipeline(*commands: list[str]) -> None:
    """Run commands with pipes between them. Raises LabError when any of them fails."""
    with ExitStack() as stack, tempfile.TemporaryFile("w+") as errors:
        running: list[subprocess.Popen[bytes]] = []
        for command in commands:
            before = running[-1].stdout if running else subprocess.DEVNULL
            last = command is commands[-1]
            with interrupts.held():
                process = subprocess.Popen(
                    command, stdin=before, stdout=None if last else subprocess.PIPE, stderr=errors
                )
                stack.callback(process.wait)
                stack.callback(process.kill)
            if running and running[-1].stdout:
                running[-1].stdout.close()
            running.append(process)
        failed = [process for process in reversed(running) if process.wait()]
        if failed:
            errors.seek(0)
            said = errors.read().strip().splitlines() or [f"status {failed[0].returncode}"]
            raise lab_failed(f"extraction failed: {said[0]}")

# SPDX-License-Identifier: GPL-2.0
"""Packages from the machine's own Debian archive, without root.

The machine's apt state is only read. Where that does not know a package, a
private apt root is made: its own sources and lists, signatures verified by the
installed keyring like everywhere else.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nslab_lab.host.errors import lab_failed

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SYSTEM_SOURCES = Path("/etc/apt")


@dataclass(frozen=True)
class Record:
    """What a (signed) package list says of one version of a package."""

    package: str
    version: str
    sha256: str
    size: int  # bytes


@dataclass(frozen=True)
class Archive:
    """One suite of an archive that apt knows."""

    codename: str
    suite: str
    uri: str
    keyring: str


class Apt:
    """An apt with its own sources and lists, or, with no options, the machine's."""

    def __init__(self, options: tuple[str, ...] = ()) -> None:
        # Downloads go to folders of the user that apt's own user cannot enter.
        self._options = ("-o", "APT::Sandbox::User=root", *options)

    @classmethod
    def private(cls, root: Path, sources: str) -> Apt:
        """An apt root in the folder @root with these deb822 @sources, lists fetched.

        Raises LabError.
        """
        for folder in ("sources.list.d", "lists/partial", "cache/archives/partial"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "sources.list.d" / "nslab.sources").write_text(sources)
        return cls._with_lists(root, root / "sources.list.d", Path("/dev/null"))

    @classmethod
    def refreshed(cls, root: Path) -> Apt:
        """An apt root with the machine's own sources, and lists fetched now."""
        for folder in ("lists/partial", "cache/archives/partial"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        return cls._with_lists(
            root, SYSTEM_SOURCES / "sources.list.d", SYSTEM_SOURCES / "sources.list"
        )

    @classmethod
    def _with_lists(cls, root: Path, parts: Path, main: Path) -> Apt:
        places = {
            "Etc::SourceParts": parts,
            "Etc::SourceList": main,
            "State::Lists": root / "lists",
            "Cache": root / "cache",
        }
        apt = cls(tuple(word for key, at in places.items() for word in ("-o", f"Dir::{key}={at}")))
        apt._run("apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any")
        return apt

    def candidate(self, package: str) -> Record | None:
        """The version apt would install, None when it knows no such package."""
        command = ["apt-cache", *self._options, "show", "--no-all-versions", package]
        shown = subprocess.run(command, capture_output=True, text=True, env=_environment())
        fields = dict(re.findall(r"^(Version|SHA256|Size): (\S+)$", shown.stdout, re.MULTILINE))
        if shown.returncode or len(fields) != 3:
            return None
        return Record(package, fields["Version"], fields["SHA256"], int(fields["Size"]))

    def archives(self) -> list[Archive]:
        """The archives whose lists have been fetched, in the order of the sources."""
        columns = "$(CODENAME)\t$(RELEASE)\t$(REPO_URI)\t$(SIGNED_BY)"
        output = self._run(
            "apt-get", "indextargets", "--format", columns, "Identifier: Packages"
        )
        archives = []
        for line in output.splitlines():
            codename, suite, uri, keyring = line.split("\t")
            # A field that is not set comes back as its own name.
            keyring = "" if keyring.startswith("$") else keyring
            archives.append(Archive(codename, suite, uri.rstrip("/"), keyring))
        return archives

    def download(self, record: Record, folder: Path) -> Path:
        """Fetch that version's package file into a folder. Raises LabError."""
        self._run("apt-get", "download", "-q", f"{record.package}={record.version}", cwd=folder)
        (package,) = folder.glob("*.deb")
        return package

    def _run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        command = [program, *self._options, *arguments]
        ran = subprocess.run(
            command, capture_output=True, text=True, env=_environment(), cwd=cwd,
            stdin=subprocess.DEVNULL,
        )
        if ran.returncode:
            errors = [line[2:].strip() for line in ran.stderr.splitlines() if line[:2] == "E:"]
            why = errors[0] if errors else f"status {ran.returncode}"
            raise lab_failed(f"{program} {arguments[0]} failed: {why}")
        return ran.stdout


def sibling(archives: list[Archive], suite: str) -> tuple[str, str]:
    """Where @suite is to be found, judged by the archives the machine uses.

    @suite may hold {codename}. The URI and the deb822 sources for it come back.
    Raises LabError.
    """
    codename = _codename()
    home = next((known for known in archives if known.suite == codename), None) or next(
        (known for known in archives if known.codename == codename), None
    )
    if home is None:
        raise lab_failed(
            f"apt on this machine knows no archive of {codename}: add one to /etc/apt, "
            "then run apt-get update"
        )
    suite = suite.format(codename=codename)
    uri = home.uri + ("-security" if suite.endswith("-security") else "")
    lines = ["Types: deb", f"URIs: {uri}", f"Suites: {suite}", "Components: main"]
    keyring = home.keyring or (str(KEYRING) if KEYRING.exists() else "")
    if keyring:
        lines.append(f"Signed-By: {keyring}")
    return f"{uri} {suite}", "\n".join(lines) + "\n"


def _codename() -> str:
    release = Path("/etc/os-release").read_text()
    found = re.search(r'^VERSION_CODENAME="?(\w+)"?$', release, re.MULTILINE)
    if not found:
        raise lab_failed("/etc/os-release names no release: the lab runs on Debian 12 and 13")
    return found[1]


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}

# SPDX-License-Identifier: GPL-2.0
"""Patches onto a work tree, without a moment in which they are half applied.

The files that the patches touch are taken from the pristine tree into a
staging folder, patched there, and only then those whose content differs are
put into the work tree. So a change in one patch rebuilds what it changes, and a
file whose content stays keeps its time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator, Sequence

from nslab_lab.host import files
from nslab_lab.host.errors import BAD_INPUT, LAB_FAILED, LabError, bad_input, lab_failed
from nslab_lab.host.paths import shown

LAB_FOLDER = "kernel/nslab"  # a symlink to faults/kernel


@dataclass
class Change:
    """What a patch does to one file."""

    old: str | None = None
    new: str | None = None
    hunks: list[int] = field(default_factory=list)  # old line number of each


@dataclass(frozen=True)
class Patch:
    """A patch file that has been read."""

    path: Path
    content: bytes
    changes: tuple[Change, ...]
    own: bool  # the lab's own, and not the user's

    def wrong(self, what: str) -> LabError:
        """The error to raise about this patch."""
        return LabError(LAB_FAILED if self.own else BAD_INPUT, f"{shown(self.path)}: {what}")

    @property
    def names(self) -> set[str]:
        """The files it touches."""
        names = {name for change in self.changes for name in (change.old, change.new)}
        return {name for name in names if name is not None}


# === Reading ===


def read_series(series: Path) -> list[Patch]:
    """The patches beside the file @series that it names, in its order. No such file: none."""
    if not series.exists():
        return []
    lines = (line.split("#")[0].strip() for line in series.read_text().splitlines())
    return [read_patch(series.parent / line, own=True) for line in lines if line]


def calls(patches: Sequence[Patch], hook: str) -> set[str]:
    """The identifiers that these patches put calls of @hook with into the kernel.

    "nslab_point" gives {"RCU_READ_LOCK", ...}: what a design does not have is not looked for.
    """
    call = re.compile(rf"\b{hook}(?:_ip)?\((\w+)")
    lines = (line for one in patches for line in one.content.decode("utf-8", "replace").splitlines())
    return {name for line in lines if line.startswith("+") for name in call.findall(line)}


def own_points(patches: Sequence[Patch]) -> list[str]:
    """The names of the points that these patches make by NSLAB_POINT("name"), in their order."""
    call = re.compile(r'\bNSLAB_POINT\(\s*"((?:[^"\\]|\\.)*)"')
    lines = (line for one in patches for line in one.content.decode("utf-8", "replace").splitlines())
    return [name for line in lines if line.startswith("+") for name in call.findall(line)]


def read_patch(path: Path, own: bool = False) -> Patch:
    """Read one patch. Raises LabError when it is none, or touches kernel/nslab."""
    try:
        content = path.read_bytes()
    except OSError as error:
        fail = lab_failed if own else bad_input
        raise fail(f"{shown(path)}: {error.strerror}") from error
    patch = Patch(path, content, tuple(_changes(content.decode("utf-8", "replace"))), own)
    if not patch.changes:
        raise patch.wrong("no patch in it")
    for name in sorted(patch.names):
        if name == LAB_FOLDER or name.startswith(f"{LAB_FOLDER}/"):
            raise patch.wrong(f"touches {name}: that folder is faults/kernel, change it there")
        if name.startswith("/") or ".." in name.split("/"):
            raise patch.wrong(f"touches {name}, which is not in the kernel tree")
    return patch


def _changes(text: str) -> Iterator[Change]:
    """One for each file of a diff; lines inside hunks are counted, not guessed at."""
    change = Change()
    left_old = left_new = 0
    for line in text.splitlines():
        if left_old > 0 or left_new > 0:
            left_old -= line[:1] in ("-", " ", "")
            left_new -= line[:1] in ("+", " ", "")
        elif header := re.match(r"diff --git a/(.+) b/(.+)$", line):
            yield from _finished(change)
            # Right unless a name holds " b/"; the lines that follow say it again.
            change = Change(header[1], header[2])
        elif line.startswith("--- ") and (change.hunks or not change.old):
            yield from _finished(change)
            change = Change(_name(line))
        elif line.startswith("--- "):
            change.old = _name(line)
        elif line.startswith("+++ "):
            change.new = _name(line)
        elif hunk := re.match(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@", line):
            change.hunks.append(int(hunk[1]))
            left_old, left_new = int(hunk[2] or 1), int(hunk[3] or 1)
    yield from _finished(change)


def _finished(change: Change) -> Iterator[Change]:
    # "---" also ends a mail's message; without "+++" it was not a file.
    if change.new is not None or change.hunks:
        yield change


def _name(line: str) -> str | None:
    name = line[4:].split("\t")[0].strip()
    return None if name == "/dev/null" else name.partition("/")[2] or name


# === Staging ===

# What is to stand at each path of the work tree; None: nothing.
Staged = dict[str, Path | None]


def stage(pristine: Path, patches: Sequence[Patch], folder: Path) -> Staged:
    """Apply the patches, in order, to copies of the pristine files in @folder.

    Raises LabError naming the patch, the file in it and the hunk.
    """
    files.remove(folder)
    folder.mkdir(parents=True)
    names = sorted({name for patch in patches for name in patch.names})
    for name in names:
        if (pristine / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(pristine / name, folder / name)
    for patch in patches:
        _apply(patch, folder)
    return {name: folder / name if (folder / name).is_file() else None for name in names}


def _apply(patch: Patch, folder: Path) -> None:
    environment = {
        **os.environ,
        "LC_ALL": "C",
        # The folder lies in the lab's own repository, which git must not notice.
        "GIT_CEILING_DIRECTORIES": os.path.realpath(folder.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        environment.pop(name, None)
    ran = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        cwd=folder, env=environment, input=patch.content, capture_output=True,
    )
    if ran.returncode:
        raise patch.wrong(_explain(patch, ran.stderr.decode("utf-8", "replace")))


def _explain(patch: Patch, errors: str) -> str:
    """git's complaint as: which file, which hunk."""
    if failed := re.search(r"^error: patch failed: (.+):(\d+)$", errors, re.MULTILINE):
        name, line = failed[1], int(failed[2])
        which = "a hunk"
        for change in patch.changes:
            if name in (change.old, change.new) and line in change.hunks:
                which = f"hunk {change.hunks.index(line) + 1} of {len(change.hunks)}"
        return f"does not apply: {name}, {which} (at line {line})"
    for complaint in re.findall(r"^(?:error|fatal): (.+)$", errors, re.MULTILINE):
        return f"does not apply: {complaint}"
    return "does not apply"


# === The work tree ===


def make_tree(pristine: Path, tree: Path) -> None:
    """A work tree of the pristine files: hard links where possible, else copies."""
    temporary = tree.with_name(f"{tree.name}.making")
    files.remove(temporary)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    copy_tree(pristine, temporary, link=True)
    temporary.rename(tree)


def copy_tree(source: Path, target: Path, link: bool) -> None:
    """Copy a file or a tree with its times, as hard links if asked and possible."""
    ways = ["--reflink=auto"]
    if link and source.stat().st_dev == target.parent.stat().st_dev:
        ways.insert(0, "--link")
    for way in ways:
        command = ["cp", "-a", way, str(source), str(target)]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode == 0:
            return
        files.remove(target)
    said = ran.stderr.strip().splitlines() or [f"cp ended with {ran.returncode}"]
    raise lab_failed(f"copying {shown(source)} to {shown(target)} failed: {said[0]}")


def is_known(manifest: Path) -> bool:
    """Whether it is known where the work tree may differ from the pristine one."""
    try:
        return not manifest.exists() or _names_in(manifest) is not None
    except (OSError, ValueError):
        return False


def _names_in(manifest: Path) -> list[str] | None:
    """The paths that a manifest holds, None where it is none. Raises OSError, ValueError."""
    names = json.loads(manifest.read_bytes())
    whole = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if whole else None


def install(pristine: Path, staged: Staged, tree: Path, manifest: Path) -> list[str]:
    """Make the work tree the pristine one plus what is staged; the paths that changed.

    @manifest: file that holds the paths where the tree may differ from pristine.
    Everything is written beside its place and renamed, so the hard links that the
    tree shares with the cache are broken, never written through.
    """
    before = set(_names_in(manifest) or ()) if manifest.exists() else set()
    # First the promise, then the deed: an interrupted install is finished by the next.
    files.write(manifest, json.dumps(sorted(before | set(staged))).encode())
    changed = []
    for name in sorted(before | set(staged)):
        original = pristine / name
        wanted = staged[name] if name in staged else original if original.is_file() else None
        if _put(wanted, tree / name, tree):
            changed.append(name)
    files.write(manifest, json.dumps(sorted(staged)).encode())
    return changed


def _put(wanted: Path | None, place: Path, tree: Path) -> bool:
    if wanted is None:
        if not place.is_file():
            return False
        place.unlink()
        for folder in place.parents:
            if folder == tree or any(folder.iterdir()):
                break
            folder.rmdir()
        return True
    data, runs = wanted.read_bytes(), bool(wanted.stat().st_mode & stat.S_IXUSR)
    if place.is_file() and place.read_bytes() == data:
        if bool(place.stat().st_mode & stat.S_IXUSR) == runs:
            return False
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.nslab")
    temporary.write_bytes(data)
    temporary.chmod(0o755 if runs else 0o644)
    temporary.replace(place)
    return True

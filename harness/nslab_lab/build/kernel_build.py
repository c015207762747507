# SPDX-License-Identifier: GPL-2.0
"""From a kernel's name to a UML binary, doing only what is still to do.

build/kernels/
	6.12.lock
	6.12/                the plain build
		src/             pristine source (hard links into the cache) plus the series
		src/out/         the objects
		bin/ID/          linux and config as built; stays what it is when out/ moves on
		stamp.json       written last: what was built from which inputs
	6.12+1a2b3c4d/       the same with the user's patches on top
	6.12-task_lock/      the plain build of another series than the default
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Sequence

from nslab_lab.build import catalog, damage, fetch, kconfig, kernels, kmake, series
from nslab_lab.build.inputs import Inputs, digest_of
from nslab_lab.build.kernel import KERNELS, Kernel
from nslab_lab.host import files, paths, progress
from nslab_lab.host.errors import LabError
from nslab_lab.host.paths import shown

OBJECTS = 1000  # a guess at what a first build compiles, until one has been counted
KEPT_BINARIES = 4
KEPT_PATCHED = 3


def ensure_kernel(
    name: str | None = None, patches: Sequence[Path] = (), engine: str | None = None,
    series_name: str | None = None,
) -> Kernel:
    """The kernel, fetched, patched, configured and built as far as that is still to do.

    @name, @engine, @series_name: None for the default of uml/kernels.toml.
    @patches: the user's own patches, on top of the series, in a build of their own.
    Raises LabError.
    """
    entry = kernels.load().entry(name)
    chosen = entry.engine(engine)
    design = entry.one_series(series_name)
    source = fetch.ensure_source(entry.package, entry.suite)
    own = series.read_series(design.file)
    users = [series.read_patch(path) for path in patches]
    stem = entry.name if chosen == entry.engine() else f"{entry.name}-{chosen.name}"
    if design != entry.one_series():
        stem += f"-{design.name}"
    compiler = kmake.compiler()
    plain = _Build(Inputs(entry, chosen, design, source, own, compiler), KERNELS / stem)
    if not users:
        return plain.ensure()
    digest = digest_of([patch.content for patch in users])[:8]
    whole = Inputs(entry, chosen, design, source, [*own, *users], compiler)
    return _Build(whole, KERNELS / f"{stem}+{digest}", plain).ensure()


class _Build:
    """One folder in build/kernels."""

    def __init__(self, inputs: Inputs, folder: Path, plain: _Build | None = None) -> None:
        self.inputs, self.folder, self.plain = inputs, folder, plain
        self.src, self.out = folder / "src", folder / "src" / "out"

    def lock(self) -> Path:
        """Beside the folder, which can go away."""
        return self.folder.with_name(f"{self.folder.name}.lock")

    def ensure(self) -> Kernel:
        """Bring the build up to date."""
        digest = self.inputs.digest()
        if kernel := self._finished(digest):
            return kernel
        if self.plain:
            self._check_patches()
            self.plain.ensure()
        with files.locked(self.lock(), f"kernel {self.folder.name}"):
            return self._finished(digest) or self._bring_up(digest)

    # === Up to date? ===

    def _finished(self, digest: str) -> Kernel | None:
        """The kernel if it was built from these very inputs and is still there."""
        try:
            stamp = json.loads((self.folder / "stamp.json").read_bytes())
            versions = {str(name): str(text) for name, text in stamp["versions"].items()}
            kernel = self._kernel(str(stamp["id"]), versions)
            if stamp["inputs"] != digest or not kernel.config.exists():
                return None
            if not damage.is_as_built(kernel.linux, stamp):
                return None
            if not files.is_whole(self.out / damage.CPIO_TOOL):
                return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        os.utime(self.folder / "stamp.json")  # for _drop_old()
        return kernel

    def _kernel(self, identity: str, versions: dict[str, str]) -> Kernel:
        binary, inputs = self.folder / "bin" / identity, self.inputs
        is_default = inputs.design == inputs.entry.one_series()
        places = series.calls(inputs.patches, "nslab_point")
        return Kernel(
            name=inputs.entry.name, id=identity, engine=inputs.engine.name, src=self.src, out=self.out,
            linux=binary / "linux", config=binary / "config", versions=versions,
            cmdline=inputs.engine.cmdline,
            patched=self.plain is not None,
            series=None if is_default else inputs.design.name,
            points=(
                *(item.name for item in catalog.called(catalog.points(), places)),
                *series.own_points(inputs.patches),
            ),
        )

    # === Building ===

    def _check_patches(self) -> None:
        """Fail before anything is made for a patch that does not apply."""
        KERNELS.mkdir(parents=True, exist_ok=True)
        staging = KERNELS / f".check.{os.getpid()}"
        try:
            series.stage(self.inputs.source.tree, self.inputs.patches, staging)
        finally:
            files.remove(staging)

    def _bring_up(self, digest: str) -> Kernel:
        self._make_tree()
        staging = self.folder / "staging"
        try:
            staged = series.stage(self.inputs.source.tree, self.inputs.patches, staging)
            damage.drop_damaged_binaries(self.out, self.folder / "stamp.json")
            (self.folder / "stamp.json").unlink(missing_ok=True)
            series.install(self.inputs.source.tree, staged, self.src, self.folder / "installed.json")
        finally:
            files.remove(staging)
        self._link_faults()
        marker = self.folder / "building"
        damage.drop_half_written(self.out, marker)
        log = self.folder / "build.log"
        log.unlink(missing_ok=True)
        marker.touch()
        try:
            self._configure(log)
            self._compile(log)
        except (LabError, KeyboardInterrupt) as error:
            if kmake.HALF_MADE not in getattr(error, "__notes__", ()):
                marker.unlink()
            raise
        marker.unlink()
        return self._publish(digest)

    def _make_tree(self) -> None:
        """src/, unless it is there and of this source."""
        origin = self.folder / "origin"
        this = f"{self.inputs.source.version} {self.inputs.source.sha256}\n"
        if self.src.exists() and origin.exists() and origin.read_bytes() == this.encode():
            if series.is_known(self.folder / "installed.json"):
                return
            progress.say(f"{shown(self.folder / 'installed.json')} is damaged: the tree is made anew")
        files.remove(self.folder)
        self.folder.mkdir(parents=True)
        if self.plain:
            self._copy_plain()
        else:
            series.make_tree(self.inputs.source.tree, self.src)
        files.write(origin, this.encode())

    def _copy_plain(self) -> None:
        """Begin with the plain build: its sources as links, its objects as copies."""
        assert self.plain
        _drop_old(self.folder, self.plain.folder)
        with (
            files.locked(self.plain.lock(), f"kernel {self.plain.folder.name}"),
            progress.task("copying the plain build", "copied the plain build"),
        ):
            making = self.folder / "making"
            making.mkdir()
            for path in self.plain.src.iterdir():
                series.copy_tree(path, making / path.name, link=path.name != "out")
            for name in ("installed.json", "config.inputs"):
                files.write(self.folder / name, (self.plain.folder / name).read_bytes())
            making.rename(self.src)

    def _link_faults(self) -> None:
        link = self.src / series.LAB_FOLDER
        if paths.FAULTS_KERNEL.is_dir() and not link.is_symlink():
            link.symlink_to(os.path.relpath(paths.FAULTS_KERNEL, link.parent))

    def _configure(self, log: Path) -> None:
        key = self.folder / "config.inputs"
        digest = self.inputs.config_digest()
        if key.exists() and key.read_bytes() == digest.encode() and (self.out / ".config").exists():
            return
        key.unlink(missing_ok=True)
        what = f"kernel {self.folder.name}"
        with progress.task(f"configuring {what}", f"configured {what}"):
            kconfig.configure(self.src, self.inputs.engine.fragments, log, what)
        files.write(key, digest.encode())

    def _compile(self, log: Path) -> None:
        first = not (self.out / "vmlinux").exists()
        fresh = not (self.out / "include/generated/autoconf.h").exists()
        counted = paths.cache() / f"objects-{self.inputs.entry.name}"
        total = _number_in(counted) or OBJECTS
        what = f"kernel {self.folder.name}"
        if self.plain:
            own = ", ".join(shown(one.path) for one in self.inputs.patches if not one.own)
            what += f" with {own}"
        lines = 0

        def count(line: str) -> None:
            nonlocal lines
            lines += bool(re.match(r"  (CC|AS|LD|AR|HOSTCC) ", line))
            step(lines)

        doing = f"building {what} (log: {shown(log)})"
        with progress.task(doing, f"built {what}", total if first else None) as step:
            try:
                kmake.make(self.src, self.inputs.variables(), log, what, count, bool(self.plain))
            except LabError:
                if not damage.drop_damaged_objects(self.out):
                    raise
                kmake.make(self.src, self.inputs.variables(), log, what, count, bool(self.plain))
        if fresh:
            files.write(counted, str(lines).encode())

    def _publish(self, digest: str) -> Kernel:
        """Set the binary apart under its id, then write the stamp."""
        config = (self.out / ".config").read_bytes()
        versions = self.inputs.versions(config)
        kernel = self._kernel(versions["kernel_id"], versions)
        kernel.linux.parent.mkdir(parents=True, exist_ok=True)
        files.write(kernel.config, config)
        # The linker unlinks before it writes, so this link keeps the file as it is now.
        temporary = kernel.linux.with_name(".linux")
        temporary.unlink(missing_ok=True)
        os.link(self.out / "linux", temporary)
        temporary.replace(kernel.linux)
        os.utime(kernel.linux.parent)
        self._drop_old_binaries()
        made = kernel.linux.stat()
        stamp = {"inputs": digest, "id": kernel.id, "versions": versions, "size": made.st_size,
                 "mtime_ns": made.st_mtime_ns, "sha256": files.sha256(kernel.linux)}
        files.write(self.folder / "stamp.json", (json.dumps(stamp, indent="\t") + "\n").encode())
        return kernel

    def _drop_old_binaries(self) -> None:
        binaries = sorted((self.folder / "bin").iterdir(), key=lambda path: path.stat().st_mtime)
        for path in binaries[:-KEPT_BINARIES]:
            files.remove(path)


def _drop_old(new: Path, plain: Path) -> None:
    """Of the patched builds keep only those used last: each takes half a GB."""

    def used(folder: Path) -> float:
        stamp = folder / "stamp.json"
        return (stamp if stamp.exists() else folder).stat().st_mtime

    patched = [path for path in KERNELS.glob(f"{plain.name}+*") if path.is_dir() and path != new]
    for folder in sorted(patched, key=used)[: -KEPT_PATCHED + 1]:
        files.remove(folder)


def _number_in(path: Path) -> int | None:
    """The number that a file holds, None where it holds none."""
    try:
        return int(path.read_text()[:20])
    except (OSError, ValueError):
        return None

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

import hashlib
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

from nslab_lab.build import catalog, fetch, kconfig, kernels, kmake, series
from nslab_lab.host import files, paths, progress
from nslab_lab.host.errors import LabError
from nslab_lab.host.paths import shown

KERNELS = paths.BUILD / "kernels"
OBJECTS = 1000  # a guess at what a first build compiles, until one has been counted
KEPT_BINARIES = 4
KEPT_PATCHED = 3
CPIO_TOOL = "usr/gen_init_cpio"  # in the objects, what writes a guest's file system


@dataclass(frozen=True)
class Kernel:
    """A finished build."""

    name: str  # "6.12"
    id: str  # 8 hex digits: source, patches, faults/kernel, configuration, compiler
    engine: str  # "det"
    src: Path  # the patched source tree
    out: Path  # the objects
    linux: Path  # the UML binary; no later build overwrites it
    config: Path  # its .config
    versions: dict[str, str]  # source_package, source_version, source_sha256, compiler, ...
    cmdline: tuple[str, ...]  # what this kernel's entry adds to the command line
    series: str | None = None  # of its patches; None: the default one
    points: tuple[str, ...] = ()  # the named points that its patches place
    patched: bool = False  # by the user, too

    @property
    def is_plain(self) -> bool:
        """No patch of the user's own, and the default series."""
        return not self.patched and self.series is None


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
    plain = _Build(entry, chosen, design, source, own, KERNELS / stem)
    if not users:
        return plain.ensure()
    digest = _digest([patch.content for patch in users])[:8]
    folder = KERNELS / f"{stem}+{digest}"
    return _Build(entry, chosen, design, source, [*own, *users], folder, plain).ensure()


def last_built(name: str) -> Path | None:
    """The binary of the plain build of kernel @name that was made last, be it out of date."""
    try:
        folder = KERNELS / name
        identity = str(json.loads((folder / "stamp.json").read_text())["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    linux = folder / "bin" / identity / "linux"
    return linux if linux.exists() else None


def series_built(name: str, identity: str) -> str | None:
    """Of which series the build @identity of kernel @name is; None where it is not there any more."""
    for path in KERNELS.glob(f"{name}*/stamp.json"):
        try:
            stamp = json.loads(path.read_text())
            if stamp["id"] == identity:
                return str(stamp["versions"]["series"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half written, or of an older lab
    return None


def _is_as_built(linux: Path, stamp: dict[str, Any]) -> bool:
    """Whether the binary is still the one of the stamp. Raises OSError, KeyError.

    It is read only where its time says that somebody has touched it.
    """
    now = linux.stat()
    if now.st_size != stamp["size"]:
        return False
    return bool(now.st_mtime_ns == stamp["mtime_ns"] or files.sha256(linux) == stamp["sha256"])


class _Build:
    """One folder in build/kernels."""

    def __init__(
        self, entry: kernels.Entry, engine: kernels.Engine, design: kernels.Series,
        source: fetch.Source, patches: Sequence[series.Patch], folder: Path,
        plain: _Build | None = None,
    ) -> None:
        self.entry, self.engine, self.design, self.source = entry, engine, design, source
        self.patches, self.folder, self.plain = patches, folder, plain
        self.src, self.out = folder / "src", folder / "src" / "out"
        self.compiler = kmake.compiler()

    def lock(self) -> Path:
        """Beside the folder, which can go away."""
        return self.folder.with_name(f"{self.folder.name}.lock")

    def ensure(self) -> Kernel:
        """Bring the build up to date."""
        inputs = self._inputs()
        if kernel := self._finished(inputs):
            return kernel
        if self.plain:
            self._check_patches()
            self.plain.ensure()
        with files.locked(self.lock(), f"kernel {self.folder.name}"):
            return self._finished(inputs) or self._bring_up(inputs)

    # === Inputs ===

    def _inputs(self) -> str:
        """A digest of all that the binary is made from."""
        return _digest([
            *self._identity(),
            *self._fragments(),
            *self._variables(),
        ])  # fmt: skip

    def _identity(self) -> list[str | bytes]:
        """What tells kernels apart, but for the configuration."""
        return [
            self.source.version,
            self.source.sha256,
            *(patch.content for patch in self.patches),
            *self.entry.cflags,
            "faults/kernel",
            *_contents(paths.FAULTS_KERNEL),
            self.compiler,
        ]

    def _fragments(self) -> list[str | bytes]:
        parts: list[str | bytes] = []
        for path in self.engine.fragments:
            parts += [path.name, path.read_bytes()]
        return parts

    def _variables(self) -> list[str]:
        """What make is called with."""
        flags = [f"KCFLAGS={' '.join(self.entry.cflags)}"] if self.entry.cflags else []
        return [*kmake.KERNEL_VARIABLES, *flags]

    def _config_inputs(self) -> str:
        """A digest of what the configuration is made from."""
        kconfigs = [patch.content for patch in self.patches if _touches_kconfig(patch)]
        return _digest([
            self.source.version,
            self.compiler,
            *kconfigs,
            *_contents(paths.FAULTS_KERNEL, "Kconfig*"),
            *self._fragments(),
        ])  # fmt: skip

    # === Up to date? ===

    def _finished(self, inputs: str) -> Kernel | None:
        """The kernel if it was built from these very inputs and is still there."""
        try:
            stamp = json.loads((self.folder / "stamp.json").read_bytes())
            versions = {str(name): str(text) for name, text in stamp["versions"].items()}
            kernel = self._kernel(str(stamp["id"]), versions)
            if stamp["inputs"] != inputs or not kernel.config.exists():
                return None
            if not _is_as_built(kernel.linux, stamp) or not files.is_whole(self.out / CPIO_TOOL):
                return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        os.utime(self.folder / "stamp.json")  # for _drop_old()
        return kernel

    def _kernel(self, identity: str, versions: dict[str, str]) -> Kernel:
        binary = self.folder / "bin" / identity
        return Kernel(
            name=self.entry.name, id=identity, engine=self.engine.name, src=self.src, out=self.out,
            linux=binary / "linux", config=binary / "config", versions=versions,
            cmdline=self.engine.cmdline,
            patched=self.plain is not None,
            series=None if self.design == self.entry.one_series() else self.design.name,
            points=tuple(
                item.name
                for item in catalog.called(
                    catalog.points(), series.calls(self.patches, "nslab_point")
                )
            ),
        )

    # === Building ===

    def _check_patches(self) -> None:
        """Fail before anything is made for a patch that does not apply."""
        KERNELS.mkdir(parents=True, exist_ok=True)
        staging = KERNELS / f".check.{os.getpid()}"
        try:
            series.stage(self.source.tree, self.patches, staging)
        finally:
            files.remove(staging)

    def _bring_up(self, inputs: str) -> Kernel:
        self._make_tree()
        staging = self.folder / "staging"
        try:
            staged = series.stage(self.source.tree, self.patches, staging)
            self._drop_damaged_binaries()
            (self.folder / "stamp.json").unlink(missing_ok=True)
            series.install(self.source.tree, staged, self.src, self.folder / "installed.json")
        finally:
            files.remove(staging)
        self._link_faults()
        self._heal()
        log = self.folder / "build.log"
        log.unlink(missing_ok=True)
        marker = self.folder / "building"
        marker.touch()
        try:
            self._configure(log)
            self._compile(log)
        except (LabError, KeyboardInterrupt) as error:
            if kmake.HALF_MADE not in getattr(error, "__notes__", ()):
                marker.unlink()
            raise
        marker.unlink()
        return self._publish(inputs)

    def _make_tree(self) -> None:
        """src/, unless it is there and of this source."""
        origin = self.folder / "origin"
        this = f"{self.source.version} {self.source.sha256}\n"
        if self.src.exists() and origin.exists() and origin.read_bytes() == this.encode():
            if series.is_known(self.folder / "installed.json"):
                return
            progress.say(f"{shown(self.folder / 'installed.json')} is damaged: the tree is made anew")
        files.remove(self.folder)
        self.folder.mkdir(parents=True)
        if self.plain:
            self._copy_plain()
        else:
            series.make_tree(self.source.tree, self.src)
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

    def _heal(self) -> None:
        """After a build that was killed: what it wrote may be half written."""
        marker = self.folder / "building"
        if marker.exists():
            subprocess.run(
                ["find", self.out, "-type", "f", "-newer", marker, "!", "-name", ".config",
                 "-delete"], check=True,
            )  # fmt: skip

    def _drop_damaged_binaries(self) -> None:
        """Remove damaged objects: make would take them for up to date."""
        try:
            stamp = json.loads((self.folder / "stamp.json").read_bytes())
            damaged = not _is_as_built(self.out / "linux", stamp)
        except (OSError, ValueError, KeyError, TypeError):
            damaged = (self.out / "linux").exists() and not files.is_whole(self.out / "linux")
        if damaged:
            progress.say(f"{shown(self.out / 'linux')} is damaged: it is linked again")
            # Links to one file.
            for name in ("linux", "vmlinux", "vmlinux.o"):
                (self.out / name).unlink(missing_ok=True)
        if not files.is_whole(self.out / CPIO_TOOL):
            (self.out / CPIO_TOOL).unlink(missing_ok=True)

    def _drop_damaged_objects(self) -> bool:
        """Remove what a crash of the machine has cut short; whether there was anything."""
        damaged = [
            path
            for pattern in ("*.o", "*.a")
            for path in self.out.rglob(pattern)
            if path.is_file() and not files.is_whole(path)
        ]
        damaged += [path for path in self.out.rglob(".*.cmd") if b"cmd_" not in path.read_bytes()[:64]]
        for path in damaged:
            path.unlink()
        if damaged:
            progress.say(f"{shown(damaged[0])} is damaged, of {len(damaged)} files: they are built again")
        return bool(damaged)

    def _configure(self, log: Path) -> None:
        key = self.folder / "config.inputs"
        inputs = self._config_inputs()
        if key.exists() and key.read_bytes() == inputs.encode() and (self.out / ".config").exists():
            return
        key.unlink(missing_ok=True)
        what = f"kernel {self.folder.name}"
        with progress.task(f"configuring {what}", f"configured {what}"):
            kconfig.configure(self.src, self.engine.fragments, log, what)
        files.write(key, inputs.encode())

    def _compile(self, log: Path) -> None:
        first = not (self.out / "vmlinux").exists()
        fresh = not (self.out / "include/generated/autoconf.h").exists()
        counted = paths.cache() / f"objects-{self.entry.name}"
        total = _number_in(counted) or OBJECTS
        what = f"kernel {self.folder.name}"
        if self.plain:
            own = ", ".join(shown(one.path) for one in self.patches if not one.own)
            what += f" with {own}"
        lines = 0

        def count(line: str) -> None:
            nonlocal lines
            lines += bool(re.match(r"  (CC|AS|LD|AR|HOSTCC) ", line))
            step(lines)

        doing = f"building {what} (log: {shown(log)})"
        with progress.task(doing, f"built {what}", total if first else None) as step:
            try:
                kmake.make(self.src, self._variables(), log, what, count, bool(self.plain))
            except LabError:
                if not self._drop_damaged_objects():
                    raise
                kmake.make(self.src, self._variables(), log, what, count, bool(self.plain))
        if fresh:
            files.write(counted, str(lines).encode())

    def _publish(self, inputs: str) -> Kernel:
        """Set the binary apart under its id, then write the stamp."""
        config = (self.out / ".config").read_bytes()
        identity = _digest([*self._identity(), kconfig.settings(config.decode())])[:8]
        versions = {
            "kernel": self.entry.name,
            "kernel_id": identity,
            "engine": self.engine.name,
            "series": self.design.name,
            "source_package": self.source.package,
            "source_version": self.source.version,
            "source_sha256": self.source.sha256,
            "patches": " ".join(patch.path.name for patch in self.patches),
            "patches_sha256": _digest([patch.content for patch in self.patches]),
            "faults_sha256": _digest(_contents(paths.FAULTS_KERNEL)),
            "config_sha256": hashlib.sha256(config).hexdigest(),
            "compiler": self.compiler,
            "cflags": " ".join(self.entry.cflags),
        }
        kernel = self._kernel(identity, versions)
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
        stamp = {"inputs": inputs, "id": identity, "versions": versions, "size": made.st_size,
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


def _touches_kconfig(patch: series.Patch) -> bool:
    return any(Path(name).name.startswith("Kconfig") for name in patch.names)


def _contents(folder: Path, pattern: str = "*") -> list[str | bytes]:
    """Names and contents of the folder's files, but for pages, hidden ones and editors' copies."""
    parts: list[str | bytes] = []
    for path in sorted(folder.rglob(pattern)):
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(("~", ".md")):
            parts += [str(path.relative_to(folder)), path.read_bytes()]
    return parts


def _digest(parts: Sequence[str | bytes]) -> str:
    """sha256 of the parts, each with its length before it."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(b"%d:" % len(data) + data)
    return total.hexdigest()

# SPDX-License-Identifier: GPL-2.0
"""The inputs of a kernel build, and the digests that identify it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from nslab_lab.build import fetch, kconfig, kernels, kmake, series
from nslab_lab.host import paths
from nslab_lab.plans import machinery


@dataclass(frozen=True)
class Inputs:
    """The inputs of one kernel build."""

    entry: kernels.Entry
    engine: kernels.Engine
    design: kernels.Series
    source: fetch.Source
    patches: Sequence[series.Patch]  # the series, then the user's own
    compiler: str

    def digest(self) -> str:
        """A digest of all that the binary is made from."""
        return digest_of([
            *self._identity(),
            *self._fragments(),
            *self.variables(),
        ])  # fmt: skip

    def kernel_id(self, config: bytes) -> str:
        """The id of the kernel that has been configured as @config, the content of its .config."""
        return digest_of([*self._identity(), kconfig.settings(config.decode())])[:8]

    def config_digest(self) -> str:
        """A digest of what the configuration is made from."""
        kconfigs = [patch.content for patch in self.patches if _touches_kconfig(patch)]
        return digest_of([
            self.source.version,
            self.compiler,
            *kconfigs,
            *contents(paths.FAULTS_KERNEL, "Kconfig*"),
            *self._fragments(),
        ])  # fmt: skip

    def variables(self) -> list[str]:
        """What make is called with."""
        flags = [f"KCFLAGS={' '.join(self.entry.cflags)}"] if self.entry.cflags else []
        return [*kmake.KERNEL_VARIABLES, *flags]

    def versions(self, config: bytes) -> dict[str, str]:
        """What a run folder's versions.json says of the kernel configured as @config."""
        return {
            "kernel": self.entry.name,
            "kernel_id": self.kernel_id(config),
            "engine": self.engine.name,
            "series": self.design.name,
            "source_package": self.source.package,
            "source_version": self.source.version,
            "source_sha256": self.source.sha256,
            "patches": " ".join(patch.path.name for patch in self.patches),
            "patches_sha256": digest_of([patch.content for patch in self.patches]),
            "faults_sha256": digest_of(contents(paths.FAULTS_KERNEL)),
            "config_sha256": hashlib.sha256(config).hexdigest(),
            "compiler": self.compiler,
            "cflags": " ".join(self.entry.cflags),
        }

    def _identity(self) -> list[str | bytes]:
        """What tells kernels apart, but for the configuration."""
        return [
            self.source.version,
            self.source.sha256,
            *(patch.content for patch in self.patches),
            *self.entry.cflags,
            "faults/kernel",
            *contents(paths.FAULTS_KERNEL),
            # It is not made of that, but what is in its traces depends on it.
            *machinery.meaning(),
            self.compiler,
        ]

    def _fragments(self) -> list[str | bytes]:
        parts: list[str | bytes] = []
        for path in self.engine.fragments:
            parts += [path.name, path.read_bytes()]
        return parts


def _touches_kconfig(patch: series.Patch) -> bool:
    return any(Path(name).name.startswith("Kconfig") for name in patch.names)


def contents(folder: Path, pattern: str = "*") -> list[str | bytes]:
    """Names and contents of the folder's files, but for pages, hidden ones and editors' copies."""
    parts: list[str | bytes] = []
    for path in sorted(folder.rglob(pattern)):
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(("~", ".md")):
            parts += [str(path.relative_to(folder)), path.read_bytes()]
    return parts


def digest_of(parts: Sequence[str | bytes]) -> str:
    """sha256 of the parts, each with its length before it."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(b"%d:" % len(data) + data)
    return total.hexdigest()

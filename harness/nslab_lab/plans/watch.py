# SPDX-License-Identifier: GPL-2.0
"""What is watched of a slab cache: a part of a plan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Watch:
    """Bytes of every object of a slab cache."""

    name: str  # as it was asked for: "cred", "task_struct.cred"
    cache: str
    offset: int  # bytes
    size: int  # bytes
    struct: str

    def __str__(self) -> str:
        """As the kernel wants it written to debugfs."""
        return f"{self.cache}:{self.offset}:{self.size}"

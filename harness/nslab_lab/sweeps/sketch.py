# SPDX-License-Identifier: GPL-2.0
"""How many different traces there were, without keeping them all.

The K smallest of their hashes tell (Bar-Yossef et al. 2002, "Counting distinct elements in a data
stream"): exact below K, else with an error of about 1/sqrt(K). What is added twice, or in another
order, or by way of another sketch, makes no difference.
"""

from __future__ import annotations

import array
import hashlib
import heapq
from typing import Iterable

K = 1024
_SPACE = 2**64


def hash_of(trace: str) -> int:
    """A trace's hash, 16 hex digits, spread evenly over 64 bits."""
    return int.from_bytes(hashlib.blake2b(trace.encode(), digest_size=8).digest(), "big")


class Sketch:
    """A set of hashes of which only the smallest are known."""

    def __init__(self, lowest: Iterable[int] = ()) -> None:
        self.lowest = set(heapq.nsmallest(K, set(lowest)))

    def add(self, hashes: Iterable[int]) -> None:
        """Join @hashes to the set."""
        self.lowest = set(heapq.nsmallest(K, self.lowest.union(hashes)))

    @property
    def count(self) -> int:
        """How many different ones there are, about."""
        if len(self.lowest) < K:
            return len(self.lowest)
        return round((K - 1) * _SPACE / max(self.lowest))

    def pack(self) -> bytes:
        """The same set, the same bytes."""
        return array.array("Q", sorted(self.lowest)).tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> Sketch:
        """What pack() gave."""
        return cls(array.array("Q", data))

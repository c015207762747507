# SPDX-License-Identifier: GPL-2.0
"""Tokens: one execution on one line, enough to run it again.

    NSLAB1.<kernel>-<kernel id>.<scenario>.<variant>.<profile>-<digest>[+<watch>]*.<strategy>.
        <seed, hex>.<first>.<n>

in one piece, <strategy> as in strategies.py. A scenario of the user's own is <name>+<hash>, with a
hash of its text. <watch>, "sem_array:296:8", is watched besides what the profile says, since an
execution was seen to share it; it has a comma for each dot. Only the kernel's name may hold a dot,
so fields are split from the right. Replaying boots once and runs <first> to <n>; <first> is <n>
where the execution fails alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from nslab_lab.host.errors import bad_input
from nslab_lab.plans import strategies

_TOKEN = re.compile(
    r"NSLAB1"
    r"\.(?P<kernel>[A-Za-z0-9][A-Za-z0-9._]*)-(?P<kernel_id>[0-9a-f]{8})"
    r"\.(?P<scenario>[A-Za-z0-9_-]+(?:\+[0-9a-f]{8})?)"
    r"\.(?P<variant>[A-Za-z0-9_-]+)"
    r"\.(?P<profile>[A-Za-z0-9_-]+)-(?P<profile_digest>[0-9a-f]{6})"
    r"(?P<grown>(?:\+[@=]?[A-Za-z0-9_,-]+:\d{1,9}:\d{1,9})*)"
    r"\.(?P<strategy>[A-Za-z0-9_-]+)"
    r"\.(?P<seed>[0-9a-f]{1,16})"
    r"\.(?P<first>[1-9][0-9]{0,17})"
    r"\.(?P<n>[1-9][0-9]{0,17})"
)


@dataclass(frozen=True)
class Token:
    """The fields of a token."""

    kernel: str  # "6.12"
    kernel_id: str  # 8 hex digits
    scenario: str  # "read-vs-exit", or of the user's own "mine+1a2b3c4d"
    variant: str  # "none" for the kernel as it should be
    profile: str
    profile_digest: str  # 6 hex digits
    strategy: str  # as strategies.Strategy writes itself
    seed: int  # 0 .. 2**64-1
    first: int  # from 1
    n: int  # first .. ; the execution that is meant
    grown: tuple[str, ...] = ()  # watched besides, as the kernel reads it: "sem_array:296:8"

    def __str__(self) -> str:
        return f"{self.prefix}.{self.n}"

    @property
    def prefix(self) -> str:
        """All but the number of the execution."""
        grown = "".join(f"+{one}".replace(".", ",") for one in self.grown)
        return (
            f"NSLAB1.{self.kernel}-{self.kernel_id}.{self.scenario}.{self.variant}"
            f".{self.profile}-{self.profile_digest}{grown}.{self.strategy}.{self.seed:x}.{self.first}"
        )

    @property
    def solo(self) -> Token:
        """The same execution, run alone."""
        return replace(self, first=self.n)


def parse(text: str) -> Token:
    """The token @text stands for. Raises LabError(2)."""
    found = _TOKEN.fullmatch(text.strip())
    if not found:
        raise bad_input(f"'{_short(text)}' is no token: {_why(text.strip())}")
    fields = found.groupdict()
    seed, first, n = (fields.pop(name) for name in ("seed", "first", "n"))
    grown = tuple(fields.pop("grown").replace(",", ".").split("+")[1:])
    token = Token(**fields, seed=int(seed, 16), first=int(first), n=int(n), grown=grown)
    strategies.parse(token.strategy)
    if token.first > token.n:
        raise bad_input(
            f"'{_short(text)}' is no token: its executions end at {token.n} "
            f"before they begin at {token.first}"
        )
    return token


_FORM = "NSLAB1.KERNEL.SCENARIO.VARIANT.PROFILE.STRATEGY.SEED.FIRST.N"


def _why(text: str) -> str:
    if not text:
        return "it is empty; copy the one that a finding ends with"
    if re.match(r"NSLAB([02-9]|1\d)", text):
        return "it is of another version of the lab, this one reads NSLAB1"
    if not text.startswith("NSLAB1."):
        return "it has to begin with 'NSLAB1.'"
    if text.count(".") < 8:
        return f"it is cut short, it has the form {_FORM}"
    return f"it is not of the form {_FORM}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."

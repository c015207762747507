# SPDX-License-Identifier: GPL-2.0
"""Plans: what is to be run, for the whole run, for one boot, and as the guest reads it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Iterator

from nslab_lab.profiles import Profile
from nslab_lab.token import Token

DEFAULT_EXECUTIONS = 2000
DEFAULT_SEED = 1
DEFAULT_PROFILE = "delay"
DEFAULT_STRATEGY = "none"
NO_VARIANT = "none"

# A boot costs a third of a second, an execution some milliseconds; several guests at once
# need several batches.  What an execution sees may depend on those before it in its boot,
# so the split belongs to the plan and never to the machine.
BATCH = 500

# Guest time an execution may take before it counts as hung.  Waiting costs no host time.
HANG_MS = 60_000


@dataclass(frozen=True)
class BootPlan:
    """What one boot of a guest runs: executions first .. first+count-1 of one scenario."""

    token: Token  # of the first execution
    knobs: tuple[str, ...]  # "failslab/probability=10"
    count: int
    trace: bool  # report each step
    timeout_ms: int = HANG_MS  # guest time

    @property
    def first(self) -> int:
        return self.token.n

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    @property
    def name(self) -> str:
        """Names the boot's files; the same in every run of the plan."""
        return f"{self.token.scenario}-{self.first}"

    def token_of(self, n: int) -> Token:
        """The token of execution @n as this boot runs it."""
        return replace(self.token, n=n)

    def guest_text(self) -> str:
        """The guest's /plan."""
        token = self.token
        values: list[tuple[str, object]] = [
            ("scenario", token.scenario),
            ("seed", f"{token.seed:#x}"),
            ("first", self.first),
            ("count", self.count),
            ("trace", int(self.trace)),
            ("strategy", token.strategy),
            ("token", token.prefix),
            ("timeout_ms", self.timeout_ms),
        ]
        lines = [f"{key}={value}" for key, value in values]
        return "\n".join(lines + [f"knob={knob}" for knob in self.knobs]) + "\n"


@dataclass(frozen=True)
class RunPlan:
    """What `nslab run` runs."""

    kernel: str
    kernel_id: str
    scenarios: tuple[str, ...]  # in the order of the report
    variant: str
    profile: str
    profile_digest: str
    knobs: tuple[str, ...]
    strategy: str
    seed: int  # 0 .. 2**64-1
    executions: int  # of each scenario
    findings: int  # a scenario stops after so many; 0: never
    batch: int = BATCH  # executions a boot
    timeout_ms: int = HANG_MS  # guest time

    def json(self) -> str:
        """The plan as a canonical line of JSON: same plan, same bytes."""
        return canonical(asdict(self))

    def token(self, scenario: str, first: int, n: int) -> Token:
        """The token of execution @n of @scenario in a boot that begins with @first."""
        return Token(
            self.kernel, self.kernel_id, scenario, self.variant,
            self.profile, self.profile_digest, self.strategy, self.seed, first, n,
        )  # fmt: skip

    def boot(self, scenario: str, first: int, last: int, trace: bool = False) -> BootPlan:
        """One boot that runs @first to @last."""
        token = self.token(scenario, first, first)
        return BootPlan(token, self.knobs, last - first + 1, trace, self.timeout_ms)

    def batches(self, scenario: str) -> Iterator[BootPlan]:
        """The boots a scenario is split into, in order."""
        for first in range(1, self.executions + 1, self.batch):
            yield self.boot(scenario, first, min(first + self.batch - 1, self.executions))


def make(
    kernel: str, kernel_id: str, profile: Profile, scenarios: tuple[str, ...], **rest: Any
) -> RunPlan:
    """A plan; @rest are the further fields of RunPlan."""
    return RunPlan(
        kernel=kernel,
        kernel_id=kernel_id,
        scenarios=scenarios,
        profile=profile.name,
        profile_digest=profile.digest,
        knobs=tuple(map(str, profile.knobs)),
        **rest,
    )


def canonical(data: Any) -> str:
    """One line of JSON; equal data gives equal bytes."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

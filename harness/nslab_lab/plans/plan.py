# SPDX-License-Identifier: GPL-2.0
"""Plans: what is to be run, for the whole run, for one boot, and as the guest reads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Iterator, Sequence

from nslab_lab.host import jsonline
from nslab_lab.plans import strategies, watch
from nslab_lab.plans.profiles import Profile
from nslab_lab.plans.token import Token
from nslab_lab.plans.watch import SHARED, Watch, Watching

DEFAULT_EXECUTIONS = 2000
DEFAULT_SEED = 1
# Of each input, where every schedule is to be tried.
DEFAULT_SEARCH = 20_000
DEFAULT_STRATEGY = strategies.NONE
DEFAULT_PROFILE = "delay"
# Where a strategy decides which actor runs, no delay is to hold one back as well.
DEFAULT_STEERED_PROFILE = "none"
NO_VARIANT = "none"

# A boot costs a third of a second, an execution some milliseconds; several guests at once
# need several batches.  What an execution sees may depend on those before it in its boot,
# so the split belongs to the plan and never to the machine.
BATCH = 500

# A short boot of each scenario goes first, where all that is shared is watched: it shows whether the
# set holds, and what is found later is watched in all others. It has executions 1, 2, 4, ... profiled.
PILOT = 64

# In a round of the profile fail-nth, chance may keep an allocation from failing where it is to:
# then there is another round. Most often one will do.
MAX_ROUNDS = 3

# A report may come in an execution after the one that is to blame, because of what that one has
# freed or left.  So one that is run alone is followed by some without faults.
IDLE = 2

# Guest time an execution may take before it counts as hung.  Waiting costs no host time.
HANG_MS = 60_000


# The strategies for which every scheduling point counts, whatever it touches: they do not number
# them, or have no bound that more of them would weaken.
_ALL_BY_DEFAULT = ("random", "pos")
SHARED_POINTS, ALL_POINTS = "shared", "all"


@dataclass(frozen=True)
class BootPlan:
    """What one boot of a guest runs: executions first .. first+count-1 of one scenario."""

    token: Token  # of the first execution
    knobs: tuple[str, ...]  # of the profile: "failslab/probability=10"
    count: int  # executions; of a search, schedules at the most
    trace: bool  # report each step
    unnamed: bool = False  # named points are no scheduling points
    unpruned: bool = False  # of a search: leave nothing out
    schedules: tuple[str, ...] = ()  # for replay, one after the other
    failures: str = ""  # for bounded: the allocations that fail, as in a schedule
    watching: Watching = Watching()  # where a strategy decides
    points: str = ""  # as the profile has it
    words: bool = False  # report what is found to be shared
    skip: tuple[int, ...] = ()  # profile executions that are left out, since the guest dies in them
    grows: bool = False  # it is run again if more is found to be shared later, and that watched, too
    fail_nth: bool = False  # each allocation of each marked call fails once
    reuse: bool = False  # freed memory is used again at once, see reuses()
    timeout_ms: int = HANG_MS  # guest time
    measure: bool = False  # no execution: the subject's benchmark is run
    idle: int = 0  # executions without faults after each, whose failures count as its own

    @property
    def first(self) -> int:
        return self.token.n

    @property
    def last(self) -> int:
        return self.first if self.strategy.searches else self.first + self.count - 1

    @property
    def strategy(self) -> strategies.Strategy:
        return strategies.parse(self.token.strategy)

    @property
    def all_points(self) -> bool:
        """Whether scheduling points that touch no shared word are such, too."""
        if self.strategy.name == "replay":
            return self.strategy.all_points
        return self.points == ALL_POINTS if self.points else self.strategy.name in _ALL_BY_DEFAULT

    def reuses(self, n: int) -> bool:
        """Whether freed memory is used again at once in execution @n."""
        if self.strategy.name == "replay":
            return self.strategy.reuse
        return self.reuse and (self.strategy.searches or n % 2 == 0)

    @property
    def watches(self) -> tuple[Watch, ...]:
        """What is watched by hand: the kinds of objects of which a trace tells, by number."""
        given = self.watching.watches if self.strategy.steers else ()
        return tuple(one for one in (*given, *map(watch.parse, self.token.grown)) if one.kind != SHARED)

    @property
    def name(self) -> str:
        """Names the boot's files; the same in every run of the plan."""
        grown = f"+{len(self.token.grown)}" if self.token.grown else ""
        return f"{self.token.scenario}-{self.first}{grown}"

    def token_of(self, n: int) -> Token:
        """The token of execution @n as this boot runs it."""
        return replace(self.token, n=n)

    def of_replay(self, token: Token) -> BootPlan:
        """A boot like this one that runs @token's execution, and those before it, traced."""
        count = token.n - token.first + 1
        first = replace(token, n=token.first)
        alone = count == 1 and strategies.parse(token.strategy).name != "bounded"
        return replace(
            self, token=first, count=count, trace=True, words=True, schedules=(),
            idle=IDLE if alone else 0,
        )  # fmt: skip

    def guest_text(self) -> str:
        """The guest's /plan."""
        token, strategy = self.token, self.strategy
        values: list[tuple[str, object]] = [
            ("scenario", token.scenario),
            ("seed", f"{token.seed:#x}"),
            ("first", self.first),
            ("count", self.count),
            ("trace", int(self.trace)),
            ("strategy", strategy.name),
            ("token", token.prefix if strategy.name != "replay" else "NSLAB"),
            ("timeout_ms", self.timeout_ms),
        ]
        flags = {
            "unnamed": self.unnamed,
            "reuse": strategy.reuse or (self.reuse and strategy.name != "replay"),
            "fail_nth": self.fail_nth,
            "unpruned": self.unpruned,
            "measure": self.measure,
            "all_points": strategy.steers and self.all_points,
            "words": strategy.steers and self.words,
        }
        values += [(name, 1) for name, on in flags.items() if on]
        if strategy.steers and self.skip:
            values.append(("skip", ",".join(map(str, self.skip))))
        if self.idle:
            values.append(("idle", self.idle))
        if strategy.name == "pct":
            values += [("depth", strategy.depth), ("length", strategy.length)]
        if strategy.name == "bounded":
            values += [("preemptions", strategy.preemptions), ("failures", self.failures)]
        if strategy.name == "replay":
            values += [("schedule", one) for one in self.schedules or (strategy.schedule,)]
        lines = [f"{key}={value}" for key, value in values]
        watched = self.watching.knobs(self.token.grown) if strategy.steers else []
        return "\n".join(lines + [f"knob={knob}" for knob in (*self.knobs, *watched)]) + "\n"


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
    strategy: str  # as tokens have it
    seed: int  # 0 .. 2**64-1
    executions: int  # of each scenario; 0: as many as @rounds says
    findings: int  # a scenario stops after so many; 0: never
    batch: int = BATCH  # executions a boot
    unnamed: bool = False  # named points are no scheduling points
    unpruned: bool = False  # of a search: leave nothing out
    left_out: str = ""  # the kernel's text that is machinery, see Watching
    points: str = ""  # as the profile has it
    # By scenario, in the order of @scenarios.
    watches: tuple[tuple[Watch, ...], ...] = ()  # where a strategy decides
    actors: tuple[tuple[str, ...], ...] = ()
    inputs: tuple[int, ...] = ()  # for a search
    lengths: tuple[int, ...] = ()  # for pct: steps of an execution
    fail_nth: bool = False  # each allocation of each marked call fails once
    rounds: tuple[int, ...] = ()  # then: how many executions that takes, where none were asked for
    reuse: bool = False  # freed memory is used again at once
    timeout_ms: int = HANG_MS  # guest time
    series: str | None = None  # of the kernel's patches; None: the default one

    def json(self) -> str:
        """The plan as a canonical line of JSON: same plan, same bytes."""
        return jsonline.canonical(asdict(self))

    def token(self, scenario: str, first: int, n: int) -> Token:
        """The token of execution @n of @scenario in a boot that begins with @first."""
        return Token(
            self.kernel, self.kernel_id, scenario, self.variant, self.profile,
            self.profile_digest, self.strategy_of(scenario), self.seed, first, n,
        )  # fmt: skip

    def strategy_of(self, scenario: str) -> str:
        """The strategy as it is for that scenario."""
        strategy = strategies.parse(self.strategy)
        if self.lengths and not strategy.length:
            strategy = replace(strategy, length=self.lengths[self.scenarios.index(scenario)])
        return str(strategy)

    def actors_of(self, scenario: str) -> tuple[str, ...]:
        """Its actors, in the order of their letters."""
        return self.actors[self.scenarios.index(scenario)]

    def boot(self, scenario: str, first: int, last: int, trace: bool = False) -> BootPlan:
        """One boot that runs @first to @last."""
        token = self.token(scenario, first, first)
        return BootPlan(
            token, self.knobs, last - first + 1, trace, self.unnamed, self.unpruned,
            watching=self.watching_of(scenario), points=self.points, words=trace,
            fail_nth=self.fail_nth, reuse=self.reuse, timeout_ms=self.timeout_ms,
        )  # fmt: skip

    def watching_of(self, scenario: str) -> Watching:
        """What is watched in that scenario."""
        if not self.watches:
            return Watching()
        return Watching(self.watches[self.scenarios.index(scenario)], self.left_out)

    def batches(self, scenario: str) -> Iterator[BootPlan]:
        """The boots a scenario is split into, in order."""
        for number in range(self.parts):
            yield from self.part(scenario, number)

    @property
    def parts(self) -> int:
        """How many rounds there may be of each scenario; 1 where there are none."""
        return 1 if self.executions else MAX_ROUNDS

    def part(self, scenario: str, number: int) -> Iterator[BootPlan]:
        """The boots of one round, from 0. The very first one tells what is shared."""
        boots = self._boots(scenario, number)
        if not number:
            yield replace(next(boots), words=True)
        yield from boots

    def _boots(self, scenario: str, number: int) -> Iterator[BootPlan]:
        if strategies.parse(self.strategy).searches:
            inputs = self.inputs[self.scenarios.index(scenario)]
            for n in range(1, inputs + 1):
                yield replace(self.boot(scenario, n, n), count=self.executions, grows=self.grows(scenario))
            return
        executions = self.executions_of(scenario)
        start, last = executions * number + 1, executions * (number + 1)
        if self.has_pilot(scenario) and not number:
            yield replace(self.boot(scenario, 1, PILOT), grows=True)
            start += PILOT
        for first in range(start, last + 1, self.batch):
            yield self.boot(scenario, first, min(first + self.batch - 1, last))

    def grows(self, scenario: str) -> bool:
        """Whether words are watched that are found to be shared later."""
        return self.watching_of(scenario).shared and strategies.parse(self.strategy).steers

    def has_pilot(self, scenario: str) -> bool:
        """Whether the first boot has to end before the others begin."""
        searches = strategies.parse(self.strategy).searches
        return self.grows(scenario) and not searches and self.batch > PILOT < self.executions_of(scenario)

    def executions_of(self, scenario: str) -> int:
        """How many executions of that scenario there are to be, in a round if there are such."""
        return self.executions or self.rounds[self.scenarios.index(scenario)]

    def setups_of(self, scenario: str) -> int:
        """With fail_nth: what its executions take in turn, an input and who starts."""
        index = self.scenarios.index(scenario)
        return self.inputs[index] * len(self.actors[index])


def make(
    kernel: str, kernel_id: str, profile: Profile, scenarios: tuple[str, ...],
    watching: Sequence[Watching] = (), **rest: Any,
) -> RunPlan:
    """A plan; @watching: by scenario, @rest: further fields of RunPlan."""
    return RunPlan(
        kernel, kernel_id, scenarios,
        profile=profile.name,
        profile_digest=profile.digest,
        knobs=tuple(map(str, profile.knobs)),
        unnamed=not profile.named_points,
        watches=tuple(one.watches for one in watching),
        left_out=watching[0].left_out if watching else "",
        points=profile.points,
        fail_nth=profile.fail_nth,
        reuse=profile.reuse,
        **rest,
    )  # fmt: skip

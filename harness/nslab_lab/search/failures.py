# SPDX-License-Identifier: GPL-2.0
"""What one boot has shown: its executions, which of them failed, and the verdict on each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nslab_lab.guest import verdict
from nslab_lab.guest.boots import Boot
from nslab_lab.guest.machine import Machine
from nslab_lab.guest.results import Execution
from nslab_lab.guest.verdict import Verdict
from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import shown
from nslab_lab.plans import strategies
from nslab_lab.plans.token import Token


@dataclass(frozen=True)
class Failure:
    """A failing execution as one boot showed it."""

    token: Token
    execution: Execution
    verdict: Verdict

    def same_as(self, other: Failure | None) -> bool:
        """Whether both are the same failure, step by step."""
        return (
            other is not None
            and self.execution.hash == other.execution.hash
            and self.verdict.signature == other.verdict.signature
        )


def examine(boot: Boot, machine: Machine) -> tuple[list[Execution], list[Failure]]:
    """The executions of a boot, the one it died in among them, and the failures' verdicts."""
    executions = list(boot.executions)
    console = boot.console_text()
    report = verdict.of_console(console)
    died = _died(boot)
    failures = []
    for index, execution in enumerate(executions):
        # What showed only after the last execution, when the guest was about to go.
        late = (
            index + 1 == len(executions)
            and not died
            and not any(one.failed for one in executions)
            and (report or not (boot.ended or boot.stopped))
        )
        if execution.failed or late:
            judged = _judge(execution, report, boot.status)
            executions[index] = _failed(execution, judged)
            failures.append(Failure(_token(boot, executions[index]), executions[index], judged))
    if died:
        if boot.silent:
            judged = verdict.no_answer(machine.silence_s)
        else:
            judged = report or verdict.crash(boot.status)
        trace, points = verdict.trace_of(console)
        followed = _schedule_of_death(boot, console) if boot.plan.strategy.searches else None
        dead = Execution(boot.next, None, "fail", None, None, points, None, None, trace, followed)
        executions.append(_failed(dead, judged))
        failures.append(Failure(_token(boot, executions[-1]), executions[-1], judged))
    return executions, failures


def _token(boot: Boot, execution: Execution) -> Token:
    """The token of an execution: a search says which schedule it was."""
    token = boot.plan.token_of(execution.n)
    if execution.schedule is None:
        return token
    strategy = strategies.Strategy(
        "replay", schedule=execution.schedule, all_points=boot.plan.all_points,
        reuse=boot.plan.reuses(execution.n),
    )
    return replace(token, strategy=str(strategy))


def _schedule_of_death(boot: Boot, console: str) -> str | None:
    """The schedule of the execution that a guest died in."""
    said = verdict.schedule_of(console)
    one = boot.plan.strategy.schedule
    listed = boot.plan.schedules or ((one,) if one else ())
    # A long one is cut short by the kernel; one to warm up is in no list.
    if listed and said != strategies.QUIET and said not in listed:
        return listed[min(len(boot.executions), len(listed) - 1)]
    return said


def check_search(boot: Boot) -> None:
    """Raises LabError(3) where the same schedule did not do the same again."""
    if boot.search and boot.search.diverged:
        raise lab_failed(
            f"{boot.plan.token.scenario}: the search diverged, {boot.search.diverged}: the kernel "
            f"did not do the same again; see {shown(boot.console)}"
        )


# Oracles of the guest program, after which it goes on.
_IN_GUEST = ("assertion", "leak", "kmemleak", "diverged")


def _died(boot: Boot) -> bool:
    """Whether the guest died within an execution."""
    if boot.ended or boot.stopped or boot.next > boot.plan.last:
        return False
    last = boot.executions[-1] if boot.executions else None
    if boot.plan.schedules and len(boot.executions) == len(boot.plan.schedules):
        return False
    # After a failure that leaves the kernel in doubt the guest powers off by itself.
    return last is None or not last.failed or last.oracle in _IN_GUEST or boot.silent


def _judge(execution: Execution, report: Verdict | None, status: int | None) -> Verdict:
    if execution.oracle == "assertion":
        return verdict.assertion(execution.message or "an assertion failed")
    if execution.oracle == "leak":
        return verdict.leak(execution.message or "something")
    if execution.oracle == "kmemleak":
        return verdict.kmemleak(execution.message or "something")
    if execution.oracle == "diverged":
        return verdict.diverged(execution.message)
    if report:
        return report
    if not execution.failed:
        return verdict.crash(status)
    if execution.oracle == "hang":
        return verdict.hang(execution.message)
    message = execution.message or "the kernel reported something"
    return Verdict(execution.oracle or "bug", message, f"{execution.oracle}:{message}")


def _failed(execution: Execution, judged: Verdict) -> Execution:
    return replace(execution, verdict="fail", oracle=judged.oracle, message=judged.headline)

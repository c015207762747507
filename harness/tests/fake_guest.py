#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A process where a guest would be, for tests of what the harness does with it.

The scenario's name says how it behaves. What a kernel does is no matter of these tests.

One like "needs-a5b-b3a-c2" fails where its schedule has the switches a5b and b3a and the failed
allocation c2. Strategies that draw come upon that in execution 7, among much that does not matter.
"needs-a5b-other-a4b" fails in another way where there is a4b, but not all that it needs.
"varies-needs-a5b" then shows itself in another way, "wanders-" at another place, "strays-" both.
"needs-a5b-pair-a7b-b8a" fails only where a7b and b8a are both there, or both are not.
"late-needs-a5b" does not fail itself: the execution after it does, whatever that is.

"blames-4-7" fails in execution 7, or in one without faults, because of what execution 4 has left.
"blames-only-4-7" fails in no other than execution 7. "forgets-4" has kmemleak report at its end.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import time
import zlib
from typing import Any, Iterator

KASAN = """\
==================================================================
BUG: KASAN: slab-use-after-free in utsns_get+0x5e/0xb0
Read of size 8 at addr 0000000060b8f5c8 by task reader/35

Call Trace:
 [<6003b5a2>] ? show_stack+0x0/0x1c
 [<6003b5a2>] utsns_get+0x5e/0xb0
 [<6003b5a2>] ns_get_path_task+0x2a/0x60
==================================================================
Kernel panic - not syncing: kasan.fault=panic set ...
"""


def emit(**event: Any) -> None:
    os.write(3, json.dumps(event).encode() + b"\n")


ACTORS = ("reader", "switcher", "third")


def step(n: Any, number: Any, actor: Any, point: Any, **more: Any) -> None:
    emit(
        **{
            "event": "step", "n": n, "step": number, "actor": actor, "point": point,
            "where": "utsns_get+0x5e/0xb0", "nesting": 1, "delay_ns": 1500, **more,
        }
    )  # fmt: skip


def execution(n: Any, **more: Any) -> None:
    emit(
        **{
            "event": "execution", "n": n, "seed": f"{n:016x}", "verdict": "pass", "oracle": None,
            "message": None, "points": 10, "faults": n % 3, "virtual_ns": 1000,
            "hash": f"{n * 7919:016x}", **more,
        }
    )  # fmt: skip


def die(n: Any, plan: Any, hash: Any = None) -> None:
    sys.stdout.write(KASAN)
    print(f"nslab: token={plan['token']}.{n}")
    print(f"nslab: trace hash={hash or n:016x} points=3")
    if plan["trace"] == "1":
        step(n, 1, "reader", "rcu_read_lock")
        step(n, 2, "switcher", "switch_before_free")
    sys.stdout.flush()
    os.abort()


def hang() -> None:
    """Says so, which no real guest does: see lab.hour_passes()."""
    print("hangs", flush=True)
    while True:
        time.sleep(1000)


# === Schedules ===


def needs(scenario: Any) -> Any:
    """The switches and failures that make the scenario fail; None if it is not such a one."""
    if "needs-" not in scenario:
        return None
    return set(re.findall(r"[a-z]\d+[a-z]?", re.split("-other-|-pair-", scenario.partition("needs-")[2])[0]))


def behind(word: Any, scenario: Any) -> Any:
    """The switches that stand behind -other- or -pair-."""
    return set(re.findall(r"[a-z]\d+[a-z]", scenario.partition(f"-{word}-")[2]))


def parts_of(schedule: Any) -> Any:
    """Its switches and its failures."""
    switches, _, failures = schedule.partition("-")
    return re.findall(r"[a-z]\d+[a-z]", switches), re.findall(r"[a-z]\d+", failures)


def drawn(scenario: Any, n: Any) -> Any:
    """The schedule that a strategy comes upon: what is needed in execution 7, and much besides."""
    dice = random.Random(n)
    parts = needs(scenario) | behind("other", scenario) | behind("pair", scenario) if n == 7 else set()
    switches = {one for one in parts if one[-1].isalpha()}
    for local in range(10, 50):
        at, to = dice.sample("abc", 2)
        switches.add(f"{at}{local}{to}")
    failures = {one for one in parts if one[-1].isdigit()} | {"a11", "b12", "c13"}
    text = "".join(sorted(switches, key=lambda one: (int(one[1:-1]), one)))
    return f"{text}-{''.join(sorted(failures))}"


def follow(plan: Any, n: Any, schedule: Any, told: Any) -> Any:
    """One execution of that schedule; @told: the schedule is part of the result."""
    scenario = plan["scenario"]
    switches, failures = parts_of(schedule)
    hash = zlib.crc32(schedule.encode())
    said = {"hash": f"{hash:016x}", "points": 100, "schedule": schedule if told else None}
    if plan["trace"] == "1":
        show(n, switches, failures)
    pair = behind("pair", scenario)
    if scenario.startswith("late-"):
        return follow_late(plan, n, schedule, told, said)
    fails = needs(scenario) <= {*switches, *failures} and pair & {*switches} in (pair, set())
    if not fails and behind("other", scenario) & {*switches}:
        print("WARNING: CPU: 0 PID: 1 at kernel/other.c:5 other+0x1/0x2", flush=True)
        execution(n, verdict="fail", oracle="splat", **said)
        sys.exit()
    if fails and scenario.startswith("asserts-"):
        execution(n, verdict="fail", oracle="assertion", message="a.c:9: the link is old", **said)
    elif fails:
        report = KASAN
        if told and scenario.startswith(("varies-", "strays-")):
            report = report.replace("slab-use-after-free", "null-ptr-deref")
        if told and scenario.startswith(("wanders-", "strays-")):
            report = report.replace("utsns_get", "free_nsproxy")
        sys.stdout.write(report)
        short = schedule[:10] if scenario.startswith("cuts-") else schedule
        print(f"nslab: token={plan['token']}.{n}" + (f" schedule={short}" if told else ""))
        print(f"nslab: trace hash={hash:016x} points=100", flush=True)
        os.abort()
    else:
        execution(n, **said)
    return fails


left: list[Any] = []  # what earlier executions of this boot were


def follow_late(plan: Any, n: Any, schedule: Any, told: Any, said: Any) -> bool:
    """One execution that leaves something, or that finds what another one has left."""
    switches, failures = parts_of(schedule)
    leaves = needs(plan["scenario"]) <= {*switches, *failures}
    if left or leaves and plan.get("idle"):
        sys.stdout.write(KASAN)
        print("nslab: died after an execution")
        print(f"nslab: token={plan['token']}.{n}" + (f" schedule={schedule}" if told else ""))
        print(f"nslab: trace hash={said['hash']} points=100", flush=True)
        os.abort()
    left.extend([n] * leaves)
    execution(n, **said)
    return False


def blames(plan: Any, n: Any) -> None:
    """See above; comes back from an execution that does not fail."""
    words = plan["scenario"].split("-")
    leaves, reports = map(int, words[-2:])
    if n == leaves:
        left.append(n)
    if left and (n == reports or plan.get("idle") and "only" not in words):
        die(n, plan)


def forgets(plan: Any, n: Any, last: Any) -> bool:
    """Whether kmemleak has reported something."""
    if n == int(plan["scenario"].rpartition("-")[2]):
        left.append(n)
    if not left or not last:
        return False
    message = "1 object, one of 8 bytes from make_widget < sys_widget"
    execution(n, verdict="fail", oracle="kmemleak", message=message)
    return True


def show(n: Any, switches: Any, failures: Any) -> None:
    """The steps of an execution: decisions of each kind, by default too."""
    number = 0
    by_letter = {chr(ord("a") + index): name for index, name in enumerate(ACTORS)}
    for one in failures:
        number += 1
        step(n, number, by_letter[one[0]], "failslab", kind="fault", local=int(one[1:]))
    for one in switches:
        at, local, to = by_letter.get(one[0], ""), int(one[1:-1]), by_letter[one[-1]]
        kind = "point" if at else "begin"
        for next in (at or ACTORS[0], to) if local else (to,):
            number += 1
            step(
                n, number, at, "rcu_read_lock", kind=kind, next=next, enabled=7, free=not at,
                local=local - (next == at),
            )  # fmt: skip
    # Whoever has come to its end is followed by the first that can still run.
    step(n, number + 1, "third", "end", kind="end", next="reader", enabled=3, free=True, local=60)


def search(plan: Any, n: Any) -> None:
    """Every schedule with up to so many of the switches of small numbers."""
    scenario, count = plan["scenario"], int(plan["count"])
    switches = [f"{at}{local}{to}" for local in range(1, 6) for at, to in (("a", "b"), ("b", "a"), ("a", "c"))]
    failures = f"-{plan['failures']}" if plan["failures"] else ""
    layers = [["0"], switches, [one + two for one in switches for two in switches]]
    layers = layers[: int(plan["preemptions"]) + 1]
    ran = []
    failed = False
    for layer in layers:
        if failed:
            break
        ran.append(0)
        for schedule in layer[: count - sum(ran)]:
            ran[-1] += 1
            if needs(scenario) is None:
                execution(n, schedule=schedule + failures)
            else:
                failed = follow(plan, n, schedule + failures, told=True)
            if failed:
                break
    cut = "schedules" if sum(map(len, layers)) > count else None
    diverged = "execution 3: a4b is not possible" if scenario == "diverges" else None
    emit(
        event="search", n=n, complete=len(layers) - 1 if not cut else 0, schedules=ran,
        redundant=2, pruned=30, points=77, unexplained=0, cut=cut, diverged=diverged,
    )  # fmt: skip


def directed(plan: Any, strategy: Any) -> None:
    """A plan whose strategy says more than which executions."""
    n = int(plan["first"])
    if strategy == "bounded":
        search(plan, n)
        return
    for schedule in plan["schedules"]:
        if needs(plan["scenario"]) is None:
            execution(n, schedule=schedule)
        else:
            follow(plan, n, schedule, told=True)


def met(scenario: Any, count: Any) -> None:
    """All read utsns_get(), only "exits" comes to an exit and to another reader."""
    exits = count * (scenario == "exits")
    path = "ns_get_path_task+0x2a/0x60"
    places = [{"where": "utsns_get+0x5e/0xb0", "executions": count, "callers": {path: count}}]
    if exits:
        callers = {"validate_nsset+0x2a/0x60": exits}
        places.append({"where": "get_task_nsproxy+0x1a/0x90", "executions": exits, "callers": callers})
    emit(
        event="points", hits={"rcu_read_lock": 5 * count, "exit_notify": exits},
        executions={"rcu_read_lock": count, "exit_notify": exits}, places=places,
    )  # fmt: skip


# === Each allocation fails once ===

SETUPS = 3  # one input, three actors
CALLS = (("reader", "open(path)", ("aa", "bb")), ("switcher", "unshare(0)", ("cc",)))


def aims() -> Iterator[Any]:
    """What executions fail, one after the other, for each set-up the same."""
    for actor, name, stacks in CALLS:
        for nth, stack in enumerate(stacks, 1):
            yield {"actor": actor, "call": 1, "name": name, "nth": nth, "again": 1, "stack": stack}
        yield None


def count_allocations() -> None:
    for stack in ("aa", "bb", "cc"):
        emit(event="stack", id=stack, fault="failslab", frames=["utsns_get+0x5e/0xb0"])
    for n in range(1, SETUPS + 1):
        for one in (one for one in aims() if one):
            emit(event="site", n=n, counted=True, **one)
    emit(event="round", executions=SETUPS * len(list(aims())), points=40)


def refused(scenario: Any, n: Any) -> Any:
    """The allocation that fails in execution n; "misses" does not come to one in the first round."""
    listed = list(aims())
    one = listed[(n - 1) // SETUPS % len(listed)]
    if one and scenario == "misses" and one["stack"] == "cc" and n <= SETUPS * len(listed):
        return None
    return one and {**one, "errno": "ENOMEM"}


def word_of(name: str, offset: int, new: bool = False) -> Any:
    """A shared word of a slab cache."""
    sides = [{"actor": 0, "write": True, "ip": "0x40"}, {"actor": 1, "write": False, "ip": "0x80"}]
    return {
        "what": 0xffff, "kind": "cache", "name": name, "offset": offset, "size": 8, "object_size": 64, "locked": "",
        "sides": sides, "new": new,
    }  # fmt: skip


def found_later(scenario: str, knobs: list[str]) -> list[tuple[str, int]]:
    """ "later-N": N boots find another word each, when the one before is watched; "alike-N": N words at once."""
    found = re.match(r"(later|alike)-(\d+)", scenario)
    if not found:
        return []
    watched = "".join(knobs).count("watch=late")
    if found[1] == "alike":
        return [("late", 8 * n) for n in range(int(found[2]))] if not watched else []
    return [(f"late{watched}", 16)] if watched < int(found[2]) else []


def main() -> None:
    with open("plan") as file:
        lines = [line.rstrip("\n").split("=", 1) for line in file]
    plan: dict[str, Any] = dict(lines)
    plan["schedules"] = [text for key, text in lines if key == "schedule"]
    first, count = int(plan["first"]), int(plan["count"])
    scenario = plan["scenario"]
    print("Linux version 0.0.0-fake", flush=True)
    if scenario == "bad-plan":
        emit(event="error", message="no scenario 'bad-plan'")
        return
    if scenario == "no-boot":
        print("Kernel panic - not syncing: VFS: Unable to mount root fs", flush=True)
        os.abort()
    if scenario == "mute":
        hang()
    if scenario == "dies-profiling":
        for number in range(1, 6):
            if str(number) in plan.get("skip", "").split(","):
                continue
            emit(profiling=number)
            if number in (2, 4):
                step(1, 1, "reader", "rcu_read_lock")
                os.abort()
        emit(profiling=0)
    emit(event="ready")
    if "measure" in plan:  # it comes to its end, or not
        if scenario == "passes":
            emit(event="end")
        return
    if scenario == "look-around":
        with open("/proc/self/status") as file:
            print(file.read())
        with open("/proc/self/limits") as file:
            print(file.read())
        print("ARGV", json.dumps(sys.argv))
        print("ENV", json.dumps(dict(os.environ)))
        print("FDS", sorted(os.listdir("/proc/self/fd")), flush=True)
        print("SESSION", os.getsid(0) == os.getpid(), flush=True)
    if scenario == "watches":
        sides = [{"actor": 0, "write": True, "ip": "0x40"}, {"actor": 1, "write": False, "ip": "0x80"}]
        emit(word={
            "what": 2, "kind": "kmalloc", "name": "newary", "site": {"ip": "0x1234"}, "offset": 8, "size": 8,
            "object_size": 64, "locked": "", "sides": sides, "new": False,
        })
        for number in (-1, 0, 1, 2):
            step(first, number + 2, "reader", "access", kind="access", watch=number)
    if scenario == "nonsense":
        os.write(3, b'{"event":"execution","n":1}\n')
    if plan["strategy"] in ("bounded", "replay"):
        if scenario.startswith("slow-"):
            time.sleep(0.4)
        if scenario == "hangs-in-search":
            hang()
        directed(plan, plan["strategy"])
        count = 0
    if "fail_nth" in plan and count:
        count_allocations()
    for n in range(first, first + count):
        if "fail_nth" in plan:
            execution(n, refused=refused(scenario, n))
            continue
        if needs(scenario) is not None:
            follow(plan, n, drawn(scenario, n), told=False)
            continue
        if scenario.startswith("blames-"):
            blames(plan, n)
        if scenario.startswith("forgets-") and forgets(plan, n, n == first + count - 1):
            continue
        if scenario == "hangs" and n == 3:
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            hang()
        if scenario == "dies" and n in (7, 23):
            die(n, plan)
        if scenario == "dies-after-others" and n == 7 and first < 7:
            die(n, plan)
        if scenario == "dies-differently" and n == 7:
            die(n, plan, hash=first)
        if scenario == "dies-at-random" and n == 7:
            die(n, plan, hash=time.monotonic_ns() if first == 7 else first)
        if scenario == "dies-once" and n == 7 and plan["trace"] == "0":
            die(n, plan)
        if scenario == "vanishes" and n == 2:
            os.write(3, b'{"event":"execution","n":2,"see')
            os.kill(os.getpid(), signal.SIGSEGV)
        if scenario == "ends" and n == 2:
            return
        if scenario == "asserts" and n in (3, 5):
            execution(n, verdict="fail", oracle="assertion", message=f"a.c:9: link {n} went back")
        elif scenario == "splats" and n == 4:
            print("\n=============================\nWARNING: suspicious RCU usage\nx.c:1", flush=True)
            execution(n, verdict="fail", oracle="splat", message=None)
            return
        elif scenario == "guest-hang" and n == 4:
            execution(n, verdict="fail", oracle="hang", message="reader did not come back")
            return
        else:
            execution(n)
        if scenario == "slow":
            time.sleep(0.1)
    later = found_later(scenario, [text for key, text in lines if key == "knob"])
    for name, offset in later:
        emit(word=word_of(name, offset, new=True))
    if later:
        emit(profile={"words": 4, "locked": 2, "profiled": 5, "outside": 2, "outside_unprotected": 2, "held": False})
    elif plan["strategy"] not in ("none", "unsteered"):
        emit(profile={"words": 4, "locked": 2, "profiled": 5, "outside": 0, "held": True})
    met(scenario, count)
    emit(event="end")
    if scenario == "late":
        sys.stdout.write(KASAN)
        sys.stdout.flush()
        os.abort()


main()

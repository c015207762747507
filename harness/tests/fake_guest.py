#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A process where a guest would be, for tests of what the harness does with it.

The scenario's name says how it behaves. What a kernel does is no matter of these tests.
"""

import json
import os
import signal
import sys
import time

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


def emit(**event):
    os.write(3, json.dumps(event).encode() + b"\n")


def step(n, number, actor, point):
    emit(
        event="step", n=n, step=number, actor=actor, point=point,
        where="utsns_get+0x5e/0xb0", nesting=1, delay_ns=1500,
    )  # fmt: skip


def execution(n, **more):
    emit(
        **{
            "event": "execution", "n": n, "seed": f"{n:016x}", "verdict": "pass", "oracle": None,
            "message": None, "points": 10, "faults": n % 3, "virtual_ns": 1000,
            "hash": f"{n * 7919:016x}", **more,
        }
    )  # fmt: skip


def die(n, plan, hash=None):
    sys.stdout.write(KASAN)
    print(f"nslab: token={plan['token']}.{n}")
    print(f"nslab: trace hash={hash or n:016x} points=3")
    if plan["trace"] == "1":
        step(n, 1, "reader", "rcu_read_lock")
        step(n, 2, "switcher", "switch_before_free")
    sys.stdout.flush()
    os.abort()


def main():
    with open("plan") as file:
        lines = [line.rstrip("\n").split("=", 1) for line in file]
    plan = dict(lines)
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
        time.sleep(1000)
    emit(event="ready")
    if scenario == "look-around":
        with open("/proc/self/status") as file:
            print(file.read())
        with open("/proc/self/limits") as file:
            print(file.read())
        print("ARGV", json.dumps(sys.argv))
        print("ENV", json.dumps(dict(os.environ)))
        print("FDS", sorted(os.listdir("/proc/self/fd")), flush=True)
        print("SESSION", os.getsid(0) == os.getpid(), flush=True)
    if scenario == "nonsense":
        os.write(3, b'{"event":"execution","n":1}\n')
    for n in range(first, first + count):
        if scenario == "hangs" and n == 3:
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(1000)
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
    emit(event="points", hits={"rcu_read_lock": 5 * count, "exit_notify": 0})
    emit(event="end")
    if scenario == "late":
        sys.stdout.write(KASAN)
        sys.stdout.flush()
        os.abort()


main()

# SPDX-License-Identifier: GPL-2.0
"""The stacks of other tasks, and where a stack of the kernel's goes over to user space.

Another task's stack is shown in place of what called the newest frame, by an unwinder. No
register is changed for it, so going on is always safe.
"""

from __future__ import annotations

import re
import subprocess
from typing import Any, Iterator

import gdb
from gdb.FrameDecorator import FrameDecorator
from gdb.unwinder import Unwinder, register_unwinder

from nslab_gdb import kernel
from nslab_gdb.guest import GUEST
from nslab_gdb.trace import symbol_of
from nslab_lab.guest import verdict

# As kernel_setjmp() keeps them, see arch/x86/um/shared/sysdep/archsetjmp_64.h.
_SAVED = ("rbx", "rsp", "rbp", "r12", "r13", "r14", "r15", "rip")
_USER_IP = 16  # index in the registers of user space
_MAX_FRAMES = 60
# The lab's, KASAN's and the console's files, and what a section's ends are made of.
_FILES = ("/nslab/", "mm/kasan/", "kernel/printk/")
_SECTIONS = ("rcu_read_lock", "__rcu_read_lock", "rcu_read_unlock", "__rcu_read_unlock")
# UML's way into and out of a task.
_SWITCHING = ("switch_threads", "kernel_setjmp", "context_switch", "__schedule_loop")


def register() -> None:
    """Have gdb use them."""
    register_unwinder(None, _OTHER)
    _UserSpace()
    for command in (
        "continue", "step", "next", "stepi", "nexti", "finish", "until", "advance", "jump",
    ):  # fmt: skip
        _hook(command, "own")
    for command in ("run", "start", "starti", "kill"):
        _hook(command, "leave")
    gdb.execute("python import nslab_gdb.stacks")


def _hook(command: str, function: str) -> None:
    """Before @command that function of this file is called."""
    gdb.execute(f"define hook-{command}\npython nslab_gdb.stacks.{function}()\nend", to_string=True)


# === The frame that matters ===


def interesting(where: str = "") -> gdb.Frame:
    """The frame of the code under test, above the lab's and what reports.

    @where: of the step at which it stands, "vfs_read+0x1a/0x80".
    """
    frame = gdb.newest_frame()
    if found := _judged(frame) or _named(where, frame):
        return found
    faulted = GUEST.reported in ("show_regs", "panic")
    found = None
    for frame in _frames(frame):
        if faulted and frame.type() == gdb.SIGTRAMP_FRAME:
            return _whole(frame.older() or frame)
        if found is None and not _is_machinery(frame):
            found = frame
            if not faulted:
                break
    return _whole(found or gdb.newest_frame())


def _judged(frame: gdb.Frame | None) -> gdb.Frame | None:
    """The frame of the function that the token's verdict names, from @frame on."""
    judged = GUEST.session.verdict
    if not GUEST.reported or not judged or not judged.function or GUEST.by_hand:
        return None
    return _named(judged.function, frame)


def _named(where: str, frame: gdb.Frame | None) -> gdb.Frame | None:
    """The frame of that place's function, from @frame on."""
    name = re.split(r"[+.]", where)[0]  # without what the compiler has put behind it
    found = (_whole(one) for one in _frames(frame) if one.name() == name)
    return next(found, None) if name else None


def _frames(frame: gdb.Frame | None) -> Iterator[gdb.Frame]:
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return
        yield frame
        frame = frame.older()


def _whole(frame: gdb.Frame) -> gdb.Frame:
    """The function that was called, above those that are inlined into it."""
    while frame.type() == gdb.INLINE_FRAME and frame.older():
        frame = frame.older()
    return frame


def _is_machinery(frame: gdb.Frame) -> bool:
    name = frame.name()
    if name is None or name in (*_SECTIONS, *_SWITCHING) or verdict.is_machinery(name):
        return True
    symtab = frame.find_sal().symtab
    return symtab is not None and any(part in symtab.filename for part in _FILES)


# === Another task's stack ===


class _OtherStack(Unwinder):
    """Shows a task's saved registers as those of the newest frame's caller."""

    def __init__(self) -> None:
        super().__init__("nslab")
        self.registers: dict[str, gdb.Value] = {}
        self._newest: tuple[int, int] | None = None

    def show(self, task: gdb.Value) -> None:
        """The stack of @task, which does not run."""
        saved = task["thread"]["switch_buf"][0]
        newest = gdb.newest_frame()
        self._newest = int(newest.read_register("rip")), int(newest.read_register("rsp"))
        kinds = {"rip": "void (*)()", "rsp": "void *", "rbp": "void *"}
        self.registers = {
            name: saved[f"__{name}"].cast(gdb.parse_and_eval(f"({kinds.get(name, 'long')})0").type)
            for name in _SAVED
        }
        gdb.invalidate_cached_frames()

    def hide(self) -> None:
        if self._newest:
            self._newest = None
            gdb.invalidate_cached_frames()

    @property
    def is_shown(self) -> bool:
        return self._newest is not None

    def __call__(self, pending: Any) -> Any:
        if self._newest is None:
            return None
        here = int(pending.read_register("rip")), int(pending.read_register("rsp"))
        if here != self._newest:
            return None
        # gdb takes a stack that lies below its caller's for a broken one.
        below = min(here[1], int(self.registers["rsp"])) - 16
        info = pending.create_unwind_info(_FrameId(below, here[0]))
        for name, value in self.registers.items():
            info.add_saved_register(name, value)
        return info


class _FrameId:
    def __init__(self, sp: int, pc: int) -> None:
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


_OTHER = _OtherStack()


def other(task: gdb.Value) -> None:
    """Have backtraces show the stack of @task, and select the frame that matters there."""
    _OTHER.show(task)
    frame = gdb.newest_frame().older()
    found = _judged(frame) or next((one for one in _frames(frame) if not _is_machinery(one)), frame)
    if found:
        _whole(found).select()


def own() -> None:
    """Back to the stack of the running task."""
    if _OTHER.is_shown:
        _OTHER.hide()
        gdb.newest_frame().select()


def leave() -> None:
    """The user is about to end the guest, if there is one."""
    own()
    GUEST.leaving = kernel.alive()


def waits_in(task: gdb.Value) -> str:
    """The function in which a task waits, by its frame pointers; "" if that cannot be told."""
    saved = task["thread"]["switch_buf"][0]
    pointer, address = int(saved["__rbp"]), int(saved["__rip"])
    for _ in range(_MAX_FRAMES):
        name = symbol_of(address).partition("+")[0] if address else ""
        if name and not verdict.is_machinery(name) and name not in _SWITCHING:
            return name
        try:
            raw = kernel.memory(pointer, 16)
        except gdb.MemoryError:
            break
        pointer, address = (int.from_bytes(raw[at : at + 8], "little") for at in (0, 8))
    return ""


# === User space ===


class _UserSpace:
    """A frame filter: what lies below the kernel's entry is one frame, and says whose it is."""

    def __init__(self) -> None:
        self.name = "nslab"
        self.priority = 100
        self.enabled = True
        gdb.frame_filters[self.name] = self

    def filter(self, frames: Iterator[FrameDecorator]) -> Iterator[FrameDecorator]:
        for one in frames:
            if one.inferior_frame().name() == "userspace":
                yield _UserFrame(one)
                return
            yield one


class _UserFrame(FrameDecorator):
    def function(self) -> str:
        return f"<user space of {_whose(self.inferior_frame())}>"

    def frame_args(self) -> None:
        return None

    def filename(self) -> None:
        return None

    def line(self) -> None:
        return None

    def address(self) -> None:
        return None


def _whose(frame: gdb.Frame) -> str:
    """ "reader, in read_link (scenarios/x/read_vs_exit.c:78)"."""
    size = gdb.lookup_type("union thread_union").sizeof
    base = int(frame.read_register("rsp")) & -size
    info = gdb.Value(base).cast(gdb.lookup_type("struct thread_info").pointer())
    task = info["task"]
    names = [one.name for one in kernel.actors(GUEST.session.actors) if one.task == task]
    name = names[0] if names else task["comm"].string()
    place = _user_place(int(task["thread"]["regs"]["regs"]["gp"][_USER_IP]))
    return f"{name}, in {place}" if place else name


def _user_place(address: int) -> str:
    """A function of the guest program, and its line where that is known."""
    try:
        done = subprocess.run(
            ["addr2line", "-f", "-s", "-e", GUEST.session.init, f"{address:#x}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return ""
    function, _, line = done.stdout.strip().partition("\n")
    if not function or function.startswith("?"):
        return f"{address:#x}"
    return function if line.startswith("?") or not line else f"{function} ({line.partition(' ')[0]})"

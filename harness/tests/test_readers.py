# SPDX-License-Identifier: GPL-2.0
"""Which functions read another task's nsproxy, found in a small program, then in the kernel."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from nslab_lab.build.kernel import Kernel
from nslab_lab.debuginfo import readers
from nslab_lab.guest.results import Points
from nslab_lab.host.errors import LAB_FAILED, LabError
from nslab_lab.host.paths import FAULTS_KERNEL
from test_static import READERS

SOURCE = """\
struct nsproxy { int count; };
struct task { struct nsproxy *nsproxy; };
volatile int here;
#define noinline __attribute__((noinline))
#define inlined static inline __attribute__((always_inline))
noinline void point(void) { here++; }
inlined struct nsproxy *task_nsproxy(struct task *task)
{
	struct nsproxy *ns = task->nsproxy;
	point();
	return ns;
}
noinline int plain_get(struct task *task) { return task_nsproxy(task)->count; }
inlined int small_get(struct task *task) { return task_nsproxy(task)->count + 1; }
noinline int around(struct task *task) { here = 7; return small_get(task); }
noinline struct nsproxy *get_task_nsproxy(struct task *task)
{
	struct nsproxy *ns;
	do
		ns = task_nsproxy(task);
	while (ns->count == 3);
	return ns;
}
noinline int user(struct task *task) { return get_task_nsproxy(task)->count + 2; }
inlined int inner_user(struct task *task) { return get_task_nsproxy(task)->count + 3; }
noinline int outer_user(struct task *task) { here = 8; return inner_user(task); }
noinline int no_reader(struct task *task) { point(); return task->nsproxy->count; }
int main(void)
{
	struct nsproxy ns = { 1 };
	struct task task = { &ns };
	return plain_get(&task) + around(&task) + user(&task) + outer_user(&task) + no_reader(&task);
}
"""


def compiled(folder: Path, source: str, model: str = "small") -> Path:
    (folder / "x.c").write_text(source)
    flags = ("-O2", "-g", "-no-pie", "-fno-pie", f"-mcmodel={model}", "-fno-omit-frame-pointer")
    subprocess.run(["cc", *flags, "-o", folder / "linux", folder / "x.c"], check=True)
    return folder / "linux"


@pytest.fixture(scope="module", params=["small", "large"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In both code models: calls look different."""
    return compiled(tmp_path_factory.mktemp("readers"), SOURCE, request.param)


def after_call(program: Path, function: str) -> str:
    """The place behind the first call in @function, as the kernel prints it."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", program],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = re.findall(r"^\s+([0-9a-f]+):\s+(\S+)", listing, re.M)
    call = next(number for number, (_, name) in enumerate(lines) if name.startswith("call"))
    told = subprocess.run(["nm", "-S", program], capture_output=True, text=True, check=True).stdout
    found = re.search(rf"^(\w+) (\w+) . {function}$", told, re.M)
    start, size = (int(number, 16) for number in found.groups())
    return f"{function}+{int(lines[call + 1][0], 16) - start:#x}/{size:#x}"


def test_readers_are_found(program: Path) -> None:
    """Inlined ones by their own name; and the callers of one that only hands the pointer on."""
    assert readers.names(program) == ["inner_user", "plain_get", "small_get", "user"]


def test_gdb_is_asked_once(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = readers.names(program)
    assert json.loads(program.with_name("readers.json").read_text())["names"] == names
    monkeypatch.setenv("PATH", "/nonexistent")
    assert readers.names(program) == names
    program.with_name("readers.json").unlink()
    with pytest.raises(LabError, match="gdb is not there") as caught:
        readers.names(program)
    assert caught.value.status == LAB_FAILED


@pytest.mark.parametrize(
    "text", [
        "", "[]", '{"format":0}', '{"format":2,"accessors":{},"names":["x"],"places":{}}',
        '{"format":2,"accessors":{"task_nsproxy":"nsproxy"},"names":["x"],"places":[]}',
    ],
)  # fmt: skip
def test_a_damaged_answer_is_asked_for_again(program: Path, text: str) -> None:
    program.with_name("readers.json").write_text(text)
    assert "plain_get" in readers.names(program)


def test_executions_by_reader(program: Path) -> None:
    plain, around, hands_on = (
        after_call(program, name) for name in ("plain_get", "around", "get_task_nsproxy")
    )
    user, outer = after_call(program, "user"), after_call(program, "outer_user")
    met = Points(
        places=Counter({plain: 5, around: 4, hands_on: 9}),
        calls=Counter({(plain, user): 5, (hands_on, user): 3, (hands_on, outer): 7}),
    )
    assert readers.executions(program, met) == {
        "inner_user": 7, "plain_get": 5, "small_get": 4, "user": 3,
    }  # fmt: skip
    assert set(readers.executions(program, Points()).values()) == {0}


def test_two_places_of_a_reader_are_not_added_up(program: Path) -> None:
    """Whether it were the same executions, nobody knows."""
    plain = after_call(program, "plain_get")
    name, _, rest = plain.partition("+")
    other = f"{name}+{int(rest.partition('/')[0], 16) - 1:#x}/{rest.partition('/')[2]}"
    met = Points(places=Counter({plain: 5, other: 4}))
    assert readers.executions(program, met)["plain_get"] == 5


def test_a_place_that_nobody_knows_has_a_name(program: Path) -> None:
    assert readers.executions(program, Points(places=Counter({"gone+0x1/0x2": 2})))["gone"] == 2


def test_a_kernel_without_readers(tmp_path: Path) -> None:
    program = compiled(tmp_path, "int main(void) { return 0; }")
    assert readers.names(program) == [] and readers.executions(program, Points()) == {}


def test_the_readers_of_the_kernel(kernel: Kernel) -> None:
    """Those that patches 0001 and 0003 convert, and nobody else; there is room to count them."""
    assert readers.names(kernel.linux) == sorted(name for of in READERS.values() for name in of)
    room = re.search(r"#define NSLAB_MAX_PLACES\s+(\d+)", (FAULTS_KERNEL / "core/coverage.h").read_text())
    assert int(room[1]) > 2 * len(readers.names(kernel.linux))

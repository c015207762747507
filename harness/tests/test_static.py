# SPDX-License-Identifier: GPL-2.0
"""What can be said of the patches without running them: style, types, access rules.

Nothing is written into the source trees; the pristine tree needs no build of its own.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import FOREVER_S
from nslab_lab.build import kernels, series

ROOT = Path(__file__).resolve().parents[2]
PATCHES = sorted((ROOT / "patches" / "6.12").glob("*.patch"))
# The change itself, in three steps: the accessor, the last put waits, the readers go over to RCU.
NSPROXY_PATCHES = [patch for patch in PATCHES if patch.name[:4] in ("0001", "0002", "0003")]
README = ROOT / "patches" / "README.md"
RULE = ROOT / "patches" / "checks" / "task_nsproxy.cocci"


# CHECKFLAGS of the kernel's Makefile and arch/x86/Makefile.um, which `make C=1` gives to sparse.
CHECKFLAGS = (
    "-D__linux__ -Dlinux -D__STDC__ -Dunix -D__unix__ -Wbitwise -Wno-return-void"
    " -Wno-unknown-attribute -mlittle-endian -m64 -D__x86_64__"
).split()

# Files that need not be built: with whose flags sparse reads them then, and which others.
# TIME_NS wants a generic vDSO, which User-Mode Linux has not got.
MAYBE_NOT_BUILT = {"kernel/time/namespace.c": ("kernel/utsname.c", ["-DCONFIG_TIME_NS=1"])}

# The functions that read another task's nsproxy in the kernel as released.
READERS = {
    "fs/namespace.c": ["mntns_get"],
    "fs/pidfs.c": ["pidfd_ioctl"],
    "fs/proc/proc_net.c": ["get_proc_task_net"],
    "fs/proc_namespace.c": ["mounts_open_common"],
    "ipc/namespace.c": ["ipcns_get"],
    "kernel/cgroup/namespace.c": ["cgroupns_get"],
    "kernel/nsproxy.c": ["validate_nsset"],
    "kernel/pid_namespace.c": ["pidns_for_children_get"],
    "kernel/time/namespace.c": ["timens_for_children_get", "timens_get"],
    "kernel/utsname.c": ["utsns_get"],
    "net/core/net_namespace.c": ["get_net_ns_by_pid", "netns_get"],
}

# What the rule has to tell apart; it must report the marked lines and no other.
EXAMPLE = """\
int by_alias(void)
{
	struct task_struct *me = current;

	return me->nsproxy->a + current->nsproxy->a;
}

int by_late_alias(void)
{
	struct task_struct *me;

	me = current;
	return me->nsproxy->a;
}

int by_lost_alias(int pid)
{
	struct task_struct *me = current;

	if (pid)
		me = find_task_by_vpid(pid);
	return me->nsproxy->a;		/* raw */
}

int by_unknown_type(struct foo *foo)
{
	return foo->task->nsproxy->a;	/* raw */
}

int by_call(int pid)
{
	return find_task_by_vpid(pid)->nsproxy->a;	/* raw */
}

int by_value(struct task_struct *task)
{
	return (*task).nsproxy->a;	/* raw */
}

int under_guard(struct task_struct *task)
{
	struct nsproxy *nsp __free(put_nsproxy) = NULL;

	scoped_guard(task_lock, task) {
		nsp = task->nsproxy;	/* raw */
	}
	return nsp->a;
}

int once(struct task_struct *task)
{
	return READ_ONCE(task->nsproxy)->a;	/* raw */
}

int of_nsset(struct nsset *nsset)
{
	return nsset->nsproxy->a;
}

void publish(struct task_struct *tsk, struct nsproxy *new)
{
	rcu_assign_pointer(*(struct nsproxy __rcu **)&tsk->nsproxy, new);	/* raw */
	tsk->nsproxy = new;		/* raw */
}

int copy_namespaces(unsigned long flags, struct task_struct *tsk)
{
	tsk->nsproxy = NULL;
	return tsk->nsproxy->a + tsk->real_parent->nsproxy->a;	/* raw */
}
"""


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `command` in `cwd` with `env` added to the environment; its output is one text."""
    try:
        return subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=FOREVER_S,
            check=False,
        )
    except FileNotFoundError:
        pytest.fail(f"{command[0]} is missing: install the Debian packages coccinelle, sparse, patch and perl")


def touched(patches: list[Path]) -> list[str]:
    """The files, by path in the tree, which `patches` change and did not make."""
    names = {name for patch in patches for name in re.findall(r"^--- a/(\S+)$", patch.read_text(), re.M)}
    return sorted(names)


# === Series ===


def test_every_patch_is_in_a_series() -> None:
    designs = kernels.load().entry("6.12").series.values()
    named = {patch.path for one in designs for patch in series.read_series(one.file)}
    assert named == set(PATCHES)


def test_every_patch_has_a_number_of_its_own() -> None:
    numbers = Counter(patch.name.partition("-")[0] for patch in PATCHES)
    assert all(re.fullmatch(r"\d{4}", number) for number in numbers), numbers
    assert {number for number, times in numbers.items() if times > 1} == set()


@pytest.mark.parametrize("name", kernels.load().entry("6.12").series)
def test_a_series_is_in_the_order_of_its_numbers(name: str) -> None:
    patches = series.read_series(kernels.load().entry("6.12").series[name].file)
    names = [patch.path.name for patch in patches]
    assert names == sorted(set(names))


def test_the_readme_has_a_row_for_every_patch() -> None:
    """Linked by its number: what it does, what needs it, whether mainline has it, whether to mail it."""
    rows = re.findall(r"^\| \[(\d{4})\]\(6\.12/(\S+)\) \|(.*)\|$", README.read_text(), re.M)
    assert sorted(name for _, name, _ in rows) == [patch.name for patch in PATCHES]
    for number, name, cells in rows:
        assert number == name[:4]
        assert all(cell.strip() for cell in cells.split("|")) and cells.count("|") == 3, number


def test_the_readme_links_to_what_is_there() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README.read_text())
    assert len(links) > len(PATCHES)
    assert [link for link in links if not (README.parent / link).exists()] == []


@pytest.mark.parametrize("patch", PATCHES, ids=[patch.name[:4] for patch in PATCHES])
def test_a_patch_is_named_after_its_subject(patch: Path) -> None:
    """As git format-patch does it, cut where one likes. The lab's own hooks say which series they are of."""
    # A long one is folded: the lines after the first begin with a space.
    header = r"^Subject: \[(?:RFC )?PATCH(?: \d+/\d+)?\] (.+(?:\n .+)*)$"
    subject = re.search(header, patch.read_text(), re.M)
    assert subject, "no subject"
    if subject[1].startswith("nslab: "):
        return
    made = re.sub(r"[^\w.]+", "-", subject[1]).strip("-")
    assert made.startswith(patch.stem[5:]) and len(patch.stem) > 24


@pytest.mark.parametrize("name", kernels.load().entry("6.12").series)
def test_the_patches_of_a_series_apply(name: str, pristine_src: Path, tmp_path: Path) -> None:
    patches = series.read_series(kernels.load().entry("6.12").series[name].file)
    staged = series.stage(pristine_src, patches, tmp_path / "staged")
    assert len(staged) > 20


# === Style ===


# By the number of the patch: types of what checkpatch says of it that are not meant, each with the reason.
NOT_MEANT_IN_PATCHES = {
    "0032": [("PRINTK_WITHOUT_KERN_LEVEL", "the level is an argument: printk(\"%s...\", level)")],
}


@pytest.mark.parametrize("patch", PATCHES, ids=[patch.name[:4] for patch in PATCHES])
def test_checkpatch(patch: Path, pristine_src: Path) -> None:
    """No error, no warning, no check."""
    # Not in some other project's git: the commits that a message names would be looked up there.
    # Without any git, checkpatch takes each for unknown that stands in a line after "commit" or "Fixes:".
    no_git = {"GIT_DIR": os.devnull + "/none"}
    ignored = ",".join(["UNKNOWN_COMMIT_ID", *(kind for kind, _ in NOT_MEANT_IN_PATCHES.get(patch.name[:4], ()))])
    options = ("--strict", "--ignore", ignored)
    done = run("perl", "scripts/checkpatch.pl", *options, patch, cwd=pristine_src, env=no_git)
    assert done.returncode == 0, done.stdout


# Types of what checkpatch says of the lab's own C that are not meant, each with the reason.
NOT_MEANT = {
    "BRACKET_SPACE": "an entry of an array, made by a list",
    "COMPLEX_MACRO": "what a list makes, and a list of error numbers, is no expression",
    "EXPORT_SYMBOL": "the macro that defines a variable exports it",
    "LONG_LINE_STRING": "one line of JSON or of the console, as it is searched for",
    "MACRO_ARG_PRECEDENCE": "an argument is the name of a member",
    "MACRO_ARG_REUSE": "an argument is a variable or the name of a member",
    "MACRO_ARG_UNUSED": "who includes a list uses of each line what it needs; stubs of hooks use nothing",
    "MULTISTATEMENT_MACRO_USE_DO_WHILE": "definitions are no statements",
    "TRAILING_SEMICOLON": "what a list makes are definitions",
}
# The same of programs, which do not live in the kernel.
OF_PROGRAMS = {
    "ARRAY_SIZE": "there is none", "PREFER_DEFINED_ATTRIBUTE_MACRO": "there are none",
    "PREFER_KERNEL_TYPES": "stdint.h has the others", "STRCPY": "strscpy() is the kernel's",
    "AVOID_BUG": "BUG() is a stub of a test", "CAMELCASE": "names of libc, cmocka and ELF",
    "MACRO_WITH_FLOW_CONTROL": "ASSERT_*() end an actor, as kselftest's do",
    "MISSING_SPACE": "a set of characters", "QUOTED_WHITESPACE_BEFORE_NEWLINE": "what is expected has it",
    "SPLIT_STRING": "many strings are input or output of a test", "STRING_FRAGMENTS": "the same",
    "VOLATILE": "shared with a signal handler, a clone or a fork",
}  # fmt: skip
NOT_MEANT_IN_PROGRAMS = NOT_MEANT | OF_PROGRAMS
# One by one: file, type, and why.
ONE_BY_ONE = (
    ("faults/kernel/core/numbers.h", "BIT_MACRO", "a number of slots, no bit"),
    ("scenarios/lib/run/actors.c", "UNNECESSARY_PARENTHESES", "they tell == of == apart"),
)


def objections(sources: list[Path], not_meant: dict[str, str], tree: Path, scratch: Path) -> list[str]:
    """What checkpatch --strict says of @sources but for what is not meant: file:line: type."""
    # It leaves a list of names beside what it works on.
    listed = ("perl", tree / "scripts" / "checkpatch.pl", "--strict", "--no-tree", "--terse", "--show-types")
    done = run(*listed, "-f", *sources, cwd=scratch, env={"GIT_DIR": os.devnull + "/none"})
    found = re.findall(r"^(.+?):(\d+): \w+:(\w+): ", done.stdout, re.M)
    # 0: nothing is said; 1: something is.
    assert done.returncode in (0, 1) and bool(found) == bool(done.returncode), done.stdout
    return [
        f"{name.removeprefix(f'{ROOT}/')}:{line}: {kind}"
        for name, line, kind in found
        if kind not in not_meant
        and not any((name.removeprefix(f"{ROOT}/"), kind) == one[:2] for one in ONE_BY_ONE)
    ]


def sources_of(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.[ch]"))


@pytest.mark.parametrize(
    ("folder", "not_meant", "needed"),
    [("faults/kernel", NOT_MEANT, NOT_MEANT), ("scenarios", NOT_MEANT_IN_PROGRAMS, OF_PROGRAMS)],
    ids=["kernel", "programs"],
)
def test_checkpatch_of_the_labs_own(
    folder: str, not_meant: dict[str, str], needed: dict[str, str], pristine_src: Path, tmp_path: Path
) -> None:
    sources = sources_of(folder)
    assert len(sources) > 40
    said = [line.rpartition(": ") for line in objections(sources, {}, pristine_src, tmp_path)]
    assert [line for line in said if line[2] not in not_meant] == []
    assert set(needed) - {kind for _, _, kind in said} == set(), "these need not be exceptions any more"


def test_checkpatch_would_say_so(pristine_src: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.c"
    path.write_text("// SPDX-License-Identifier: GPL-2.0\nint f(void)\n{\n\treturn(1) ;\n}\n")
    said = objections([path], NOT_MEANT_IN_PROGRAMS, pristine_src, tmp_path)
    assert [line.rpartition(": ")[2] for line in said] == ["SPACING", "RETURN_PARENTHESES"]


# === Access rules ===


def raw_reads(files: list[str], tree: Path) -> list[tuple[str, int]]:
    """File and line of everything that the Coccinelle rule reports on `files` of `tree`."""
    done = run("spatch", "--sp-file", RULE, "--very-quiet", *files, cwd=tree)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    found = [re.match(r"(?:\./)?(\S+?):(\d+):\S+ (?:raw read|unordered store)", line) for line in lines]
    assert all(found), done.stdout
    return sorted({(match[1], int(match[2])) for match in found if match})


def function_at(path: Path, line: int) -> str:
    """The name of the function that holds `line` (counted from 1): the last one begun at column 0."""
    name = ""
    for text in path.read_text().splitlines()[:line]:
        if match := re.match(r"[a-z_][\w\s*]*?(\w+)\([^;]*$", text):
            name = match[1]
    return name


def test_rule_example(tmp_path: Path) -> None:
    """The rule knows current by its aliases, and nobody else."""
    (tmp_path / "example.c").write_text(EXAMPLE)
    marked = [("example.c", n) for n, line in enumerate(EXAMPLE.splitlines(), 1) if "/* raw */" in line]
    assert raw_reads(["example.c"], tmp_path) == marked


def test_rule_finds_every_reader(pristine_src: Path) -> None:
    """On the kernel as released, the rule reports each cross-task reader, the writer, and nothing else."""
    found: dict[str, set[str]] = {}
    for name, line in raw_reads(touched(NSPROXY_PATCHES), pristine_src):
        found.setdefault(name, set()).add(function_at(pristine_src / name, line))
    # The only one that stores it need not order anything under task_lock().
    found["kernel/nsproxy.c"].remove("switch_task_namespaces")
    assert {name: sorted(functions) for name, functions in found.items()} == READERS


def functions_found(files: list[str], tree: Path) -> set[str]:
    """The functions in which the rule reports something."""
    return {function_at(tree / name, line) for name, line in raw_reads(files, tree)}


def test_what_the_rule_finds_after_each_step(pristine_src: Path, tmp_path: Path) -> None:
    """Each patch applies to what the one before left, without fuzz; after the last, nothing is found.

    The first converts every reader. Until the last one, the accessor itself relies on task_lock(), and
    so does the only one that stores the pointer.
    """
    files = touched(NSPROXY_PATCHES)
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((pristine_src / name).read_bytes())
    under_lock = {"task_nsproxy", "switch_task_namespaces"}
    assert len(NSPROXY_PATCHES) == 3
    for patch, left in zip(NSPROXY_PATCHES, (under_lock, under_lock, set())):
        applied = run("patch", "-p1", "--fuzz=0", "-i", patch, cwd=tmp_path)
        assert applied.returncode == 0 and "offset" not in applied.stdout, applied.stdout
        assert functions_found(files, tmp_path) == left, patch.name


ACCESSOR = "include/linux/nsproxy.h"
SWITCH = "kernel/nsproxy.c"
LOAD = "rcu_dereference(*(struct nsproxy __rcu **)&tsk->nsproxy)"
STORE = "rcu_assign_pointer(*(struct nsproxy __rcu **)&p->nsproxy, new)"


@pytest.mark.parametrize(
    "name, right, wrong",
    [
        (ACCESSOR, LOAD, "tsk->nsproxy"),
        (ACCESSOR, LOAD, "READ_ONCE(tsk->nsproxy)"),
        (SWITCH, STORE, "p->nsproxy = new"),
        (SWITCH, STORE, "WRITE_ONCE(p->nsproxy, new)"),
        (SWITCH, STORE, STORE.replace("rcu_assign_pointer", "RCU_INIT_POINTER")),
    ],
)
def test_a_missing_barrier_is_seen(
    kernel_src: Path, tmp_path: Path, name: str, right: str, wrong: str
) -> None:
    """Which no execution on x86 would show."""
    text = (kernel_src / name).read_text()
    assert text.count(right) == 1
    (tmp_path / "x.c").write_text(text)
    assert raw_reads(["x.c"], tmp_path) == []
    (tmp_path / "x.c").write_text(text.replace(right, wrong))
    line = text[: text.index(right)].count("\n") + 1
    assert raw_reads(["x.c"], tmp_path) == [("x.c", line)]


# === Types ===


def command_file(source: str, out: Path) -> Path:
    """Where kbuild noted in `out` how `source` was compiled."""
    path = Path(source)
    return out / path.parent / f".{path.stem}.o.cmd"


def compiler_flags(source: str, src: Path, out: Path, tree: Path) -> list[str]:
    """The flags that `source` of `src` was compiled with in `out`, made to include from `tree` instead."""

    def moved(path: str) -> str:
        absolute = (out / path).resolve()
        if not absolute.exists():  # found by -I, as the user.h of UML's host side
            return path
        if absolute.is_relative_to(out.resolve()) or not absolute.is_relative_to(src.resolve()):
            return str(absolute)
        return str(tree / absolute.relative_to(src.resolve()))

    command = command_file(source, out).read_text().splitlines()[0]
    words = shlex.split(command.partition(":=")[2])
    words = words[: words.index("-c")]
    flags = []
    for before, word in zip(words, words[1:]):
        if before == "-include":
            flags += ["-include", moved(word)]
        elif word.startswith("-I"):
            flags.append("-I" + moved(word[2:]))
        elif word.startswith("-") and word != "-include" and not word.startswith("-Wp,"):
            flags.append(word)
    return flags


def sparse(source: str, src: Path, out: Path, tree: Path) -> Counter[str]:
    """What sparse says about `source` of `tree`, without line numbers: text -> how often."""
    like, more = (source, []) if command_file(source, out).exists() else MAYBE_NOT_BUILT[source]
    flags = compiler_flags(like, src, out, tree)
    done = run("sparse", *CHECKFLAGS, *flags, *more, tree / source, cwd=out)
    text = re.sub(r"^(\S+?):\d+:\d+:", r"\1:", done.stdout.replace(f"{tree}/", ""), flags=re.M)
    # A note only says by which way the header of the next warning was reached.
    return Counter(line for line in text.splitlines() if ": note: in included file" not in line)


def test_sparse_gives_no_new_warning(pristine_src: Path, kernel_src: Path, kernel_out: Path) -> None:
    """On every C file that the series changes and the kernel builds."""

    def new_warnings(name: str) -> Counter[str]:
        before = sparse(name, kernel_src, kernel_out, pristine_src)
        return sparse(name, kernel_src, kernel_out, kernel_src) - before

    sources = [
        name
        for name in touched(PATCHES)
        if name.endswith(".c") and (name in MAYBE_NOT_BUILT or command_file(name, kernel_out).exists())
    ]
    assert set(sources) >= set(READERS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(sources, pool.map(new_warnings, sources)))
    assert {name: list(warnings) for name, warnings in found.items() if warnings} == {}


def test_sparse_of_the_labs_own(kernel_src: Path, kernel_out: Path) -> None:
    """No warning within faults/kernel at all."""
    folder = ROOT / "faults" / "kernel"
    sources = [f"kernel/nslab/{path.relative_to(folder)}" for path in sorted(folder.rglob("*.c"))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = list(pool.map(lambda name: sparse(name, kernel_src, kernel_out, kernel_src), sources))
    assert [line for one in said for line in one if line.startswith("kernel/nslab/")] == []
    assert len(sources) > 20

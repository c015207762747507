# SPDX-License-Identifier: GPL-2.0
"""Every access has a check of KASAN's, by the gcc plugin of the series: else the lab does not see it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from lab import nslab
from nslab_lab.build.kernel import Kernel
from nslab_lab.plans import profiles

DECLARATIONS = """\
struct thing { int a; int b : 3, c : 5; long d; char e[24]; };
struct pair { long x, y; };
union both { long l; int i; };

static int counter;
static volatile int changing;
static const int fixed[] = { 1, 2, 3 };
static struct thing thing;
static struct pair pair;
static union both both;
static __thread int own;
extern long array[16];
extern int common __attribute__((weak));

void take(struct pair pair);
struct pair give(void);
void use(long *numbers);
"""


class Case(NamedTuple):
    """A function, and the checks that gcc makes for it."""

    function: str
    without: str  # the plugin
    checks: str  # with the plugin


CASES = {
    # A check that another one makes superfluous.
    "write after read": Case("void f(struct thing *p) { p->d++; }", "load8", "load8 store8"),
    "two reads": Case(
        "int f(volatile struct thing *p) { int a = p->a; return a + p->a; }", "load4", "load4 load4"
    ),
    "read after write": Case(
        "int f(volatile struct thing *p) { p->a = 1; return p->a; }", "store4", "load4 store4"
    ),
    "in another block": Case(
        "void f(struct thing *p, int yes) { if (p->a < 3 && yes) p->a = 3; }", "load4", "load4 store4"
    ),
    "bit fields": Case("void f(struct thing *p) { p->b = 1; p->c = 2; }", "store1", "store1 store1"),
    "another size": Case(
        "int f(volatile union both *p) { p->l = 1; return p->i; }", "store8", "load4 store8"
    ),
    # Variables with static storage.
    "counter": Case("void f(void) { counter++; }", "", "load4 store4"),
    "volatile": Case("int f(void) { return changing + changing; }", "", "load4 load4"),
    "member": Case("void f(long d) { thing.d = d; }", "", "store8"),
    "bit field": Case("void f(void) { thing.b = 1; }", "", "store1"),
    "union": Case("long f(void) { both.i = 1; return both.l; }", "", "load8 store4"),
    "known index": Case("long f(void) { return array[3]; }", "load8", "load8"),
    "unknown index": Case("long f(int i) { return array[i]; }", "load8", "load8"),
    "weak": Case("int f(void) { return common; }", "load4", "load4"),
    "structure copied": Case(
        "void f(struct thing *p) { *p = thing; thing.d = 1; }", "storeN", "loadN loadN store8 storeN storeN"
    ),
    "memcpy": Case(
        "void f(void *p) { __builtin_memcpy(p, (char *)&thing + 8, 8); }", "storeN", "loadN storeN"
    ),
    "structure passed": Case("void f(void) { take(pair); }", "", "load16"),
    "structure returned": Case("void f(void) { pair = give(); }", "", "store16"),
    "static in a function": Case("int f(void) { static int calls; return ++calls; }", "", "load4 store4"),
    # What stays without; the documentation says so.
    "constant": Case("int f(int i) { return fixed[i & 1]; }", "load4", "load4"),
    "known constant": Case("int f(void) { const volatile int *p = &fixed[1]; return *p; }", "", ""),
    "thread": Case("int f(void) { return own++; }", "", ""),
    "on the stack": Case("long f(void) { long n[4]; use(n); return n[1]; }", "", ""),
    "asm": Case('void f(void) { asm volatile("incl %0" : "+m" (counter)); }', "", ""),
    "not instrumented": Case(
        '__attribute__((no_sanitize("kernel-address"))) void f(struct thing *p) { p->a++; counter++; }', "", ""
    ),
}


def flags(kernel: Kernel) -> list[str]:
    """How the kernel's own files are compiled, as far as it matters here."""
    (line,) = (kernel.out / "kernel" / ".nsproxy.o.cmd").read_text().splitlines()[:1]
    words = shlex.split(line.partition(":=")[2])
    found = []
    for word, following in zip(words, words[1:]):
        if word == "--param":
            found += [word, following]
        elif word.startswith(("-O", "-f", "-m", "-std=")):
            found.append(word)
    # Calls instead of inline checks: those can be counted.
    return [*found, "--param", "asan-instrumentation-with-call-threshold=0"]


def checks(source: Path, options: list[str], kernel: Kernel) -> list[str]:
    """The checks in each function of @source, in their order by name: "load8 store8"."""
    command = ["/usr/bin/gcc", *options, "-w", "-S", "-o", "-", str(source)]
    done = subprocess.run(command, cwd=kernel.out, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = []
    for part in re.split(r"^f\d+:$", done.stdout, flags=re.M)[1:]:
        body = part.partition(".cfi_endproc")[0]
        found.append(" ".join(sorted(re.findall(r"call\s+__asan_((?:load|store)\w+?)_noabort", body))))
    return found


@pytest.fixture(scope="module")
def compiled(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """The checks of each case, without the plugin and with it."""
    source = tmp_path_factory.mktemp("access") / "functions.c"
    functions = [re.sub(r"\bf\(", f"f{number}(", one.function, 1) for number, one in enumerate(CASES.values())]
    source.write_text(DECLARATIONS + "\n".join(functions) + "\n")
    options = flags(kernel)
    assert any(option.startswith("-fplugin=") for option in options)
    plain = checks(source, [one for one in options if not one.startswith("-fplugin")], kernel)
    whole = checks(source, options, kernel)
    return dict(zip(CASES, zip(plain, whole, strict=True), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_each_access_has_a_check(compiled: dict[str, tuple[str, str]], case: str) -> None:
    assert compiled[case] == (CASES[case].without, CASES[case].checks)


def test_an_option_that_the_plugin_does_not_know_is_refused(kernel: Kernel, tmp_path: Path) -> None:
    source = tmp_path / "nothing.c"
    source.write_text("")
    more = ["-fplugin-arg-kasan_every_access_plugin-off", "-S", "-o", "-", str(source)]
    command = ["/usr/bin/gcc", *flags(kernel), *more]
    done = subprocess.run(command, cwd=kernel.out, capture_output=True, text=True)
    assert done.returncode and "unknown option '-fplugin-arg-kasan_every_access_plugin-off'" in done.stderr


def test_the_lab_sees_a_write_after_a_read(kernel: Kernel, tmp_path: Path) -> None:
    """exit_fs() says `kill = !--fs->users`."""
    profile = tmp_path / "fs.toml"
    profile.write_text('about = "fs"\nwatch = ["fs_cache"]\nnamed_points = false\n')
    name = f"fs-{profiles.load(str(profile)).digest}"
    token = f"NSLAB1.6.12-{kernel.id}.zombie-read.none.{name}.random.1.1.1"
    done = nslab("replay", token, "--profile", profile, "--format", "json")
    assert done.status == 0, done.out + done.err
    rows = [row for row in json.loads(done.out)["rows"] if row["field"] == "fs_cache.users"]
    assert [row["write"] for row in rows if "--fs->users" in row["source"]] == [False, True]

# SPDX-License-Identifier: GPL-2.0
"""Every line of a fragment has to take."""

from __future__ import annotations

from pathlib import Path

import pytest

from nslab_lab.build import kconfig, kmake
from nslab_lab.build.kernel import Kernel
from nslab_lab.host.errors import LabError

FINAL = 'CONFIG_NET=y\nCONFIG_HZ=100\nCONFIG_NAME="a b"\n# CONFIG_MODULES is not set\n'


def fragment(folder: Path, text: str, name: str = "some.config") -> list[kconfig.Line]:
    path = folder / name
    path.write_text(text)
    return kconfig.read_fragment(path)


def test_lines_that_took(tmp_path: Path) -> None:
    text = (
        'CONFIG_NET=y\nCONFIG_HZ=100\n\n# words\nCONFIG_NAME="a b"\n'
        "# CONFIG_MODULES is not set\n# CONFIG_UNHEARD_OF is not set\nCONFIG_OFF=n\n"
    )
    kconfig.check(fragment(tmp_path, text), FINAL)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\nCONFIG_MODULES=y\n", ":2: CONFIG_MODULES=y: did not take: it came out as not set"),
        ("CONFIG_KASAN=y\n", ":1: CONFIG_KASAN=y: did not take: there is no such option here"),
        ("CONFIG_HZ=250\n", ":1: CONFIG_HZ=250: did not take: it came out as 100"),
        ("# CONFIG_NET is not set\n", ":1: CONFIG_NET is not set: did not take: it came out as y"),
    ],
)
def test_a_line_that_did_not_take_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(LabError) as caught:
        kconfig.check(fragment(tmp_path, text), FINAL)
    assert f"some.config{says}" in caught.value.message
    assert caught.value.status == 3


def test_a_later_fragment_may_change_an_earlier_one(tmp_path: Path) -> None:
    lines = fragment(tmp_path, "CONFIG_MODULES=y\n", "a.config")
    lines += fragment(tmp_path, "# CONFIG_MODULES is not set\n", "b.config")
    kconfig.check(lines, FINAL)


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"some.config:2: not a line of a configuration: NET=y"):
        fragment(tmp_path, "CONFIG_A=y\nNET=y\n")


def test_the_real_kernel_refuses_a_line_and_keeps_its_configuration(
    kernel: Kernel, tmp_path: Path
) -> None:
    config = kernel.out / ".config"
    before = (config.stat(), config.read_bytes())
    path = tmp_path / "bad.config"
    # The tiny allocator takes KASAN away in silence.
    path.write_text("CONFIG_SLUB_TINY=y\nCONFIG_KASAN=y\n")
    with pytest.raises(LabError, match=r"bad.config:2: CONFIG_KASAN=y: did not take"):
        kconfig.configure(kernel.src, [path], tmp_path / "log", "kernel 6.12")
    assert (config.stat(), config.read_bytes()) == before
    assert not list(kernel.out.glob(".config.nslab*"))


@pytest.mark.parametrize(
    ("headers", "programs", "says"),
    [
        (False, ("gcc", "g++"), "there are no headers for plugins of gcc 14: install gcc-14-plugin-dev"),
        (True, ("gcc",), "there is no g++, which compiles them: install g++"),
        (True, ("gcc", "g++"), ""),
    ],
)
def test_what_a_plugin_is_built_with_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: bool, programs: tuple[str, ...], says: str
) -> None:
    for name in programs:
        (tmp_path / name).write_text(f"#!/bin/sh\n[ $1 = -dumpversion ] && echo 14 || echo {tmp_path}\n")
        (tmp_path / name).chmod(0o755)
    if headers:
        (tmp_path / "include").mkdir()
        (tmp_path / "include" / "plugin-version.h").touch()
    monkeypatch.setattr(kmake, "SYSTEM_PATH", str(tmp_path))
    if not says:
        kmake.check_plugins()
        return
    path = tmp_path / "some.config"
    path.write_text("CONFIG_GCC_PLUGINS=y\n")
    with pytest.raises(LabError) as caught:
        kconfig.configure(tmp_path, [path], tmp_path / "log", "kernel 6.12")
    assert caught.value.status == 3
    assert caught.value.message == f"the kernel's gcc plugins cannot be built: {says} (uml/setup.sh)"


def test_the_packages_of_a_machine_are_no_part_of_a_kernels_id() -> None:
    """Those headers and tools make options appear that nothing is built from."""
    there = FINAL + "# CONFIG_GCC_PLUGINS is not set\nCONFIG_PAHOLE_VERSION=124\nCONFIG_RUSTC_VERSION=0\n"
    assert kconfig.settings(there) == kconfig.settings(FINAL)
    assert kconfig.settings(FINAL.replace("=100", "=250")) != kconfig.settings(FINAL)

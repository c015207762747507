# SPDX-License-Identifier: GPL-2.0
"""The initramfs, written with the kernel's own tool and read back."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nslab_lab.guest import initramfs
from nslab_lab.host.errors import LabError


@pytest.fixture(scope="module")
def tool(pristine_src: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """gen_init_cpio, without building a kernel for it."""
    path = tmp_path_factory.mktemp("tool") / "gen_init_cpio"
    subprocess.run(["cc", "-o", path, pristine_src / "usr" / "gen_init_cpio.c"], check=True)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setattr(initramfs, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def init(tmp_path: Path) -> Path:
    """A guest program, in a folder whose name has a blank."""
    folder = tmp_path / "my scenarios"
    folder.mkdir()
    path = folder / "init"
    path.write_bytes(b"\x7fELF init" * 100)
    return path


def members(data: Any) -> Any:
    """Name, mode, device and content of each member of all segments (newc format)."""
    found, at = [], 0
    while data[at : at + 6] == b"070701":
        fields = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, device, length = fields[1], fields[6], (fields[9], fields[10]), fields[11]
        assert fields[5] == 0, "a time in the image"
        name = data[at + 110 : at + 110 + length - 1].decode()
        start = (at + 110 + length + 3) & ~3
        if name != "TRAILER!!!":
            found.append((name, mode, device, data[start : start + size]))
            at = (start + size + 3) & ~3
        else:
            at = (start + 511) & ~511
    assert at == len(data)
    return found


def test_both_segments(tool: Any, init: Any, tmp_path: Path) -> None:
    plan = tmp_path / "plan"
    plan.write_text("scenario=a\n")
    image = tmp_path / "initrd"
    initramfs.write(tool, initramfs.base(tool, init), plan, image)
    found = {name: rest for name, *rest in members(image.read_bytes())}
    assert found["plan"][2] == b"scenario=a\n"
    assert found["init"][0] == stat.S_IFREG | 0o755 and found["init"][2] == init.read_bytes()
    assert stat.S_ISCHR(found["dev/console"][0]) and found["dev/console"][1] == (5, 1)
    assert all(stat.S_ISDIR(found[name][0]) for name in ("dev", "proc", "sys"))


def test_the_base_is_made_once_for_each_content(tool: Any, init: Any, cache: Any) -> None:
    first = initramfs.base(tool, init)
    before = first.stat().st_mtime_ns
    assert initramfs.base(tool, init) == first and first.stat().st_mtime_ns == before
    init.write_bytes(b"another")
    assert initramfs.base(tool, init) != first
    assert len(list(cache.glob("*.cpio"))) == 2


def test_a_tool_that_is_not_there(init: Path, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="nope: No such file.*; build the kernel again") as caught:
        initramfs.base(tmp_path / "nope", init)
    assert caught.value.status == 3


def test_a_file_that_is_not_there(tool: Any, init: Any, tmp_path: Path) -> None:
    base = initramfs.base(tool, init)
    with pytest.raises(LabError, match="gen_init_cpio: .*no-plan") as caught:
        initramfs.write(tool, base, tmp_path / "no-plan", tmp_path / "initrd")
    assert caught.value.status == 3

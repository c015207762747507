# SPDX-License-Identifier: GPL-2.0
"""The cache of sources, with a package made here and an apt that is not the machine's."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from nslab_lab.build import fetch
from nslab_lab.build.apt import Apt, Archive, Record, sibling
from nslab_lab.host.errors import LabError, lab_failed

PACKAGE = "linux-source-0.1"
SUITE = "{codename}-security"


class FakeApt:
    """An archive with one package."""

    def __init__(self, deb: Path) -> None:
        self.deb = deb
        self.known = True
        self.downloads = 0
        self.sha256 = hashlib.sha256(deb.read_bytes()).hexdigest()

    def archives(self) -> list[Archive]:
        return [Archive("bookworm", "bookworm", "http://archive/debian", "")]

    def candidate(self, package: str) -> Record | None:
        size = self.deb.stat().st_size
        return Record(package, "0.1.2-1~deb", self.sha256, size) if self.known else None

    def download(self, record: Record, folder: Path) -> Path:
        self.downloads += 1
        return Path(shutil.copy(self.deb, folder))


@pytest.fixture(scope="session", name="deb")
def _deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a source of two files."""
    folder = tmp_path_factory.mktemp("deb")
    source = folder / "linux-source-0.1"
    (source / "kernel").mkdir(parents=True)
    (source / "Makefile").write_text("VERSION = 0\n")
    (source / "kernel/a.c").write_text("int a;\n")
    root = folder / "root"
    (root / "usr/src").mkdir(parents=True)
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(
        f"Package: {PACKAGE}\nVersion: 0.1.2-1~deb\nArchitecture: all\n"
        "Maintainer: nobody <nobody@example.org>\nDescription: a source\n"
    )
    tar = root / "usr/src" / f"{PACKAGE}.tar.xz"
    subprocess.run(["tar", "-cJf", tar, "-C", folder, source.name], check=True)
    deb = folder / f"{PACKAGE}_0.1.2-1~deb_all.deb"
    subprocess.run(["dpkg-deb", "-b", root, deb], check=True, capture_output=True)
    return deb


@pytest.fixture(name="apt")
def _apt(deb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeApt:
    apt = FakeApt(deb)
    monkeypatch.setattr(fetch, "Apt", lambda *_: apt)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return apt


def shelf(tmp_path: Path) -> Path:
    return tmp_path / "nslab/sources" / PACKAGE


def test_fetched_once_and_then_never_asked_for_again(apt: FakeApt) -> None:
    source = fetch.ensure_source(PACKAGE, SUITE)
    assert (source.version, source.sha256) == ("0.1.2-1~deb", apt.sha256)
    assert (source.tree / "kernel/a.c").read_text() == "int a;\n"
    assert not (source.tree / "kernel/a.c").stat().st_mode & 0o222
    apt.known = False  # nor is the package looked up
    assert fetch.ensure_source(PACKAGE, SUITE) == source
    assert apt.downloads == 1


def test_two_at_once_fetch_once(apt: FakeApt) -> None:
    threads = [threading.Thread(target=fetch.ensure_source, args=(PACKAGE, SUITE)) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert apt.downloads == 1


def test_another_content_than_the_record_says_is_refused(apt: FakeApt, tmp_path: Path) -> None:
    apt.sha256 = "0" * 64
    with pytest.raises(LabError, match="its record says 0000") as caught:
        fetch.ensure_source(PACKAGE, SUITE)
    assert caught.value.status == 3
    assert not list(shelf(tmp_path).iterdir())


def test_an_interrupted_download_leaves_nothing(
    apt: FakeApt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(record: Record, folder: Path) -> Path:
        (folder / "half.deb").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(apt, "download", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch.ensure_source(PACKAGE, SUITE)
    assert not list(shelf(tmp_path).iterdir())


def test_a_killed_extraction_is_begun_again_without_a_fetch(apt: FakeApt, tmp_path: Path) -> None:
    source = fetch.ensure_source(PACKAGE, SUITE)
    # As a power cut leaves it: half a tree, under its other name.
    source.tree.rename(source.tree.parent / "extracting")
    (source.tree.parent / "extracting/Makefile").unlink()
    (shelf(tmp_path) / "fetching-1").mkdir()
    assert fetch.ensure_source(PACKAGE, SUITE) == source
    assert (source.tree / "Makefile").exists()
    assert apt.downloads == 1
    assert [path.name for path in shelf(tmp_path).iterdir()] == [source.version]
    assert not (source.tree.parent / "extracting").exists()


def test_an_interrupted_extraction_leaves_no_tree(
    apt: FakeApt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*commands: list[str]) -> None:
        Path(commands[-1][-1], "Makefile").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "_pipeline", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch.ensure_source(PACKAGE, SUITE)
    left = sorted(path.name for path in (shelf(tmp_path) / "0.1.2-1~deb").iterdir())
    assert left == [apt.deb.name, "record.json"]


def test_a_full_disk_is_said_before_it_is_full(
    apt: FakeApt, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage: Any = shutil.disk_usage("/")._replace(free=100_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(LabError, match=r"needs 2 GB, .* has 0.1 GB free: make room") as caught:
        fetch.ensure_source(PACKAGE, SUITE)
    assert caught.value.status == 3


def test_a_package_with_something_else_in_it(apt: FakeApt, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="extraction failed: tar: ./usr/src/other.tar.xz: Not found"):
        fetch.ensure_source("other", SUITE)


def test_the_newest_version_in_the_cache_is_taken(apt: FakeApt, tmp_path: Path) -> None:
    source = fetch.ensure_source(PACKAGE, SUITE)
    for version in ("0.1.10-1", "0.1.9-1"):
        folder = shelf(tmp_path) / version
        (folder / "tree").mkdir(parents=True)
        text = (source.tree.parent / "record.json").read_text()
        (folder / "record.json").write_text(text.replace(source.version, version))
    assert fetch.ensure_source(PACKAGE, SUITE).version == "0.1.10-1"


def test_a_package_that_nobody_knows(
    apt: FakeApt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    apt.known = False
    asked = []

    class Both:
        def __new__(cls) -> Any:
            return apt

        @staticmethod
        def private(root: Path, sources: str) -> FakeApt:
            asked.append(sources)
            return apt

    monkeypatch.setattr(fetch, "Apt", Both)
    monkeypatch.setattr("nslab_lab.build.apt._codename", lambda: "bookworm")
    with pytest.raises(LabError, match="no package linux-source-0.1: neither in apt's own"):
        fetch.ensure_source(PACKAGE, SUITE)
    assert "URIs: http://archive/debian-security\nSuites: bookworm-security\n" in asked[0]


# === apt ===


def test_where_a_suite_is_to_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nslab_lab.build.apt._codename", lambda: "bookworm")
    archives = [
        Archive("bookworm-updates", "bookworm-updates", "http://archive/other", ""),
        Archive("bookworm", "stable", "http://archive/debian", "/some/keyring.gpg"),
    ]
    where, sources = sibling(archives, "trixie-backports")
    assert where == "http://archive/debian trixie-backports"
    assert "Signed-By: /some/keyring.gpg\n" in sources
    assert "trusted" not in sources.lower()
    with pytest.raises(LabError, match="knows no archive of bookworm"):
        sibling([], SUITE)


def test_a_private_apt_with_no_archive_behind_it(tmp_path: Path) -> None:
    sources = f"Types: deb\nURIs: file:{tmp_path}/none\nSuites: some\nComponents: main\n"
    with pytest.raises(LabError, match="apt-get update failed: ") as caught:
        Apt.private(tmp_path / "apt", sources)
    assert "\n" not in caught.value.message
    assert caught.value.status == 3


def test_an_error_of_the_download_is_passed_on(
    apt: FakeApt, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __new__(cls) -> Any:
            return apt

        @staticmethod
        def refreshed(root: Path) -> FakeApt:
            raise lab_failed("apt-get update failed: no network")

    def fails(record: Record, folder: Path) -> Path:
        raise lab_failed("404")

    monkeypatch.setattr(fetch, "Apt", Broken)
    monkeypatch.setattr(apt, "download", fails)
    with pytest.raises(LabError, match="no network"):
        fetch.ensure_source(PACKAGE, SUITE)

# SPDX-License-Identifier: GPL-2.0
"""uml/kernels.toml, and what it says about a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nslab_lab.build import kernels
from nslab_lab.host.errors import LabError

GOOD = """\
default = "6.12"

[kernels."6.12"]
about = "one"
source = "linux-source-6.12"
suite = "{codename}-security"
patches = "6.12"

[kernels."6.12".engines.det]
config = ["base.config"]
cmdline = ["time-travel=inf-cpu"]

[kernels."7.3"]
about = "another"
source = "linux-source-7.3"
suite = "trixie-backports"
patches = "7.3"
cflags = ["-fno-var-tracking"]
engines.det = { config = ["base.config"], cmdline = [] }
engines.smp = { config = ["base.config"], cmdline = ["ncpus=2"] }
"""


SERIES = """\
series.new = { file = "series", about = "one" }
series.old = { file = "series.old", about = "two" }
"""


def load(folder: Path, text: str) -> kernels.Kernels:
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "base.config").write_text("CONFIG_NET=y\n")
    path = folder / "kernels.toml"
    path.write_text(text)
    return kernels.load(path, folder / "patches")


def test_the_labs_own_file_is_good() -> None:
    entry = kernels.load().entry()
    assert entry.name == "6.12"
    assert entry.engine().name == "det"


def test_a_second_kernel_with_two_engines_is_only_an_entry(tmp_path: Path) -> None:
    entry = load(tmp_path, GOOD).entry("7.3")
    assert list(entry.engines) == ["det", "smp"]
    assert entry.engine("smp").cmdline == ("ncpus=2",)
    assert entry.cflags == ("-fno-var-tracking",)
    assert entry.one_series().file == tmp_path / "patches" / "7.3" / "series"


def test_a_kernel_in_two_designs(tmp_path: Path) -> None:
    folder = tmp_path / "patches" / "6.12"
    folder.mkdir(parents=True)
    for name in ("series", "series.old"):
        (folder / name).write_text("")
    text = GOOD.replace('patches = "6.12"\n', f'patches = "6.12"\n{SERIES}', 1)
    entry = load(tmp_path, text).entry()
    assert entry.one_series().name == "new"
    assert entry.one_series("old").file == folder / "series.old"
    with pytest.raises(LabError, match="kernel 6.12 has no series no, it has: new, old") as caught:
        entry.one_series("no")
    assert caught.value.status == 2
    with pytest.raises(LabError, match="series.new.file: no such file .*/seris") as caught:
        load(tmp_path, text.replace('"series"', '"seris"'))
    assert caught.value.status == 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('source = "linux-source-6.12"\n', "", 'kernels.toml:3: kernels.6.12.source: is missing'),
        ('about = "one"', "about = 1", "kernels.toml:4: kernels.6.12.about: has to be a string"),
        ('suite = "{', 'suit = "{', "kernels.toml:6: kernels.6.12.suit: no such key"),
        ('["base.config"]\ncmd', '["bas.config"]\ncmd', "kernels.toml:10: kernels.6.12.engines"),
        ('default = "6.12"', 'default = "6.13"', "kernels.toml:1: default: no kernel 6.13"),
        ('default = "6.12"', "default =", "kernels.toml:1: not TOML"),
    ],
)
def test_a_bad_entry_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in GOOD
    with pytest.raises(LabError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert says in caught.value.message
    assert caught.value.status == 2


def test_an_unknown_kernel_or_engine_is_bad_input(tmp_path: Path) -> None:
    known = load(tmp_path, GOOD)
    with pytest.raises(LabError, match="no kernel 5.4, there are: 6.12, 7.3") as caught:
        known.entry("5.4")
    assert caught.value.status == 2
    with pytest.raises(LabError, match="kernel 6.12 has no engine smp, it has: det"):
        known.entry().engine("smp")

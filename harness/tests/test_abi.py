# SPDX-License-Identifier: GPL-2.0
"""What the harness reads from the kernel's headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from nslab_lab.findings import stepping
from nslab_lab.guest import abi
from nslab_lab.host.errors import LabError

HEADER = """\
#define NSLAB_A\t\t3
#define NSLAB_B\t0x10\t/* a comment */
#define NSLAB_TEXT\t"3"
enum nslab_order {
\tNSLAB_FIRST,\t/* one */
\tNSLAB_SECOND,
};
struct nslab_small {
\t__u8 a;
\t__u8 b;
\t__u16 c;
\t__u64 d;
};
struct nslab_odd {
\t__u8 a[3];
};
"""


@pytest.fixture
def header(tmp_path: Path) -> Path:
    path = tmp_path / "uapi.h"
    path.write_text(HEADER)
    return path


def test_constants(header: Path) -> None:
    assert abi.constant("NSLAB_A", header) == 3
    assert abi.constant("NSLAB_B", header) == 16
    for name in ("NSLAB_TEXT", "NSLAB_C"):
        with pytest.raises(LabError, match=f"does not define {name} as a number") as caught:
            abi.constant(name, header)
        assert caught.value.status == 3


def test_enumerators(header: Path) -> None:
    assert abi.enumerators("nslab_order", header) == {"NSLAB_FIRST": 0, "NSLAB_SECOND": 1}
    with pytest.raises(LabError, match="does not define enum nslab_none"):
        abi.enumerators("nslab_none", header)


def test_layout(header: Path) -> None:
    members, packed = abi.layout("nslab_small", header)
    assert members == ("a", "b", "c", "d") and packed.unpack(packed.pack(1, 2, 3, 4)) == (1, 2, 3, 4)
    for name in ("nslab_odd", "nslab_none"):
        with pytest.raises(LabError, match=f"does not define struct {name} of integers"):
            abi.layout(name, header)


def test_a_header_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="uapi.h: No such file") as caught:
        abi.constant("NSLAB_A", tmp_path / "uapi.h")
    assert caught.value.status == 3


def test_the_labs_own() -> None:
    assert abi.event_kinds()[:2] == ("point", "fault")
    assert len(abi.event_kinds()) == abi.EVENTS.read_text().count("\nNSLAB_EVENT(")
    assert stepping.SIZE == 32

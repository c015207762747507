# SPDX-License-Identifier: GPL-2.0
"""`nslab history` on two bugs that the first execution shows."""

from __future__ import annotations

import json
import re

from lab import nslab
from nslab_lab.build.kernel import Kernel
from nslab_lab.host.paths import BUILD

TWO = "net-by-id,keyring-join"


def test_bugs_that_were_put_back_are_found(kernel: Kernel) -> None:
    done = nslab("history", "--only", TWO, "--executions", 40, "--cap", 10)
    assert done.status == 0, done.out + done.err
    said = " ".join(done.out.split())
    assert "2 of 2 bugs found, 2 by at least 3 of 4 strategies" in said
    # The same scenarios on the kernel as it should be.
    assert "the correct kernel: 80 executions of 2 scenarios, 0 findings" in said
    assert re.search(r"takes a plain reference refcount: random 1 \(.* pct 1 \(.* pos 1 \(.* bounded 1 \(", said)
    kept = json.loads((BUILD / "history" / "latest" / "history.json").read_text())
    by_id = {one["id"]: one for one in kept["bugs"]}
    assert {hunt["oracle"] for hunt in by_id["net-by-id"]["hunts"]} == {"refcount"}
    assert {hunt["oracle"] for hunt in by_id["keyring-join"]["hunts"]} == {"assertion"}
    # Each was a kernel of its own, and none the correct one.
    assert len({by_id[name]["kernel_id"] for name in by_id} | {kernel.id}) == 3

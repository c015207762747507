# SPDX-License-Identifier: GPL-2.0
"""How long it takes to go back in gdb, beside the run up to there."""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path

from nslab_lab.host.errors import lab_failed
from nslab_lab.host.paths import REPO

STEP = 150

# Each round boots up to the step, then goes back from there to the point before.
_SCRIPT = """\
python
import json, time
from nslab_gdb.guest import GUEST
def seconds(call):
    start = time.monotonic()
    call()
    return time.monotonic() - start
rounds = []
for _ in range({rounds}):
    GUEST.end()
    there = seconds(lambda: gdb.execute("nslab goto {step}", to_string=True))
    back = seconds(lambda: gdb.execute("nslab back", to_string=True))
    rounds.append([there, back])
print("nslab-bench:" + json.dumps(rounds))
end
"""


def lines(scenario: str, rounds: int, folder: Path) -> list[str]:
    """What to tell of @rounds with @scenario; a script is left in @folder. Raises LabError."""
    script = folder / "bench.gdb"
    script.write_text(_SCRIPT.format(rounds=rounds, step=STEP))
    done = subprocess.run(
        [REPO / "harness" / "nslab", "gdb", "--scenario", scenario, "--script", script],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if line.startswith("nslab-bench:")]
    if not said:
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise lab_failed(f"gdb did not complete its rounds: {last}; see {script}")
    pairs = json.loads(said[0].partition(":")[2])
    there, back = (statistics.median(pair[index] for pair in pairs) for index in (0, 1))
    return [
        f"{scenario} under gdb, median of {rounds} rounds",
        "",
        f"  boot, and run up to step {STEP}: {1000 * there:,.0f} ms",
        f"  nslab back, from there to the point before: {1000 * back:,.0f} ms, "
        f"{back / there:.2f} times as long",
        "",
    ]

# SPDX-License-Identifier: GPL-2.0
"""JSON that is compared, or has a digest."""

from __future__ import annotations

import json
from typing import Any


def canonical(data: Any) -> str:
    """One line of JSON; equal data gives equal bytes."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

# SPDX-License-Identifier: GPL-2.0
"""matplotlib, with its list of fonts in the lab's cache: nothing else of the user's home is touched.

To be imported before any part of matplotlib is.
"""

import os

from nslab_lab.host.paths import cache

os.environ.setdefault("MPLCONFIGDIR", str(cache() / "matplotlib"))

import matplotlib  # noqa: E402  (it looks for its folder when it is imported)

__all__ = ["matplotlib"]

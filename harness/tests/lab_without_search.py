#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The lab, but a finding of no strategy is made smaller from its trace alone."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from nslab_lab.cli import main  # noqa: E402  (the path has to be set first)
from nslab_lab.findings import trials  # noqa: E402

trials.SEARCH_EXECUTIONS = trials.DRAWN_EXECUTIONS = 1
sys.exit(main.main(sys.argv[1:]))

# SPDX-License-Identifier: GPL-2.0
"""One boot: the plan goes in, results and console come out, a verdict is given."""

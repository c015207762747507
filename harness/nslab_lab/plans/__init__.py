# SPDX-License-Identifier: GPL-2.0
"""What is to be run: plans, profiles, strategies, tokens; all of it text that a run is a function of."""

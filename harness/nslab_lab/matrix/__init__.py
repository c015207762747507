# SPDX-License-Identifier: GPL-2.0
"""Which defect is caught by which scenario, strategy and oracle, and how soon."""

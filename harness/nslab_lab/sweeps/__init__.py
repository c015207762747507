# SPDX-License-Identifier: GPL-2.0
"""Sweeps: many cells for a whole night, and the report of it."""

# SPDX-License-Identifier: GPL-2.0
"""What a run says and leaves: tables, claims, coverage, its folder."""

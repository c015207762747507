# SPDX-License-Identifier: GPL-2.0
"""One finding: run again, made smaller, drawn."""

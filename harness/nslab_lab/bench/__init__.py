# SPDX-License-Identifier: GPL-2.0
"""The lab's own speed."""

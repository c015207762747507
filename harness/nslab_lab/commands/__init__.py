# SPDX-License-Identifier: GPL-2.0
"""The sub-commands that run scenarios or say what there is."""

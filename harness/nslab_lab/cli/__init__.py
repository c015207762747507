# SPDX-License-Identifier: GPL-2.0
"""The command line: its sub-commands, and the options that several of them share."""

# SPDX-License-Identifier: GPL-2.0
"""Many executions: split into boots, run by a pool of guests, until enough is found."""

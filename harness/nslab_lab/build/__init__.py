# SPDX-License-Identifier: GPL-2.0
"""From a kernel's name to a binary, from scenarios to the guest program, and what they offer."""

# SPDX-License-Identifier: GPL-2.0
"""What the kernel's debug information knows: lines, layouts of structs, callers of functions."""

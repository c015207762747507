# SPDX-License-Identifier: GPL-2.0
"""The lab's host side: build kernels, boot guests, judge what comes back."""

# SPDX-License-Identifier: GPL-2.0
"""Bugs of the public record, put back one by one: what finds them, and how soon."""

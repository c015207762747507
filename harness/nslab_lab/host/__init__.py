# SPDX-License-Identifier: GPL-2.0
"""What any program of the lab needs of the host: paths, errors, signals, files, the terminal."""

# SPDX-License-Identifier: GPL-2.0
"""`nslab build`: bring kernel and guest program up to date, and run nothing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from nslab_lab.build.guest_program import ensure_scenarios
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.host import paths
from nslab_lab.host.paths import shown

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands


def register(commands: Commands) -> None:
    """`nslab build`."""
    parser = commands.add_parser("build", help="fetch, patch and build the kernel and the scenarios")
    options.add_kernel_options(parser)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    kernel = ensure_kernel(args.kernel or None, args.patch, series_name=args.series or None)
    if (paths.SCENARIOS / "Makefile").exists():
        ensure_scenarios()
    design = f", series {kernel.series}" if kernel.series else ""
    print(f"kernel {kernel.name}{design}, id {kernel.id}: {shown(kernel.linux)}")
    return 0

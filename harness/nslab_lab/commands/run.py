# SPDX-License-Identifier: GPL-2.0
"""`nslab run`: executions of scenarios under faults, on guest after guest."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from nslab_lab.build import catalog, scenarios
from nslab_lab.build.kernel_build import ensure_kernel
from nslab_lab.cli import options
from nslab_lab.commands.one_run import Run
from nslab_lab.guest import demands
from nslab_lab.host import front
from nslab_lab.host.errors import bad_input
from nslab_lab.plans import plan, profiles, strategies
from nslab_lab.plans.strategies import Strategy
from nslab_lab.report import reach

if TYPE_CHECKING:
    from nslab_lab.cli.main import Commands


def register(commands: Commands) -> None:
    """`nslab run`."""
    parser = commands.add_parser("run", help="run scenarios under faults")
    options.add_kernel_options(parser)
    options.add_scenario_option(parser)
    parser.add_argument(
        "--profile", metavar="NAME|FILE", help=f"faults to inject ({plan.DEFAULT_PROFILE})"
    )
    parser.add_argument("--strategy", metavar="NAME", help=f"how the next actor is chosen ({plan.DEFAULT_STRATEGY})")
    parser.add_argument(
        "--depth", metavar="D", help=f"pct: depth of the bug to find ({strategies.DEFAULT_DEPTH})"
    )
    parser.add_argument(
        "--preemptions", metavar="C",
        help=f"bounded: at most this many ({strategies.DEFAULT_PREEMPTIONS})",
    )  # fmt: skip
    parser.add_argument(
        "--unpruned", action="store_true",
        help="bounded: also run schedules that are equivalent to others",
    )  # fmt: skip
    parser.add_argument("--variant", metavar="NAME", help=f"deliberate defect ({plan.NO_VARIANT})")
    parser.add_argument(
        "--executions", metavar="N",
        help=f"of each scenario ({plan.DEFAULT_EXECUTIONS}); bounded: at most this many of each "
        f"input ({plan.DEFAULT_SEARCH})",
    )
    parser.add_argument("--seed", metavar="N", help=f"seed of all random numbers ({plan.DEFAULT_SEED})")
    parser.add_argument(
        "--findings", metavar="N", help="stop a scenario after this many (1); 0: never"
    )
    parser.add_argument("--batch", metavar="N", help=f"executions a boot ({plan.BATCH})")
    options.add_guest_options(parser)
    parser.set_defaults(handler=_command)


def _command(args: argparse.Namespace) -> int:
    whole = options.whole
    # Whatever can be wrong is looked at before anything takes long.
    name = args.strategy or plan.DEFAULT_STRATEGY
    default = plan.DEFAULT_SEARCH if name == "bounded" else plan.DEFAULT_EXECUTIONS
    numbers = {
        "executions": whole("executions", args.executions, default, 1, 10**9),
        "seed": whole("seed", args.seed, plan.DEFAULT_SEED, 0, 2**64 - 1),
        "findings": whole("findings", args.findings, 1, 0, 10**6),
        "batch": whole("batch", args.batch, plan.BATCH, 1, 10**6),
    }
    jobs = options.jobs_of(args)
    strategy = _strategy(args, name)
    usual = plan.DEFAULT_STEERED_PROFILE if strategy.steers else plan.DEFAULT_PROFILE
    profile = profiles.load(args.profile or usual)
    if profile.fail_nth and not args.executions:
        numbers["executions"] = 0  # as many as that takes, which is not known yet
    variant = catalog.choose("variant", args.variant or plan.NO_VARIANT, catalog.variants())
    options.check_variants(args, [variant])
    demands.check()
    guest, chosen = scenarios.choose(args.scenario)
    catalog.choose("strategy", name, guest.program.strategies)
    if name == "replay":
        raise bad_input("strategy 'replay' is for tokens: make replay TOKEN=...")
    options.check_profile(profile, strategy)
    kernel = ensure_kernel(args.kernel or None, args.patch, series_name=args.series or None)
    machine = options.machine(args, kernel, guest.init)
    reach.check(kernel, chosen)
    run_plan = plan.make(
        kernel.name, kernel.id, profile, tuple(one.name for one in chosen),
        options.watching(profile, kernel, chosen), variant=variant, strategy=str(strategy),
        actors=tuple(one.actors for one in chosen),
        inputs=tuple(one.inputs for one in chosen), unpruned=args.unpruned,
        series=kernel.series, **numbers,
    )  # fmt: skip
    return Run(run_plan, machine, kernel, profile, args.patch, guest, chosen).run(jobs)


def _strategy(args: argparse.Namespace, name: str) -> Strategy:
    whole = options.whole
    depth = whole("depth", args.depth, strategies.DEFAULT_DEPTH, 1, strategies.MAX_DEPTH)
    preemptions = whole(
        "preemptions", args.preemptions, strategies.DEFAULT_PREEMPTIONS,
        0, strategies.MAX_PREEMPTIONS,
    )  # fmt: skip
    of = {"depth": "pct", "preemptions": "bounded", "unpruned": "bounded"}
    for option, strategy in of.items():
        if getattr(args, option) and name != strategy:
            raise bad_input(f"{front.option(option)} is for strategy {strategy}, not for {name}")
    match name:
        case "pct":
            return Strategy("pct", depth=depth)
        case "bounded":
            return Strategy("bounded", preemptions=preemptions)
    return Strategy(name)

# SPDX-License-Identifier: Apache-2.0
"""Options of how a command runs, and not of what it computes."""

from __future__ import annotations

import argparse
import re

from nipype_mapsmasker.cli.options import add_options
from nipype_mapsmasker.core.parameters import (
    EngineParameters,
    MaskerParameters,
    parameters_of,
)

__all__ = ["add_array", "add_config", "add_engine", "add_switch", "add_verbosity"]


def add_switch(group: argparse._ArgumentGroup, name: str, default: bool, help: str) -> None:
    """Add --name and --no-name."""
    group.add_argument(
        name,
        action=argparse.BooleanOptionalAction,
        default=default,
        help=f"{help} (default: {'yes' if default else 'no'})",
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add the options of the engine."""
    group = parser.add_argument_group("engine")
    plugins = parameters_of(EngineParameters)["plugin"].choices
    group.add_argument(
        "--plugin",
        choices=plugins,
        default="MultiProc",
        metavar="NAME",
        help=f"engine: {', '.join(plugins)} (default: MultiProc)",
    )
    group.add_argument(
        "--n-procs",
        "--nprocs",
        "--n-cpus",
        type=int,
        metavar="N",
        help="processes (default: the cores at hand)",
    )
    group.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="runs that a process, or a task of an array, does one after the other (default: "
        "chosen by their number)",
    )
    group.add_argument(
        "--mem-gb",
        type=float,
        metavar="GB",
        help="memory of all processes together, for steps that run at a time (default: that at "
        "hand)",
    )
    group.add_argument(
        "--mem",
        dest="mem_gb",
        type=_gigabytes,
        metavar="SIZE",
        help="the same as nipreps have it: 16G, 16000M, and a bare number is MB",
    )
    group.add_argument(
        "--omp-nthreads",
        type=int,
        metavar="N",
        help="taken as nipreps have it, and not needed: steps share the cores of --n-procs",
    )
    group.add_argument("--plugin-args", metavar="FILE", help="JSON of further plugin arguments")
    group.add_argument(
        "-w", "--work-dir", metavar="DIR", help="working folder (default: OUT/.mapsmasker/work)"
    )
    add_switch(group, "--clean-work-dir", False, "remove the working folder after success")
    group.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    add_options(group, MaskerParameters, only=["on_error"], defaults={"on_error": "record"})
    add_verbosity(parser)


def add_array(parser: argparse.ArgumentParser) -> None:
    """Add the options of arrays of clusters."""
    group = parser.add_argument_group("array of a cluster")
    for cluster, command in (
        ("slurm", "sbatch"),
        ("sge", "Grid Engine's qsub"),
        ("pbs", "PBS's qsub"),
        ("lsf", "LSF's bsub"),
    ):
        group.add_argument(
            f"--write-{cluster}-array",
            metavar="FILE",
            help=f"write a script for {command} whose tasks each do some of the runs, and stop",
        )
    # For the script: one task's share of the runs, and the step that makes the tables.
    group.add_argument("--slice", metavar="K/N", help=argparse.SUPPRESS)
    group.add_argument("--only-tables", action="store_true", help=argparse.SUPPRESS)


def _gigabytes(text: str) -> float:
    """Read a size as nipreps' ``--mem`` has it."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", text.strip(), re.IGNORECASE)
    if found is None:
        msg = f"a size is 16G or 16000M, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return float(found[1]) * {"K": 1e-6, "M": 1e-3, "G": 1.0, "T": 1e3}[found[2].upper() or "M"]


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the options that stand for others."""
    group = parser.add_argument_group("configuration")
    group.add_argument(
        "--config",
        metavar="FILE",
        help="TOML of options by their names (smoothing-fwhm = 6); the command line wins",
    )
    group.add_argument(
        "--write-config", metavar="FILE", help="write the options of this call, and stop"
    )


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    """Add -v and -q."""
    group = parser.add_argument_group("messages")
    group.add_argument("-v", "--verbose", action="store_true", help="more, tracebacks included")
    group.add_argument("-q", "--quiet", action="store_true", help="errors only")

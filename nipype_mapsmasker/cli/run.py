# SPDX-License-Identifier: Apache-2.0
"""The command ``run``: its arguments to a request, and how it went to the screen."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from nipype_mapsmasker.cli.config import write_config
from nipype_mapsmasker.cli.options import masker_parameters, value_of
from nipype_mapsmasker.cli.parser import build_parser, parser_of
from nipype_mapsmasker.cli.screen import (
    set_logs,
    show_array,
    show_plan,
    show_progress,
    show_summary,
)
from nipype_mapsmasker.cohort.request import ARRAYS, CohortRequest
from nipype_mapsmasker.cohort.run import plan_cohort, run_cohort
from nipype_mapsmasker.core.parameters import (
    MaskerParameters,
    SelectionParameters,
    parameters_of,
    values_of,
)
from nipype_mapsmasker.io.sidecars import read_json_object

__all__ = ["engine_of", "request_of", "run", "run_and_show", "selection_of"]

ENGINE = (
    "plugin",
    "n_procs",
    "batch_size",
    "mem_gb",
    "work_dir",
    "clean_work_dir",
    "dry_run",
    "on_error",
)
"""Options of every command that runs a cohort, under the request's own names."""

OWN = (
    "input",
    "out_dir",
    "maps",
    "atlas_names",
    "labels",
    "mask",
    "t_r",
    "confounds",
    "sample_mask",
    "slice",
    "only_tables",
    *ARRAYS,
    "atlas",
    "atlas_dir",
)
"""Options of ``run`` besides, likewise."""


def run(arguments: argparse.Namespace) -> int:
    """
    Run the command.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``run``.

    Returns
    -------
    int
        The exit code.
    """
    if arguments.write_config is not None:
        request_of(arguments)  # nothing is written of a call that makes no sense
        command = parser_of(build_parser(["run"]), "run")
        print(f"mapsmasker: wrote {write_config(arguments.write_config, arguments, command)}")
        return 0
    return run_and_show(request_of(arguments), verbose=arguments.verbose, quiet=arguments.quiet)


def request_of(arguments: argparse.Namespace) -> CohortRequest:
    """
    Turn the arguments into a request.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``run``.

    Returns
    -------
    CohortRequest
        Checked.

    Raises
    ------
    ParameterError
        A value, or two together, make no sense, or a file of values cannot be read.
    """
    values = values_of(masker_parameters(arguments), MaskerParameters)
    del values["atlases"]  # follows from maps and atlas_names
    values |= {name: getattr(arguments, name) for name in OWN}
    values["maps"] = arguments.maps or ()
    values |= selection_of(arguments)
    return CohortRequest(**values | engine_of(arguments))


def selection_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """
    Take the options that choose runs of a BIDS folder.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of a command that takes a BIDS folder.

    Returns
    -------
    dict
        Fields of `InputRequest`.
    """
    return {
        name: value_of(declared, getattr(arguments, name))
        for name, declared in parameters_of(SelectionParameters).items()
    }


def engine_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """
    Take the engine's options.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of a command that runs a cohort.

    Returns
    -------
    dict
        Fields of `CohortRequest`.
    """
    values = {name: getattr(arguments, name) for name in ENGINE}
    if arguments.plugin_args is not None:
        values["plugin_args"] = read_json_object(arguments.plugin_args, "--plugin-args")
    return values | {"command": arguments.command_line}


def run_and_show(request: CohortRequest, *, verbose: bool, quiet: bool) -> int:
    """
    Do what is asked for, and say what will be done, how far it is, and how it went.

    Parameters
    ----------
    request : CohortRequest
        The request.
    verbose, quiet : bool
        Say more; say errors only.

    Returns
    -------
    int
        The exit code.
    """
    set_logs(verbose=verbose, quiet=quiet)
    plan = plan_cohort(request)
    if plan.runs and (request.dry_run or not quiet):
        to = sys.stdout if request.dry_run else sys.stderr
        show_plan(plan, request.plugin, to=to, is_dry=request.dry_run)
    with show_progress(quiet=quiet) as progress:
        result = run_cohort(request, plan=plan, progress=progress)
    if result.array is not None:
        show_array(result.array)
    elif plan.runs and not request.dry_run:
        show_summary(result, to=sys.stderr, quiet=quiet)
    return result.exit_code

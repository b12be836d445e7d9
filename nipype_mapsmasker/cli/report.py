# SPDX-License-Identifier: Apache-2.0
"""The commands ``report`` and ``figures``: pages and figures of a result folder, once more."""

from __future__ import annotations

import argparse
from pathlib import Path

from nipype_mapsmasker.cli.options import value_of
from nipype_mapsmasker.cohort.lock import locked
from nipype_mapsmasker.core.parameters import PageParameters, parameters_of
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.places import check_result_folder
from nipype_mapsmasker.io.results.layout import private_folder

__all__ = ["figures", "report"]


def report(arguments: argparse.Namespace) -> int:
    """
    Run the command.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``report``.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    ParameterError
        The folder holds no results, or is in use.
    """
    from nipype_mapsmasker.plugins.resources import available_cpus
    from nipype_mapsmasker.reports.folder import make_reports, result_runs

    out_dir = Path(arguments.out_dir)
    result_runs(out_dir)  # before a lock is laid into a folder that is not one of results
    n_procs = available_cpus() if arguments.n_procs is None else arguments.n_procs
    if n_procs < 1:
        msg = f"--n-procs must be 1 or more; got {n_procs}."
        raise ParameterError(msg)
    check_result_folder(out_dir)
    given = arguments.displayed_maps
    wish = (
        None if given is None else value_of(parameters_of(PageParameters)["displayed_maps"], given)
    )
    with locked(private_folder(out_dir)):
        pages = make_reports(out_dir, wish, arguments.cmap, n_procs=n_procs)
    if not arguments.quiet:
        print(f"mapsmasker: {len(pages)} pages; begin with {pages[-1]}")
    return 0


def figures(arguments: argparse.Namespace) -> int:
    """
    Run the command.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``figures``.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    ParameterError
        The folder holds no results.
    """
    from nipype_mapsmasker.reports.figures import write_figures

    made = write_figures(arguments.out_dir, arguments.format)
    if not arguments.quiet:
        print(f"mapsmasker: {len(made)} figures in {Path(arguments.out_dir) / 'figures'}")
    return 0

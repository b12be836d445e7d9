# SPDX-License-Identifier: Apache-2.0
"""The commands ``report`` and ``figures``: pages and figures of a result folder, once more."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nipype_mapsmasker.cli.options import value_of
from nipype_mapsmasker.cli.run import engine_of
from nipype_mapsmasker.cli.screen import counted, set_logs, show_progress
from nipype_mapsmasker.core.parameters import PageParameters, parameters_of
from nipype_mapsmasker.io.places import check_result_folder
from nipype_mapsmasker.io.results.manifests import WITH_RESULTS

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
        0, or 1 where a page could not be drawn.

    Raises
    ------
    ParameterError
        The folder holds no results, or is in use.
    """
    from nipype_mapsmasker.cohort.pages import PagesRequest, make_pages
    from nipype_mapsmasker.reports.folder import result_runs

    set_logs(verbose=arguments.verbose, quiet=arguments.quiet)
    out_dir = Path(arguments.out_dir)
    n_done = sum(row.get("status") in WITH_RESULTS for row in result_runs(out_dir))
    check_result_folder(out_dir)
    given = arguments.displayed_maps
    wish = (
        None if given is None else value_of(parameters_of(PageParameters)["displayed_maps"], given)
    )
    engine = engine_of(arguments)
    fields = (
        "plugin", "n_procs", "batch_size", "mem_gb", "plugin_args", "work_dir", "on_error",
    )  # fmt: skip
    request = PagesRequest(
        out_dir=str(out_dir),
        displayed_maps=wish,
        cmap=arguments.cmap,
        **{name: engine[name] for name in fields if name in engine},
    )
    if arguments.dry_run:
        of = f"{counted(n_done, 'run')} in {out_dir}"
        print(f"mapsmasker: pages of {of}; engine {request.plugin}")
        return 0
    with show_progress(quiet=arguments.quiet) as progress:
        made = make_pages(request, progress)
    for text in made.warnings:
        print(f"mapsmasker: {text}", file=sys.stderr)
    if not arguments.quiet:
        print(f"mapsmasker: {counted(len(made.pages), 'page')}; begin with {made.pages[-1]}")
    return 1 if made.warnings else 0


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

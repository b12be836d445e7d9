# SPDX-License-Identifier: Apache-2.0
"""The command ``report``: the pages of a result folder again, without the images."""

from __future__ import annotations

import argparse
from pathlib import Path

from nipype_mapsmasker.cli.options import value_of
from nipype_mapsmasker.cohort.lock import locked
from nipype_mapsmasker.core.parameters import PageParameters, parameters_of
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.layout import private_folder

__all__ = ["report"]


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
    from nipype_mapsmasker.reports.folder import make_reports

    out_dir = Path(arguments.out_dir)
    if not (out_dir / "runs.tsv").is_file():
        msg = f"{out_dir} holds no runs.tsv: give the result folder of an earlier run."
        raise ParameterError(msg)
    given = arguments.displayed_maps
    wish = (
        None if given is None else value_of(parameters_of(PageParameters)["displayed_maps"], given)
    )
    with locked(private_folder(out_dir)):
        pages = make_reports(out_dir, wish, arguments.cmap)
    if not arguments.quiet:
        print(f"mapsmasker: {len(pages)} pages; begin with {pages[-1]}")
    return 0

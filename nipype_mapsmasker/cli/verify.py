# SPDX-License-Identifier: Apache-2.0
"""The command ``verify``: runs of a result folder done again with nilearn."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["verify"]


def verify(arguments: argparse.Namespace) -> int:
    """
    Run the command.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``verify``.

    Returns
    -------
    int
        0 where all is the same or documented, else 1.

    Raises
    ------
    ParameterError
        nilearn is not installed, or the folder does not say what it was made of.
    """
    from nipype_mapsmasker.verify import verify_folder
    from nipype_mapsmasker.verify.reference import reference_version

    out_dir = Path(arguments.out_dir)
    print(f"mapsmasker: comparing with nilearn {reference_version()} in float64")
    n_wrong = 0
    for found in verify_folder(out_dir, n_runs=arguments.runs, seed=arguments.seed):
        name = found.file.relative_to(out_dir)
        print(f"{name}: {found.difference:.1e} SD, {found.verdict}")
        n_wrong += not found.is_explained
    if n_wrong:
        differ = "1 file differs" if n_wrong == 1 else f"{n_wrong} files differ"
        print(f"mapsmasker: {differ} without a documented cause")
    return 1 if n_wrong else 0
